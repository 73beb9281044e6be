"""A study: settings are drawn, each trial is one run per seed, and the best median wins."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DsrError, SpecError, StoreError
from dsr.models import Range
from dsr.training.searching.search_space import make_sampler

from ..claim import RunClaimed, claimant
from ..execute import Progress, Pruned, RunResult, execute
from ..manifest import state
from ..resolve import resolve
from ..spec import RunSpec, override, parse
from ..store import RunFolder, RunStore
from .objective import require_objective, require_truth, value_and_loss
from .pruning import Watch, history_scores

FINISHED, PRUNED, FAILED = "finished", "pruned", "failed"
ELSEWHERE_SECONDS = 2.0  # between looks at a run that another process computes
# what a sampler learns of trials without a loss: it looks at ranks only
TOLD = {PRUNED: 1e11, FAILED: 1e12}


@dataclass(frozen=True)
class Trial:
    """settings : what was drawn. loss : median over seeds, infinite unless most runs have a number. state :
    "finished", "pruned", or "failed". runs : ids. reason : of a failure. scores : the best free-run score at each check
    of training. value : of the objective, in the run of the median."""

    settings: Mapping[str, Any]
    loss: float
    state: str
    runs: tuple[str, ...]
    reason: str = ""
    scores: tuple[float, ...] = ()
    value: float | None = None


@dataclass(frozen=True)
class Study:
    """trials in order; best : the one of least loss, None if all failed; spec : its first run's."""

    objective: str
    trials: tuple[Trial, ...]
    best: Trial | None
    spec: RunSpec | None


def tune(
    tree: Mapping[str, Any],
    space: Mapping[str, Range],
    store: RunStore,
    *,
    objective: str = "D_stsp",
    trials: int = 20,
    seeds: int = 1,
    sampler: str = "optuna",
    seed: int = 0,
    prune: bool = True,
    say: Progress,
) -> Study:
    """Search the settings in `space` for the least loss (see `value_and_loss`).

    The draws follow from `seed` and the losses so far, and every run is in the store: the same call computes only what
    is missing there, and ends with the same trials. A trial of one seed is pruned by `is_behind`. A run that another
    process is computing is waited for.

    It misleads like all tuning: the objective is that of each trial's own test series, so the winner's value is too
    good. Judge it with seeds that were not tuned on, or with a file kept back.

    Raises `SpecError` for an empty space, an objective that such runs do not have, an unknown setting, a sampler that
    is not installed, and `StoreError` for a store that cannot be read or written.
    """
    if not space:
        raise SpecError("nothing to vary", "one or more key=low..high", "add for example model.hidden_dim=10..200")
    if trials < 1 or seeds < 1:
        raise SpecError(f"{trials} trials of {seeds} seeds", "1 or more of each", "give --trials 20")
    require_objective(objective)
    proposals = make_sampler(sampler, space, seed)
    found: list[Trial] = []
    for number in range(trials):
        settings = proposals.ask()
        say.stage(f"trial {number + 1} of {trials}")
        earlier = [t.scores for t in found if t.scores] if prune and seeds == 1 else []
        trial = _trial(tree, settings, store, objective, seeds, earlier, say)
        found.append(trial)
        proposals.tell(trial.loss if math.isfinite(trial.loss) else TOLD.get(trial.state, TOLD[FAILED]))
    finished = [t for t in found if math.isfinite(t.loss)]
    best = min(finished, key=lambda t: t.loss) if finished else None
    _keep(store, tree, space, objective, seed, found)
    return Study(objective, tuple(found), best, None if best is None else spec_of(tree, best.settings))


def spec_of(tree: Mapping[str, Any], settings: Mapping[str, Any], further: int = 0) -> RunSpec:
    """The spec with these settings in it; `further` is added to its seed."""
    words = [f"{key}={value if isinstance(value, str) else repr(value)}" for key, value in settings.items()]
    changed = override(tree, words)
    return parse({**changed, "seed": changed.get("seed", 0) + further})


def _trial(
    tree: Mapping[str, Any],
    settings: Mapping[str, Any],
    store: RunStore,
    objective: str,
    seeds: int,
    earlier: Sequence[Sequence[float]],
    say: Progress,
) -> Trial:
    found: list[tuple[float | None, float]] = []
    ids, scores, reason = [], [], ""
    for further in range(seeds):
        spec = spec_of(tree, settings, further)
        try:
            require_truth(objective, spec)
            ids.append(resolve(spec).run_id)
            result = _computed(spec, store.folder(spec.experiment, ids[-1]), store, earlier, say)
        except Pruned as stop:
            return Trial(settings, math.inf, PRUNED, tuple(ids), scores=tuple(map(_score, stop.more["scores"])))
        except StoreError:
            raise  # says nothing about these settings
        except (DsrError, np.linalg.LinAlgError) as problem:
            if not further and isinstance(problem, SpecError) and not ids:
                raise  # a key that does not exist is wrong in every trial
            reason = str(problem)
            found.append((None, math.inf))
            continue
        found.append(value_and_loss(result.measures, objective))
        scores = history_scores(result.folder)
    value, loss = sorted(found, key=lambda pair: pair[1])[len(found) // 2]
    state = FAILED if reason and not math.isfinite(loss) else FINISHED
    return Trial(settings, loss, state, tuple(ids), reason, tuple(scores), value)


def _computed(
    spec: RunSpec, folder: RunFolder, store: RunStore, earlier: Sequence[Sequence[float]], say: Progress
) -> RunResult:
    """A run of a trial; one that another process computes is waited for. Raises `Pruned` also for one that was pruned
    before."""
    progress, seconds = Watch(folder, earlier, say), 0.0 if earlier else 10.0
    while True:
        if claimant(folder.path) is None:
            if state(folder) == PRUNED:
                raise Pruned("before", scores=folder.status["scores"])
            with suppress(RunClaimed):
                return execute(spec, store, progress=progress, checkpoint_seconds=seconds)
        say.stage(f"waiting for {folder.path.name}, which another process computes")
        time.sleep(ELSEWHERE_SECONDS)


def _score(value: float | None) -> float:
    return math.inf if value is None else value  # JSON has no infinity


def _keep(
    store: RunStore, tree: Mapping[str, Any], space: Mapping[str, Range], objective: str, seed: int,
    trials: Sequence[Trial],
) -> None:  # fmt: skip
    """The table of the study beside its runs, for reading; nothing is read back from it."""
    experiment = str(tree.get("experiment", "default"))
    varied = {key: [r.low, r.high, r.log, list(r.choices)] for key, r in space.items()}
    digest = hashlib.sha256(json.dumps([tree, varied, objective, seed], sort_keys=True).encode()).hexdigest()[:10]
    table = [
        {
            "settings": dict(t.settings),
            "value": t.value,
            "loss": t.loss,
            "state": t.state,
            "runs": list(t.runs),
            "reason": t.reason,
        }
        for t in trials
    ]
    RunFolder(store.root / experiment, store.root).write_json(
        f"tuning-{digest}.json", {"objective": objective, "space": varied, "seed": seed, "trials": table}
    )
