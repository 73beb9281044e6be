"""From a spec to what will be computed: every default filled in, every name and key judged, one id."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsr import __version__
from dsr.errors import SpecError, unknown
from dsr.models import MODELS, ModelConfig
from dsr.reading import read_bytes
from dsr.registry import from_options, option
from dsr.training import FORCINGS, Forcing, TrainingConfig
from dsr.training.config import require_setting
from dsr.training.searching.search_space import SAMPLERS

from .spec import FileData, RunSpec, is_equations
from .store import run_id

OF_TRUTH, OF_SEARCH = ("floor_trajectories", "truth_mean", "truth_std"), ("search_seeds", "sampler")
CLOSED_FORM_KEYS = ("members", "check_steps", "search", *OF_SEARCH)

HASHES = {"file": "sha256", "system": "sha256", "test_file": "test_sha256", "truth": "truth_sha256"}  # of [data]


class OfGradients(SpecError):
    """A setting of training by gradients for a model that is solved in closed form."""

    def __init__(self, given: Sequence[str], model: str) -> None:
        self.setting = given[0]
        super().__init__(
            f"{', '.join(given)} for the model '{model}', which is solved in closed form",
            f"training.{', training.'.join(CLOSED_FORM_KEYS)}, and no forcing",
            f"leave {given[0]} out",
        )


@dataclass(frozen=True)
class RunTraining(TrainingConfig):
    """The [training] section: the settings of `fit`, and how many models are trained together."""

    members: int = option(3, "models trained together from different initial weights; the best free run survives")
    search: int = option(0, "draws of the model's own settings, each judged in closed loop on training data; 0: none")
    search_seeds: int = option(3, "initial weights that the best draws are tried with")
    sampler: str = option("random", "how settings are drawn: random, or optuna")

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, least in (("members", 1), ("search", 0), ("search_seeds", 1)):
            require_setting(getattr(self, key) >= least, key, getattr(self, key), f"{least} or more")
        if self.sampler not in SAMPLERS:
            raise unknown("training.sampler", self.sampler, SAMPLERS)

    @property
    def of_fit(self) -> dict[str, Any]:
        """The settings that `fit` takes."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(TrainingConfig)}


@dataclass(frozen=True)
class Resolved:
    """A spec with its configs built. `tree` is what the run id hashes: settings, package version, and for a file its
    name and the hash of its bytes instead of its path."""

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
    if isinstance(spec.data, FileData):
        _refuse_idle_settings("data", spec.data, OF_TRUTH, "truth")
    _refuse_idle_settings("training", training, OF_SEARCH, "search")
    tree = {
        "data": data_tree(spec),
        "model": {"name": spec.model["name"], **dataclasses.asdict(model)},
        "forcing": {"name": forcing_name, **dataclasses.asdict(forcing)},
        "training": dataclasses.asdict(training),
        "analysis": dataclasses.asdict(spec.analysis),
        "seed": spec.seed,
        "version": __version__,
    }
    file = _file(spec)
    source = spec.data.system if file is None else file.stem  # type: ignore[union-attr]
    return Resolved(spec, model, forcing, training, tree, run_id(source, spec.model["name"], spec.seed, tree))


def _refuse_gradient_settings(spec: RunSpec) -> None:
    """A setting that nothing would come of is refused."""
    given = [f"training.{key}" for key in spec.training if key not in CLOSED_FORM_KEYS]
    given += ["forcing"] if spec.forcing else []
    if given:
        raise OfGradients(given, spec.model["name"])


def _refuse_idle_settings(section: str, settings: FileData | RunTraining, keys: Sequence[str], needed: str) -> None:
    """Settings that have an effect beside another one only would make another run of the same numbers; their defaults
    do not."""
    if getattr(settings, needed):
        return
    defaults = {f.name: f.default for f in dataclasses.fields(settings)}
    for key in keys:
        value = getattr(settings, key)
        if value != defaults[key]:
            raise SpecError(
                f"{section}.{key} = {list(value) if isinstance(value, tuple) else value} without {section}.{needed}",
                f"{section}.{key} where {section}.{needed} is given",
                f"leave it out, or add {section}.{needed}",
            )


def _file(spec: RunSpec) -> Path | None:
    """The file that the data come from, be it values or equations."""
    if isinstance(spec.data, FileData):
        return Path(spec.data.file)
    return Path(spec.data.system) if is_equations(spec.data.system) else None


def data_tree(spec: RunSpec) -> dict[str, Any]:
    """The section [data], with names and hashes of the files as they are now."""
    data, path = dataclasses.asdict(spec.data), _file(spec)
    if path is None:
        return data
    key = "file" if isinstance(spec.data, FileData) else "system"
    data |= {key: path.name, "sha256": _sha256(path)}
    if isinstance(spec.data, FileData) and spec.data.test_file:
        test = Path(spec.data.test_file)
        data |= {"test_file": test.name, "test_sha256": _sha256(test)}
    if isinstance(spec.data, FileData) and is_equations(spec.data.truth):
        truth = Path(spec.data.truth)
        data |= {"truth": truth.name, "truth_sha256": _sha256(truth)}
    return data


def changed_files(spec: RunSpec, known: Mapping[str, Any]) -> list[str]:
    """Names of the data files that are not those of `known`, the section [data] of a run as it was resolved."""
    now = data_tree(spec)
    hashed = [(key, digest) for key, digest in HASHES.items() if key in now and digest in now]
    return [now[key] for key, digest in hashed if known.get(digest, now[digest]) != now[digest]]


def _sha256(path: Path) -> str:
    """Hash of a file's content, read once while its size and time stay: a sweep resolves one file many times."""
    try:
        found = path.stat()
    except OSError:
        return _digest(path, 0, 0)  # which says what is wrong
    return _digest(path.absolute(), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, time_ns: int) -> str:
    return hashlib.sha256(read_bytes(path)).hexdigest()


def _without_name(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != "name"}
