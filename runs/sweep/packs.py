"""Which runs of a sweep become one task: those that differ in seed alone and train on a GPU, whose members it computes
at once."""

from __future__ import annotations

from collections.abc import Sequence

from .jobs import Job

MOST_MEMBERS = 64  # models trained in one call; beyond, a GPU has enough to do


def packs(jobs: Sequence[Job], most: int | None = None, devices: int = 1) -> list[tuple[Job, ...]]:
    """The jobs as tasks, in order of their first ones.

    most : runs of one task; 0 or 1: one each. None: up to `MOST_MEMBERS` models on a GPU, at least one task for each of
    its `devices`, and one run each on the CPU, where members are computed one after the other. A run that has failed
    before is a task of its own: it must not fail others.
    """
    tasks: dict[str, list[Job]] = {}
    for job in jobs:
        alone = not job.fleet or (most is None and not job.gpu) or job.folder.failures
        tasks.setdefault(f"alone {job.run_id}" if alone else job.fleet, []).append(job)
    found = []
    for together in tasks.values():
        size = max(most if most is not None else MOST_MEMBERS // together[0].members, 1)
        count = -(-len(together) // size)
        if most is None:
            count = max(count, min(devices, len(together)))
        found += [tuple(together[k * len(together) // count : (k + 1) * len(together) // count]) for k in range(count)]
    return found
