"""What a dask worker does for a sweep: compute runs, given their specs as TOML text with their ids, and the path of the
store."""

from __future__ import annotations

import os
import signal
import tomllib
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsr.errors import DataError, DsrError, StoreError

if TYPE_CHECKING:
    from ..execute import RunResult
    from ..spec import RunSpec
    from ..store import RunFolder, RunStore

Task = tuple[str, str]  # spec of a run, and the id that it was planned with
STOPPED: set[str] = set()  # sweeps that were interrupted, as far as this process has been told
ACTIVE: Counter[str] = Counter()  # runs under way in this process, by sweep


class Stoppable:
    """The progress of a run in a worker: it says nothing, and interrupts the run once the sweep has been stopped."""

    def __init__(self, sweep: str) -> None:
        self.sweep = sweep

    def stage(self, text: str) -> None:
        if self.sweep in STOPPED:
            raise KeyboardInterrupt

    def step(self, step: int, steps: int, loss: float) -> None:
        self.stage("")


def compute(task: Task, store: str, sweep: str, *, report: bool = True) -> dict[str, Any]:
    """Compute one run. Returns {"outcome": ...}: finished, reused, claimed, interrupted, failed or no store; with a
    failure how often the run has failed, whether it would fail in the same way again, and of a spec that cannot be read
    the reason.

    Nothing is raised, for what a worker raises would have to be unpickled elsewhere; the reason and the traceback of
    a failure are in the run folder.
    """
    ACTIVE[sweep] += 1
    try:
        return _compute(task, store, sweep, report)
    finally:
        ACTIVE[sweep] -= 1


def compute_together(tasks: Sequence[Task], store: str, sweep: str, *, report: bool = True) -> list[dict[str, Any]]:
    """The same for several runs that are trained in one call."""
    ACTIVE[sweep] += 1
    try:
        return _compute_together(tasks, store, sweep, report)
    finally:
        ACTIVE[sweep] -= 1


def _compute(task: Task, store: str, sweep: str, report: bool) -> dict[str, Any]:
    from ..claim import claimant
    from ..execute import execute
    from ..store import RunStore

    progress, runs = Stoppable(sweep), RunStore(store)
    try:
        spec, folder = _planned(task, runs)
    except (DsrError, ValueError) as problem:
        return _unread(problem)
    try:
        progress.stage("start")
        if claimant(folder.path) is not None:
            return {"outcome": "claimed"}
        refused = _refusal(spec, folder)
        return _told(folder, runs, refused or execute(spec, runs, progress=progress, report=report))
    except KeyboardInterrupt:
        return {"outcome": "interrupted"}
    except Exception as problem:
        return _told(folder, runs, problem)


def _compute_together(tasks: Sequence[Task], store: str, sweep: str, report: bool) -> list[dict[str, Any]]:
    from ..store import RunStore
    from ..together import execute_together

    progress, runs = Stoppable(sweep), RunStore(store)
    try:
        planned = [_planned(task, runs) for task in tasks]
    except (DsrError, ValueError) as problem:
        return [_unread(problem)] * len(tasks)
    try:
        progress.stage("start")
        problems = [_refusal(spec, folder) for spec, folder in planned]
        left = [spec for (spec, _), problem in zip(planned, problems, strict=True) if problem is None]
        results = iter(execute_together(left, runs, progress=progress, report=report) if left else ())
    except KeyboardInterrupt:
        return [{"outcome": "interrupted"}] * len(tasks)
    return [
        _told(folder, runs, problem or next(results)) for (_, folder), problem in zip(planned, problems, strict=True)
    ]


def _planned(task: Task, runs: RunStore) -> tuple[RunSpec, RunFolder]:
    from ..spec import parse

    text, run_id = task
    spec = parse(tomllib.loads(text))
    return spec, runs.folder(spec.experiment, run_id)


def _unread(problem: Exception) -> dict[str, Any]:
    """A spec that this process cannot read: it names no folder in which the reason could be left."""
    return {"outcome": "failed", "failures": 1, "lasting": True, "reason": f"{type(problem).__name__}: {problem}"}


def _refusal(spec: RunSpec, folder: RunFolder) -> DsrError | None:
    """What is wrong with a run that cannot be resolved any more, or is another one by now."""
    from ..resolve import resolve

    try:
        found = resolve(spec).run_id
    except DsrError as problem:
        return problem
    if found == folder.path.name:
        return None
    return DataError(
        f"a run that was planned as {folder.path.name} and now is {found}",
        "data files, and a version of dsr on all workers, that stay as they are while a sweep goes on",
        "type the same command again once nothing writes these files, for the runs of what they are then",
    )


def _told(folder: RunFolder, runs: RunStore, result: RunResult | Exception) -> dict[str, Any]:
    """A result, or what was raised in its place, as plain values; folder : of the run as planned."""
    from ..claim import RunClaimed

    if isinstance(result, RunClaimed):
        return {"outcome": "claimed"}
    if isinstance(result, StoreError):
        return {"outcome": "no store", "error": [result.got, result.accepted, result.next_step]}
    if not isinstance(result, Exception):
        return {"outcome": "reused" if result.reused else "finished"}
    refused = isinstance(result, DsrError)  # what was refused once is refused again
    if refused and folder.status["state"] not in ("failed", "finished"):  # before there was a folder
        runs.create(folder.path.parent.name, folder.path.name)
        folder.set_failed(f"{type(result).__name__}: {result}", "".join(traceback.format_exception(result)))
    return {"outcome": "failed", "failures": folder.failures, "lasting": refused}


def stop(sweep: str) -> int:
    """Interrupt the runs of a sweep in this process at their next step; returns how many are still under way."""
    STOPPED.add(sweep)
    return ACTIVE[sweep]


def process_id() -> int:
    return os.getpid()


def dask_setup(worker: Any) -> None:
    """Preloaded into embedded workers: Ctrl-C is the client's business, which lets them write a checkpoint first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
