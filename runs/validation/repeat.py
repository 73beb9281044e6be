"""Runs of the page computed a second time, in a store of their own: whether one seed gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsr import __version__

from ..manifest import MANIFEST, damage
from ..store import RunFolder, RunStore
from ..sweep.jobs import Job
from .section import FOLDER

FILE = f"{FOLDER}/repeated.json"
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


def repeated(store: RunStore, output: RunFolder) -> dict[str, list[str]]:
    """What differs in each run that was repeated, by experiment and run: as the store has it, else as the page's folder
    keeps it from this version of dsr."""
    kept = output.read_json(FILE) or {}
    differ: dict[str, list[str]] = dict(kept["runs"]) if kept.get("version") == __version__ else {}
    for folder in second(store).runs():
        first = store.folder(folder.path.parent.name, folder.path.name)
        if folder.status["state"] == "finished" == first.status["state"]:
            one, other = ((f.read_json(MANIFEST) or {"files": {}})["files"] for f in (first, folder))
            broken = damage(first, RESULTS) + damage(folder, RESULTS)
            names = [n for n in RESULTS if one.get(n) != other.get(n) or n in broken]
            if names == [MEASURES] and not broken:
                names = [_what_differs(first.read_json(MEASURES), folder.read_json(MEASURES))]
            differ[f"{folder.path.parent.name}/{folder.path.name}"] = names
    return dict(sorted(differ.items()))


def write_repeated(output: RunFolder, differ: Mapping[str, Sequence[str]]) -> None:
    """Keep it beside the page, for whoever writes it from another store."""
    if differ:
        output.write_json(FILE, {"version": __version__, "runs": differ})


def told(differ: Mapping[str, Sequence[str]]) -> str:
    """How many runs were repeated and which of them differ, as Markdown; empty if none was."""
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


def _what_differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The parts of two judgements that differ in more than their words."""

    def bare(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: bare(value) for key, value in tree.items() if key not in ("note", "notes", "sentence")}
        return [bare(value) for value in tree] if isinstance(tree, list) else tree

    before, after = bare(one), bare(other)
    parts = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    return f"{' and '.join(parts)} in {MEASURES}" if parts else f"the words of {MEASURES}, no number,"
