"""What `dsr tune` does and tells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import toml
from ..progress import TerminalProgress
from ..recipes import recipe
from ..spec import override, read
from ..store import RunFolder, RunStore, require_writable
from .objective import goal_of
from .space import section_words, split_words
from .study import Study, tune


def tune_command(
    spec: str, words: Sequence[str], store: str | None, out: str | None, **settings: Any
) -> dict[str, Any]:
    """Search, write the winner's spec where `out` says, and return the study as plain values."""
    if out is not None:
        require_writable(out)
    tree = dict(recipe(spec) or read(spec))
    own = section_words(tree.pop("tune", {}))
    plain, space = split_words([*own, *words])
    with TerminalProgress() as progress:
        study = tune(override(tree, plain), space, RunStore(store), say=progress, **settings)
    if out is not None and study.spec is not None:
        target = Path(out)
        RunFolder(target.absolute().parent).write(target.name, toml.dumps(study.spec.to_dict()))
    recorded = "file" in tree.get("data", {})  # whose test stretch is the same for every seed
    return _plain(study, out, "on another record (data.test_file=FILE)" if recorded else "with other seeds")


def _plain(study: Study, out: str | None, judge: str) -> dict[str, Any]:
    return {
        "objective": study.objective,
        "goal": goal_of(study.objective),
        "trials": [
            {
                "settings": dict(t.settings),
                "value": t.value,
                "loss": t.loss if math.isfinite(t.loss) else None,
                "state": t.state,
                "runs": list(t.runs),
                "reason": t.reason,
            }
            for t in study.trials
        ],
        "best": None if study.best is None else study.trials.index(study.best),
        "spec": out if study.best is not None else None,
        "judge": judge,
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The study as text: one line per trial, the winner, what to do next."""
    found = []
    for number, trial in enumerate(told["trials"]):
        settings = " ".join(
            f"{k}={v:.6g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial["settings"].items()
        )
        value = trial["state"] if trial["value"] is None else f"{trial['value']:.5g}"
        mark = "*" if number == told["best"] else " "
        found.append(f"{mark} {number:3d}  {value:>10}  {settings}  {trial['runs'][0]}")
    states = [t["state"] for t in told["trials"]]
    found.append(f"{states.count('pruned')} pruned, {states.count('failed')} failed of {len(states)}")
    if told["best"] is None:
        reasons = Counter(t["reason"] for t in told["trials"] if t["reason"])
        found += [f"{n} failed: {reason}" for reason, n in reasons.items()]
        return [*found, "no trial has a number, and no spec was written: widen the ranges, or train for longer"]
    found.append(
        f"{told['objective']} of the winner was chosen for being {told['goal']}, and the search has seen its test "
        f"data: judge its settings {told['judge']}"
    )
    return found + ([f"spec: {told['spec']}"] if told["spec"] else [])
