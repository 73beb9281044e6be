"""`dsr sweep`: words and options in, a plan or a summary out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..recipes import recipe, require_files
from ..spec import read
from ..store import RunStore
from .cost import estimate, examples
from .engine import Summary, exhausted, run_sweep
from .jobs import Job, jobs_of
from .packs import packs
from .plan import combinations
from .worker import compute, compute_together

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
    pack: int | None = None,
    report: bool = True,
) -> tuple[dict[str, Any], int]:
    """The plan or summary as plain values, and the exit status: 1 if runs have failed.

    words : a spec file or the name of a recipe, if the first one is no key=value; then the axes.
    """
    from .cluster import connected, machine_workers, require_address, require_memory

    require_memory(memory)
    if scheduler is not None:
        require_address(scheduler)
    named = bool(words) and "=" not in words[0]
    tree: Mapping[str, Any] = (recipe(words[0]) or read(words[0])) if named else {}
    require_files(tree, words[0] if words else "", words)
    place = RunStore(store)
    jobs = jobs_of(combinations(tree, words[1:] if named else words), place)
    if dry_run:
        return planned(jobs, place, retries, workers or machine_workers(), packs(jobs, pack, max(_gpus(jobs), 1))), 0
    from .watch import TerminalWatch

    try:
        with TerminalWatch() as watch, connected(scheduler, workers, memory, _gpus(jobs), slurm) as client:
            done = run_sweep(
                jobs, client, place, retries=retries, watch=watch, pack=pack,
                work=partial(compute, report=report), work_together=partial(compute_together, report=report),
            )  # fmt: skip
    except KeyboardInterrupt:
        print("dsr: interrupted; the same command goes on where the runs stopped.", file=sys.stderr)
        sys.exit(130)
    return summarised(done, place), 1 if done.failed else 0


def planned(
    jobs: Sequence[Job], store: RunStore, retries: int, workers: int, tasks: Sequence[Sequence[Job]] = ()
) -> dict[str, Any]:
    """What a sweep would do and cost, as plain values."""
    states = {job.folder.path: job.state for job in jobs}
    finished = [job for job in jobs if states[job.folder.path] == "finished"]
    given_up = [job for job in jobs if exhausted(job, retries)]
    pruned = [job for job in jobs if states[job.folder.path] == "pruned"]
    done = {job.folder.path for job in (*finished, *given_up, *pruned)}
    left = [job for job in jobs if job.folder.path not in done]
    together = [ids for task in tasks if len(ids := [j.run_id for j in task if j.folder.path not in done]) > 1]
    known = examples(store, {job.model for job in left})
    costs = estimate(left, known)
    total = None if None in costs.values() else sum(c for c in costs.values() if c is not None)
    return {
        "runs": len(jobs),
        "finished": len(finished),
        "failed before": sum(states[job.folder.path] == "failed" for job in jobs),
        "given up": len(given_up),
        "pruned": len(pruned),
        "damaged": sum(found == "damaged" for found in states.values()),
        "to compute": len(left),
        "trained together": together,
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
        "pruned": [job.run_id for job in done.pruned],
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
    if told["pruned"]:
        rows.append(f"stopped by a search and left alone: {told['pruned']}; `dsr run` finishes one")
    if told["trained together"]:
        sizes = ", ".join(str(len(ids)) for ids in told["trained together"])
        rows.append(f"trained together, one task each: {sizes} runs")
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
    pruned = len(told["pruned"])
    total = len(told["computed"]) + len(told["found finished"]) + len(failed) + pruned
    rows = [
        f"{total} runs in {told['store']}: {len(told['computed'])} computed, "
        f"{len(told['found finished'])} found finished, {len(failed)} failed"
        + (f", {pruned} stopped by a search" if pruned else "")
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
