"""What a dask worker does for a sweep: compute runs, given their specs as TOML text and the path of the store."""

from __future__ import annotations

import os
import signal
import tomllib
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsr.errors import DsrError, StoreError

if TYPE_CHECKING:
    from ..execute import RunResult
    from ..spec import RunSpec
    from ..store import RunStore

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


def compute(text: str, store: str, sweep: str, *, report: bool = True) -> dict[str, Any]:
    """Compute one run. Returns {"outcome": ...}: finished, reused, claimed, interrupted, failed or no store; with a
    failure how often the run has failed, and whether it would fail in the same way again.

    Nothing is raised, for what a worker raises would have to be unpickled elsewhere; the reason and the traceback of
    a failure are in the run folder.
    """
    ACTIVE[sweep] += 1
    try:
        return _compute(text, store, sweep, report)
    finally:
        ACTIVE[sweep] -= 1


def compute_together(texts: Sequence[str], store: str, sweep: str, *, report: bool = True) -> list[dict[str, Any]]:
    """The same for several runs that are trained in one call."""
    ACTIVE[sweep] += 1
    try:
        return _compute_together(texts, store, sweep, report)
    finally:
        ACTIVE[sweep] -= 1


def _compute(text: str, store: str, sweep: str, report: bool) -> dict[str, Any]:
    from ..claim import claimant
    from ..execute import execute
    from ..resolve import resolve
    from ..spec import parse
    from ..store import RunStore

    progress, runs, spec = Stoppable(sweep), RunStore(store), parse(tomllib.loads(text))
    try:
        progress.stage("start")
        if claimant(runs.folder(spec.experiment, resolve(spec).run_id).path) is not None:
            return {"outcome": "claimed"}
        return _told(spec, runs, execute(spec, runs, progress=progress, report=report))
    except KeyboardInterrupt:
        return {"outcome": "interrupted"}
    except Exception as problem:
        return _told(spec, runs, problem)


def _compute_together(texts: Sequence[str], store: str, sweep: str, report: bool) -> list[dict[str, Any]]:
    from ..spec import parse
    from ..store import RunStore
    from ..together import execute_together

    progress, runs, specs = Stoppable(sweep), RunStore(store), [parse(tomllib.loads(text)) for text in texts]
    try:
        progress.stage("start")
        results = execute_together(specs, runs, progress=progress, report=report)
    except KeyboardInterrupt:
        return [{"outcome": "interrupted"}] * len(specs)
    return [_told(spec, runs, result) for spec, result in zip(specs, results, strict=True)]


def _told(spec: RunSpec, runs: RunStore, result: RunResult | Exception) -> dict[str, Any]:
    """A result, or what was raised in its place, as plain values."""
    from ..claim import RunClaimed
    from ..resolve import resolve

    if isinstance(result, RunClaimed):
        return {"outcome": "claimed"}
    if isinstance(result, StoreError):
        return {"outcome": "no store", "error": [result.got, result.accepted, result.next_step]}
    if not isinstance(result, Exception):
        return {"outcome": "reused" if result.reused else "finished"}
    folder = runs.folder(spec.experiment, resolve(spec).run_id)
    refused = isinstance(result, DsrError)  # what was refused once is refused again
    if refused and folder.status["state"] != "failed":  # before there was a folder
        runs.create(spec.experiment, folder.path.name)
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
