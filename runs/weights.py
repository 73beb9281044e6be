"""Models on disk: safetensors for the numbers, resolved.json or the file's own header for what to build them from.
Nothing loads a pickle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from dsr import __version__
from dsr.errors import SpecError, StoreError
from dsr.models import MODELS, Model, config_of

from .manifest import require_whole
from .store import RunFolder

WEIGHTS, MEMBERS, CHECKPOINT = "weights.safetensors", "members.safetensors", "checkpoint.safetensors"
FORMAT = 1  # of model files; raised when an older version of dsr could not read what a newer one writes


def to_bytes(tensors: dict[str, Tensor], header: dict[str, Any] | None = None) -> bytes:
    # one key: the order of several would differ from one writing to the next
    text = None if header is None else {"dsr": json.dumps(header)}
    return save({name: t.detach().contiguous() for name, t in tensors.items()}, text)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file. Raises `StoreError` when it is missing or damaged."""
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as problem:
        raise _damaged(path, problem) from problem


def save_model(model: Model, path: str | Path) -> Path:
    """Write a model as one safetensors file that `load_model` reads: weights, standardisation and dt as tensors;
    family, settings and version in the header. Returns its path.

    Raises `SpecError` for a class that is not registered, `StoreError` when the file cannot be written.
    """
    name, config = config_of(model)
    header = {
        "format": FORMAT,
        "version": __version__,
        "model": {"name": name, **dataclasses.asdict(config)},
        "obs_dim": model.obs_dim,
        "input_dim": model.input_dim,
        "dtype": str(model.dtype).removeprefix("torch."),
    }
    target = Path(path)
    return RunFolder(target.absolute().parent).write(target.name, to_bytes(model.state_dict(), header))


def load_model(path: str | Path, member: int | None = None) -> Model:
    """The model in a file of `save_model`, or the reconstruction of a run folder, ready for `free_run`; `member` gives
    one of the models a run was trained with instead of the survivor, each with the weights of its own best check."""
    return _from_run(RunFolder(Path(path)), member) if Path(path).is_dir() else _from_file(Path(path))


def _from_file(path: Path) -> Model:
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("dsr", "{}"))
    except (OSError, SafetensorError, ValueError) as problem:
        raise _damaged(path, problem) from problem
    if not 1 <= header.get("format", 0) <= FORMAT:
        raise StoreError(
            f"'{path}' has the format {header.get('format', 'unknown')} (dsr {header.get('version', 'unknown')})",
            f"a model file of format {FORMAT} or older",
            "read it with the version of dsr that wrote it, or a newer one",
        )
    model = _build(header["model"], header["obs_dim"], 0, header["input_dim"])
    if header["dtype"] == "float64":
        model = model.double()
    model.load_state_dict(read_tensors(path))
    return model


def _from_run(run: RunFolder, member: int | None) -> Model:
    require_whole(run, ("resolved.json", WEIGHTS if member is None else MEMBERS))
    resolved: dict[str, Any] | None = run.read_json("resolved.json")
    if resolved is None:
        raise StoreError(f"'{run.path}' has no resolved.json", "a run folder", "give the path that `dsr run` printed")
    model = _build(resolved["model"], resolved["obs_dim"], resolved["seed"], resolved.get("input_dim", 0))
    if member is None:
        model.load_state_dict(read_tensors(run / WEIGHTS))
        return model
    tensors = read_tensors(run / MEMBERS)
    own = {name.partition("/")[2]: t for name, t in tensors.items() if name.partition("/")[0] == str(member)}
    if not own:
        last = max(int(name.partition("/")[0]) for name in tensors)
        raise StoreError(f"member {member} of '{run.path}'", f"0 to {last}", "give one of these members")
    model.load_state_dict(own)
    return model


def _build(settings: dict[str, Any], obs_dim: int, seed: int, input_dim: int) -> Model:
    name = settings["name"]
    if name not in MODELS:
        raise SpecError(
            f"a model of the family '{name}', which is not registered in this program",
            f"one of {', '.join(MODELS)}, or a family of your own that has been imported",
            f"in Python, import the module that registers '{name}', and load or export the run after that",
        )
    options = {key: value for key, value in settings.items() if key != "name"}
    model = MODELS.build(name, options).build(obs_dim, seed)
    return model.add_inputs(input_dim) if input_dim else model


def _damaged(path: Path, problem: Exception) -> StoreError:
    return StoreError(
        f"'{path}' is missing or damaged ({problem})",
        "a file written by dsr",
        "check the path; if it lies in a run folder, delete that folder and run again",
    )
