"""From a spec to what will be computed: every default filled in, every name and key judged, one id."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsr import __version__
from dsr.errors import SpecError
from dsr.models import MODELS, ModelConfig
from dsr.reading import read_bytes
from dsr.registry import from_options, option
from dsr.training import FORCINGS, Forcing, TrainingConfig
from dsr.training.config import require_setting

from .spec import FileData, RunSpec
from .store import run_id

CLOSED_FORM_KEYS = ("members", "check_steps")


@dataclass(frozen=True)
class RunTraining(TrainingConfig):
    """The [training] section: the settings of `fit`, and how many models are trained together."""

    members: int = option(3, "models trained together from different initial weights; the best free run survives")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_setting(self.members >= 1, "members", self.members, "1 or more")


@dataclass(frozen=True)
class Resolved:
    """A spec with its configs built. `tree` is what the run id hashes: settings, package version, and for a file the
    hash of its bytes instead of its path."""

    spec: RunSpec
    model: ModelConfig
    forcing: Forcing
    training: RunTraining
    tree: Mapping[str, Any]
    run_id: str


def resolve(spec: RunSpec) -> Resolved:
    """Raises `SpecError` or `DataError` for anything that could be seen to be wrong before computing."""
    model = MODELS.build(spec.model["name"], _without_name(spec.model))
    forcing_name = spec.forcing.get("name", model.recommended_forcing)
    forcing = FORCINGS.build(forcing_name, _without_name(spec.forcing))
    if model.family.closed_form:
        _refuse_gradient_settings(spec)
    training = from_options(RunTraining, {**model.recommended_training, **spec.training}, where="section [training]")
    tree = {
        "data": _data_tree(spec),
        "model": {"name": spec.model["name"], **dataclasses.asdict(model)},
        "forcing": {"name": forcing_name, **dataclasses.asdict(forcing)},
        "training": dataclasses.asdict(training),
        "analysis": dataclasses.asdict(spec.analysis),
        "seed": spec.seed,
        "version": __version__,
    }
    source = Path(spec.data.file).stem if isinstance(spec.data, FileData) else spec.data.system
    return Resolved(spec, model, forcing, training, tree, run_id(source, spec.model["name"], spec.seed, tree))


def _refuse_gradient_settings(spec: RunSpec) -> None:
    """A setting that nothing would come of is refused."""
    given = [f"training.{key}" for key in spec.training if key not in CLOSED_FORM_KEYS]
    given += ["forcing"] if spec.forcing else []
    if given:
        raise SpecError(
            f"{', '.join(given)} for the model '{spec.model['name']}', which is solved in closed form",
            f"training.{', training.'.join(CLOSED_FORM_KEYS)}, and no forcing",
            f"leave {given[0]} out",
        )


def _data_tree(spec: RunSpec) -> dict[str, Any]:
    data = dataclasses.asdict(spec.data)
    if isinstance(spec.data, FileData):
        path = Path(spec.data.file)
        return {**data, "file": path.name, "sha256": hashlib.sha256(read_bytes(path)).hexdigest()}
    return data


def _without_name(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != "name"}
