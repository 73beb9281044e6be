"""Runs of the page computed a second time, in a store of their own: whether one seed gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..manifest import MANIFEST, damage
from ..store import RunFolder, RunStore
from ..sweep.jobs import Job

AGAIN = ".again"  # below the store
MEASURES = "measures.json"
RESULTS = ("weights.safetensors", "members.safetensors", "generated.npz", MEASURES)
MOST_NAMED = 10


def second(store: RunStore) -> RunStore:
    """Where runs are repeated: floors and truths are computed anew there, too."""
    return RunStore(store.root / AGAIN)


def spread(jobs: Sequence[Job], count: int) -> frozenset[str]:
    """Ids of about `count` finished runs: of each experiment the same share, as evenly spaced as their order allows,
    at least one."""
    done = [job for job in jobs if job.state == "finished"]
    chosen: set[str] = set()
    for experiment, there in sorted(Counter(job.spec.experiment for job in done).items()):
        mine = [job.run_id for job in done if job.spec.experiment == experiment]
        share = max(1, round(count * there / len(done)))
        chosen.update(mine[i] for i in np.linspace(0, there - 1, share).astype(int))
    return frozenset(chosen)


def told(store: RunStore) -> str:
    """How many runs were repeated and which of them differ, as Markdown; empty if none was."""
    kept = second(store)
    differ: dict[str, list[str]] = {}
    for folder in kept.runs():
        first = store.folder(folder.path.parent.name, folder.path.name)
        if folder.status["state"] == "finished" == first.status["state"]:
            one, other = ((f.read_json(MANIFEST) or {"files": {}})["files"] for f in (first, folder))
            broken = damage(first, RESULTS) + damage(folder, RESULTS)
            names = [n for n in RESULTS if one.get(n) != other.get(n) or n in broken]
            if names == [MEASURES] and not broken and _numbers(first) == _numbers(folder):
                names = [f"the words of {MEASURES}, no number,"]
            differ[f"{folder.path.parent.name}/{folder.path.name}"] = names
    if not differ:
        return ""
    same = sum(not names for names in differ.values())
    lines = [
        "## The same again",
        f"{len(differ)} runs were computed a second time, data, truth and floors included: {same} gave the same bytes "
        "of weights, free run and measures. Again: `python -m dsr.runs.validation --repeat N`.",
    ]
    others = [f"- {run}: {', '.join(names)} differ" for run, names in differ.items() if names]
    return "\n\n".join([*lines, *(["\n".join(others[:MOST_NAMED])] if others else [])])


def _numbers(folder: RunFolder) -> Any:
    """The measures of a run without their words."""

    def bare(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: bare(value) for key, value in tree.items() if key not in ("note", "notes", "sentence")}
        return [bare(value) for value in tree] if isinstance(tree, list) else tree

    return bare(folder.read_json(MEASURES))
