"""From planned specs to jobs: every setting judged, every id known, and what the store already has of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsr.errors import SpecError, StoreError
from dsr.models import MODELS

from ...systems import get_system
from .. import toml
from ..manifest import state
from ..resolve import OfGradients, Resolved, resolve
from ..spec import FileData, RunSpec, SystemData, is_equations
from ..store import RunFolder, RunStore
from .plan import Planned, in_combination
from .worker import Task

REASON_LENGTH = 300


@dataclass(frozen=True)
class Job:
    """One run of a sweep. work : training steps times members, 0 for a model solved in closed form, for the estimate
    of its cost; gpu : whether it trains on a CUDA device; members : models trained in it; fleet : equal for runs that
    differ in seed alone and can be trained together, empty otherwise."""

    spec: RunSpec
    label: str
    run_id: str
    folder: RunFolder
    work: float
    gpu: bool
    members: int = 1
    fleet: str = ""

    @property
    def model(self) -> str:
        return str(self.spec.model["name"])

    @property
    def task(self) -> Task:
        """Paths in the spec are absolute, for a worker works somewhere else."""
        data = self.spec.data
        if isinstance(data, FileData):
            test_file = _absolute(data.test_file) if data.test_file else ""
            truth = _absolute(data.truth) if is_equations(data.truth) else data.truth
            data = dataclasses.replace(data, file=_absolute(data.file), test_file=test_file, truth=truth)
        elif is_equations(data.system):
            data = dataclasses.replace(data, system=_absolute(data.system))
        return toml.dumps(dataclasses.replace(self.spec, data=data).to_dict()), self.run_id

    @property
    def state(self) -> str:
        return state(self.folder)

    @property
    def reason(self) -> str:
        """Why it failed, in one line."""
        try:
            found = str(self.folder.status.get("reason", "no reason was left"))
        except StoreError as problem:
            found = problem.got
        return " ".join(found.split())[:REASON_LENGTH]


def jobs_of(planned: Sequence[Planned], store: RunStore) -> list[Job]:
    """One job for each run: combinations that come to the same run are one. Raises `SpecError`, naming the combination,
    for settings that a model family refuses and systems that do not exist."""
    found: dict[Any, Job] = {}
    systems: set[str] = set()
    for one in planned:
        try:
            resolved = resolve(one.spec)
            data = one.spec.data
            if isinstance(data, SystemData) and repr((data.system, data.parameters)) not in systems:
                get_system(data.system, **(data.parameters or {}))
                systems.add(repr((data.system, data.parameters)))
        except SpecError as problem:
            told = _for_others(problem, planned) if isinstance(problem, OfGradients) else problem
            raise in_combination(told, one.label) from problem
        folder = store.folder(one.spec.experiment, resolved.run_id)
        job = Job(
            one.spec, one.label, resolved.run_id, folder, _work(resolved), _on_gpu(resolved),
            resolved.training.members, _fleet(resolved),
        )  # fmt: skip
        found.setdefault(folder.path, job)
    return list(found.values())


def _for_others(problem: OfGradients, planned: Sequence[Planned]) -> SpecError:
    """The same, and how to type the setting for the families of the sweep that have it."""
    names = dict.fromkeys(str(one.spec.model["name"]) for one in planned)
    words = [f"{n}:{problem.setting}=..." for n in names if n in MODELS and not MODELS[n].family.closed_form]
    step = f"write {' '.join(words)} in its place" if words else problem.next_step
    return SpecError(problem.got, problem.accepted, step)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _work(resolved: Resolved) -> float:
    closed = resolved.model.family.closed_form
    return 0.0 if closed else float(resolved.training.steps * resolved.training.members)


def _on_gpu(resolved: Resolved) -> bool:
    return resolved.training.device.startswith("cuda")


def _fleet(resolved: Resolved) -> str:
    """All settings but the seed, for a run whose members are computed at once: not for closed forms, a search of each
    run's own settings, and backends that take members one after the other."""
    training = resolved.training
    at_once = ("auto", "torch", "triton") if _on_gpu(resolved) else ("torch",)
    if resolved.model.family.closed_form or training.search or training.solver != "sequential":
        return ""
    tree = {key: value for key, value in resolved.tree.items() if key != "seed"}
    return json.dumps([resolved.spec.experiment, tree], sort_keys=True) if training.backend in at_once else ""
