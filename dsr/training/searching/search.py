"""Search for the hyper-parameters of a model family, validated in closed loop over several seeds."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ...errors import DsrError, SpecError, unknown
from ...fate import NOT_JUDGED
from ...models import MODELS, ModelConfig, Range
from ...series import TimeSeries
from ..arguments import some_series
from ..fit import fit
from .search_space import make_sampler
from .search_validation import ClosedLoopValidation, hold_out

FINALISTS = 0.25  # share of the draws that all seeds are tried on
FEWEST_FINALISTS = 3
FAILED = 100.0  # nats, more than any score of a model that has not failed
FAILED_SHARE = 1.0  # nats for the share of failed seeds
NOT_FITTED = "not fitted"


@dataclass(frozen=True)
class Trial:
    """One fitted model.

    draw : 0 is the base configuration. score : lower is better, infinite for a failed model. valid_time : valid
    prediction time in time units. d_stsp, lambda_max : of its free runs, NaN where unknown. fate : a name of
    `dsr.fate`, or "not fitted: why". It is "not judged" for a draw whose forecasts were too short for it to be among
    the best whatever its free runs; `score` is then the least that it could be. seconds : wall time, which equality
    leaves out.
    """

    draw: int
    seed: int
    settings: Mapping[str, Any]
    score: float
    valid_time: float
    d_stsp: float
    lambda_max: float
    fate: str
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class SearchResult:
    """config : the best configuration. score : its median score over the seeds plus the share of failed ones,
    infinite where half of them failed. table : every fit. outcome : a sentence."""

    config: ModelConfig
    score: float
    table: tuple[Trial, ...]
    outcome: str


def search(
    name: str,
    train: TimeSeries | Sequence[TimeSeries],
    *,
    draws: int = 40,
    seeds: int = 3,
    space: Mapping[str, Range] | None = None,
    base: Mapping[str, Any] | None = None,
    sampler: str = "random",
    seed: int = 0,
    horizon: int | None = None,
    segments: int = 20,
    free_run: int = 20_000,
    training: Mapping[str, Any] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
) -> SearchResult:
    """The configuration of family `name` whose closed loop does best on the last fifth of the training data.

    Every draw is fitted once on the first four fifths (of the longest series) and judged on the rest by the length of
    its forecasts and the statistics of its free runs (`ClosedLoopValidation`); one-step errors play no part. The best
    quarter, three at least, is fitted with all seeds, and the best median wins. The base configuration is draw 0 and
    among these unless it fails, so the result is not worse than it, by this score. No other data are touched: fit the
    winner on all of `train` and test it elsewhere.

    Parameters
    ----------
    draws : configurations tried, the base included. seeds : initial weights for each of the best.
    space : ranges of the settings that vary; what the family declares if None, less the keys of `base`.
    base : settings that differ from the family's defaults, and stay fixed.
    sampler : "random", or "optuna" (pip install 'dsr-workbench[search]').
    seed : decides draws and weights; the same call gives the same table.
    horizon : rows of a forecast; by default half of the held-out rows, 3000 at most. segments : number of forecasts.
    free_run : steps of each of the 4 free runs (see `FreeRunScore`). When they are short, some 40 Lyapunov times or
        less, a chaotic model may be taken for one that leaves chaos.
    training : settings of `fit` for families that are trained by gradients, above all `steps`; `forcing` too.
    on_progress : called with (fits done, fits in all, best score so far).

    A draw that the family refuses or that cannot be solved is a failed one, named in the table. Where most seeds fail
    with every draw, the one that failed least is returned, with an infinite score and the reasons in `outcome`: its
    free runs are not to be relied on.

    Raises `SpecError` for settings that do not exist, `DataError` for series that are too short. It misleads when the
    held-out rows are shorter than the attractor's recurrence.
    """
    family = MODELS[name]
    fixed = dict(base or {})
    center = MODELS.build(name, fixed)
    ranges = _ranges(name, family, space, fixed)
    if not all(isinstance(n, int | np.integer) and n >= 1 for n in (draws, seeds)):
        raise SpecError(
            f"draws = {draws!r}, seeds = {seeds!r}", "1 or more of each, as integers", "change that setting"
        )
    series = some_series(train)
    fitted, held_out = hold_out(series, center.build(series[0].dim, seed).min_context)
    validation = ClosedLoopValidation(fitted, held_out, horizon=horizon, segments=segments, free_run=free_run)
    proposals = make_sampler(sampler, ranges, seed)
    finalists = max(FEWEST_FINALISTS, math.ceil(FINALISTS * draws))
    table: list[Trial] = []

    def attempt(draw: int, settings: Mapping[str, Any], own_seed: int, limit: float = math.inf) -> Trial:
        began = time.perf_counter()
        try:
            model = dataclasses.replace(center, **settings).build(held_out.dim, own_seed)
            fit(model, fitted, seed=own_seed, **(training or {}))
            found = dataclasses.asdict(validation(model, limit))
        except (DsrError, np.linalg.LinAlgError, torch.linalg.LinAlgError) as problem:
            if draw == 0 and isinstance(problem, DsrError):  # what is wrong with the defaults is wrong with the call
                raise
            why = f"{NOT_FITTED}: {problem}"
            found = {"score": math.inf, "valid_time": 0.0, "d_stsp": math.nan, "lambda_max": math.nan, "fate": why}
        trial = Trial(draw, own_seed, dict(settings), **found, seconds=time.perf_counter() - began)
        table.append(trial)
        if on_progress is not None:
            total = draws + min(draws, finalists) * (seeds - 1)
            on_progress(len(table), total, min(t.score for t in table))
        return trial

    tried = [attempt(0, {}, seed)]
    for draw in range(1, draws):
        leaders = sorted(t.score for t in tried[1:])[: finalists - 1]
        limit = leaders[-1] if len(leaders) == finalists - 1 else math.inf
        tried.append(attempt(draw, proposals.ask(), seed, limit))
        proposals.tell(_told(tried[-1], held_out.dt))
    best = sorted(tried[1:], key=lambda t: t.score)[: finalists - 1]
    leading = [t for t in [tried[0], *best] if math.isfinite(t.score)]
    for first in leading:
        for k in range(1, seeds):
            attempt(first.draw, first.settings, seed + k)

    def fits(draw: int) -> list[Trial]:
        return [t for t in table if t.draw == draw]

    medians = {t.draw: _median(fits(t.draw)) for t in leading}
    score = min(medians.values(), default=math.inf)
    if math.isfinite(score):
        winner = min(medians, key=lambda draw: medians[draw])
    else:
        judged = [t.draw for t in tried if t.fate != NOT_JUDGED]
        winner = min(judged, key=lambda draw: _failure(fits(draw)))
    config = dataclasses.replace(center, **tried[winner].settings)
    return SearchResult(config, score, tuple(table), _outcome(winner, score, table))


def _ranges(
    name: str, family: type[ModelConfig], space: Mapping[str, Range] | None, fixed: Mapping[str, Any]
) -> dict[str, Range]:
    known = [f.name for f in dataclasses.fields(family)]
    declared = family.search_space if space is None else space
    for key in declared:
        if key not in known:
            raise unknown(f"setting of model '{name}'", key, known)
        if space is not None and key in fixed:
            raise SpecError(f"'{key}' both in space and in base", "one of the two", f"leave '{key}' out of one")
    ranges = {key: r for key, r in declared.items() if key not in fixed}
    if not ranges:
        raise SpecError(
            f"nothing to search for in model '{name}'",
            f"ranges of some of its settings: {', '.join(known)}",
            "give space={'setting': Range(low, high)}",
        )
    for key, r in ranges.items():
        for end in r.choices or (r.low, r.high):
            MODELS.build(name, {**fixed, key: end})  # of the right type
    return ranges


def _told(trial: Trial, dt: float) -> float:
    """What the sampler learns of a failed draw: worse than any other, and less so the longer its forecasts."""
    return trial.score if math.isfinite(trial.score) else FAILED - math.log1p(trial.valid_time / dt)


def _median(trials: Sequence[Trial]) -> float:
    return float(np.median([t.score for t in trials]) + FAILED_SHARE * _failed_share(trials))


def _failure(trials: Sequence[Trial]) -> tuple[float, float]:
    """What decides where no draw has a finite median: the share of failed seeds, then the smallest D_stsp."""
    return _failed_share(trials), min((t.d_stsp for t in trials if not math.isnan(t.d_stsp)), default=math.inf)


def _failed_share(trials: Sequence[Trial]) -> float:
    return float(np.mean([math.isinf(t.score) for t in trials]))


def _outcome(winner: int, score: float, table: Sequence[Trial]) -> str:
    fates = Counter(t.fate.split(":")[0] for t in table if not math.isfinite(t.score))
    failures = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
    of = f"{len(table)} fits" + (f", of which failed: {failures}" if failures else "")
    if not math.isfinite(score):
        return f"no configuration had usable free runs with most seeds; {of}"
    return f"{'the base configuration' if winner == 0 else f'draw {winner}'} was best; {of}"
