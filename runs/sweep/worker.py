"""What a dask worker does for a sweep: compute one run, given its spec as TOML text and the path of the store."""

from __future__ import annotations

import os
import signal
import tomllib
import traceback
from collections import Counter
from typing import Any

from dsr.errors import DsrError, StoreError

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


def compute(text: str, store: str, sweep: str) -> dict[str, Any]:
    """Compute one run. Returns {"outcome": ...}: finished, reused, claimed, interrupted, failed or no store; with a
    failure how often the run has failed, and whether it would fail in the same way again.

    Nothing is raised, for what a worker raises would have to be unpickled elsewhere; the reason and the traceback of
    a failure are in the run folder.
    """
    ACTIVE[sweep] += 1
    try:
        return _compute(text, store, sweep)
    finally:
        ACTIVE[sweep] -= 1


def _compute(text: str, store: str, sweep: str) -> dict[str, Any]:
    from ..claim import RunClaimed, claimant
    from ..execute import execute
    from ..resolve import resolve
    from ..spec import parse
    from ..store import RunStore

    progress, runs, spec = Stoppable(sweep), RunStore(store), parse(tomllib.loads(text))
    folder = runs.folder(spec.experiment, resolve(spec).run_id)
    try:
        progress.stage("start")
        if claimant(folder.path) is not None:
            return {"outcome": "claimed"}
        result = execute(spec, runs, progress=progress)
    except RunClaimed:
        return {"outcome": "claimed"}
    except KeyboardInterrupt:
        return {"outcome": "interrupted"}
    except StoreError as problem:
        return {"outcome": "no store", "error": [problem.got, problem.accepted, problem.next_step]}
    except Exception as problem:
        refused = isinstance(problem, DsrError)  # what was refused once is refused again
        if refused and folder.status["state"] != "failed":  # before there was a folder
            runs.create(spec.experiment, folder.path.name)
            folder.set_failed(f"{type(problem).__name__}: {problem}", traceback.format_exc())
        return {"outcome": "failed", "failures": folder.failures, "lasting": refused}
    return {"outcome": "reused" if result.reused else "finished"}


def stop(sweep: str) -> int:
    """Interrupt the runs of a sweep in this process at their next step; returns how many are still under way."""
    STOPPED.add(sweep)
    return ACTIVE[sweep]


def process_id() -> int:
    return os.getpid()


def dask_setup(worker: Any) -> None:
    """Preloaded into embedded workers: Ctrl-C is the client's business, which lets them write a checkpoint first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
