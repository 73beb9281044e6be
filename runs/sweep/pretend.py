"""Runs that only pretend: tests try the sweep with them, not the science. No torch, so workers start quickly.

It lies in the package because the workers of a sweep import what they compute, and those of a test know no other.
"""

from __future__ import annotations

import hashlib
import os
import time
import tomllib
from typing import Any

from dsr.errors import StoreError

from ..claim import RunClaimed, claimed
from ..manifest import seal, state
from ..spec import RunSpec, parse
from ..store import RunFolder, RunStore
from .worker import Task

STEPS_PER_SECOND = 1000  # training.steps of the spec say how long a run pretends


def folder_of(spec: RunSpec, store: RunStore) -> RunFolder:
    digest = hashlib.sha256(repr(spec).encode()).hexdigest()[:10]
    return store.folder(spec.experiment, f"pretended-run-s{spec.seed:03d}-{digest}")


def pretend(task: Task, store: str, sweep: str) -> dict[str, Any]:
    """Stands for `compute`: claims its folder, waits, writes a result that follows from the spec, seals it.

    A spec with the experiment "unlucky" fails each time. log.txt has one line for each time that a run was begun.
    """
    text, _ = task
    spec = parse(tomllib.loads(text))
    folder = folder_of(spec, RunStore(store))
    try:
        RunStore(store).create(spec.experiment, folder.path.name)
        with claimed(folder.path):
            if state(folder) == "finished":
                return {"outcome": "reused"}
            folder.log(f"begun in process {os.getpid()}")
            failures = folder.failures
            folder.set_status("running", failures=failures)
            time.sleep(spec.training.get("steps", 0) / STEPS_PER_SECOND)
            if spec.experiment == "unlucky":
                folder.set_failed("RuntimeError: no luck", "Traceback: no luck\n")
                return {"outcome": "failed", "failures": folder.failures, "lasting": False}
            folder.write("measures.json", f'{{"seed": {spec.seed}}}\n')
            folder.write("table.txt", text)
            seal(folder, failures=failures)
    except RunClaimed:
        return {"outcome": "claimed"}
    except StoreError as problem:
        return {"outcome": "no store", "error": [problem.got, problem.accepted, problem.next_step]}
    return {"outcome": "finished"}
