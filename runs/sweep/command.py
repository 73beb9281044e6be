"""`dsr sweep`: words and options in, a plan or a summary out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..recipes import recipe
from ..spec import read
from ..store import RunStore
from .cost import estimate, examples
from .engine import Summary, exhausted, run_sweep
from .jobs import Job, jobs_of
from .plan import combinations

SHOWN_FAILURES = 20


def sweep(
    words: Sequence[str],
    store: str | None,
    *,
    dry_run: bool,
    workers: int | None,
    scheduler: str | None,
    slurm: str | None,
    memory: str,
    retries: int,
) -> tuple[dict[str, Any], int]:
    """The plan or summary as plain values, and the exit status: 1 if runs have failed.

    words : a spec file or the name of a recipe, if the first one is no key=value; then the axes.
    """
    from .cluster import connected, machine_workers

    named = bool(words) and "=" not in words[0]
    tree: Mapping[str, Any] = (recipe(words[0]) or read(words[0])) if named else {}
    place = RunStore(store)
    jobs = jobs_of(combinations(tree, words[1:] if named else words), place)
    if dry_run:
        return planned(jobs, place, retries, workers or machine_workers()), 0
    from .watch import TerminalWatch

    try:
        with TerminalWatch() as watch, connected(scheduler, workers, memory, _gpus(jobs), slurm) as client:
            done = run_sweep(jobs, client, place, retries=retries, watch=watch)
    except KeyboardInterrupt:
        print("dsr: interrupted; the same command goes on where the runs stopped.", file=sys.stderr)
        sys.exit(130)
    return summarised(done, place), 1 if done.failed else 0


def planned(jobs: Sequence[Job], store: RunStore, retries: int, workers: int) -> dict[str, Any]:
    """What a sweep would do and cost, as plain values."""
    states = {job.folder.path: job.state for job in jobs}
    finished = [job for job in jobs if states[job.folder.path] == "finished"]
    given_up = [job for job in jobs if exhausted(job, retries)]
    left = [job for job in jobs if job not in finished and job not in given_up]
    known = examples(store, {job.model for job in left})
    costs = estimate(left, known)
    total = None if None in costs.values() else sum(c for c in costs.values() if c is not None)
    return {
        "runs": len(jobs),
        "finished": len(finished),
        "failed before": sum(states[job.folder.path] == "failed" for job in jobs),
        "given up": len(given_up),
        "damaged": sum(found == "damaged" for found in states.values()),
        "to compute": len(left),
        "cost": {
            model: {
                "runs": count,
                "cpu_seconds": None if (cost := costs[model]) is None else round(cost, 1),
                "basis": len(known[model]),
            }
            for model, count in Counter(job.model for job in left).items()
        },
        "workers": workers,
        "seconds": None if total is None else round(total / max(min(workers, len(left)), 1), 1),
        "plan": [{"run": job.run_id, "combination": job.label, "state": states[job.folder.path]} for job in jobs],
    }


def summarised(done: Summary, store: RunStore) -> dict[str, Any]:
    return {
        "store": str(store.root),
        "computed": [job.run_id for job in done.finished],
        "found finished": [job.run_id for job in done.reused],
        "failed": [
            {"run": job.run_id, "combination": job.label, "reason": reason, "folder": str(job.folder.path)}
            for job, reason in done.failed
        ],
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """A plan or summary as text."""
    return _plan_lines(told) if "plan" in told else _summary_lines(told)


def _plan_lines(told: Mapping[str, Any]) -> list[str]:
    rows = [
        f"{told['runs']} runs: {told['finished']} finished, {told['to compute']} to compute",
        f"failed before: {told['failed before']}, of which {told['given up']} have no retries left",
    ]
    if told["damaged"]:
        rows.append(f"damaged, to be computed again: {told['damaged']}")
    for model, entry in told["cost"].items():
        cost = "no basis for an estimate: the store has no finished run of this model"
        if entry["cpu_seconds"] is not None:
            cost = f"about {_duration(entry['cpu_seconds'])} of processor time (from {entry['basis']} finished runs)"
        rows.append(f"{model}: {entry['runs']} runs, {cost}")
    if told["seconds"] is not None and told["to compute"]:
        rows.append(f"about {_duration(told['seconds'])} with {told['workers']} workers")
    return rows


def _summary_lines(told: Mapping[str, Any]) -> list[str]:
    failed = told["failed"]
    total = len(told["computed"]) + len(told["found finished"]) + len(failed)
    rows = [
        f"{total} runs in {told['store']}: {len(told['computed'])} computed, "
        f"{len(told['found finished'])} found finished, {len(failed)} failed"
    ]
    for entry in failed[:SHOWN_FAILURES]:
        rows += [f"failed: {entry['run']} ({entry['combination']})", f"  {entry['reason']}", f"  {entry['folder']}"]
    if len(failed) > SHOWN_FAILURES:
        rows.append(f"and {len(failed) - SHOWN_FAILURES} more: --json lists them all")
    return rows


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _gpus(jobs: Sequence[Job]) -> int:
    """Devices of this machine, if any run asks for one."""
    if not any(job.gpu for job in jobs):
        return 0
    import torch

    return torch.cuda.device_count()
