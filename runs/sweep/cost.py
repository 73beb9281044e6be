"""What a sweep will cost, from what finished runs of the same models in the store have cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dsr.errors import StoreError

from ..store import RunFolder, RunStore
from .jobs import Job

MOST_EXAMPLES = 50  # finished runs looked at for each model


@dataclass(frozen=True)
class Example:
    """Processor seconds of a finished run: those of training, for `work` steps times members, and the others."""

    training: float
    rest: float
    work: float


def examples(store: RunStore, models: Iterable[str]) -> dict[str, list[Example]]:
    """Finished runs of each model that were computed in one go and tell what they cost."""
    found: dict[str, list[Example]] = {model: [] for model in models}
    for folder in store.runs():
        model = folder.path.name.rsplit("-", 3)[-3] if folder.path.name.count("-") >= 3 else ""
        if model in found and len(found[model]) < MOST_EXAMPLES and (example := _example(folder)) is not None:
            found[model].append(example)
    return found


def estimate(jobs: Sequence[Job], known: Mapping[str, Sequence[Example]]) -> dict[str, float | None]:
    """Processor seconds of all jobs of each model; None where nothing is known of the model.

    Training time grows with steps times members; the rest is taken to stay. Other data sizes and model sizes are not
    accounted for, so it misleads when a sweep varies them.
    """
    totals: dict[str, float | None] = {}
    for job in jobs:
        costs = [e.rest + e.training * (job.work / e.work if e.work and job.work else 1) for e in known[job.model]]
        before = totals.get(job.model, 0.0)
        totals[job.model] = before + statistics.median(costs) if costs and before is not None else None
    return totals


def _example(folder: RunFolder) -> Example | None:
    try:
        status, resolved = folder.status, folder.read_json("resolved.json")
        total, training = status["cpu_seconds"], resolved["training"]
        trained = min(status["seconds"], total)
        work = status["steps"] * training["members"] if status["steps"] > 1 else 0.0
    except (StoreError, KeyError, TypeError):
        return None
    return Example(trained, total - trained, work)
