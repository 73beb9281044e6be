"""Models on disk: safetensors for the numbers, resolved.json for what to build them from. Nothing loads a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from dsr.errors import StoreError
from dsr.models import MODELS, Model

from .store import RunFolder

WEIGHTS, MEMBERS, CHECKPOINT = "weights.safetensors", "members.safetensors", "checkpoint.safetensors"


def to_bytes(tensors: dict[str, Tensor]) -> bytes:
    return save({name: t.detach().contiguous() for name, t in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file. Raises `StoreError` when it is missing or damaged."""
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as problem:
        raise StoreError(
            f"'{path}' is missing or damaged ({problem})",
            "a file written by dsr",
            "delete that run folder and run again",
        ) from problem


def load_model(folder: str | Path, member: int | None = None) -> Model:
    """The reconstruction of a run folder, ready for `free_run`; `member` gives one of the models it was trained with
    instead of the survivor, each with the weights of its own best check."""
    run = RunFolder(Path(folder))
    resolved: dict[str, Any] | None = run.read_json("resolved.json")
    if resolved is None:
        raise StoreError(f"'{folder}' has no resolved.json", "a run folder", "give the path that `dsr run` printed")
    config = dict(resolved["model"])
    model = MODELS.build(config.pop("name"), config).build(resolved["obs_dim"], resolved["seed"])
    model.load_state_dict(read_tensors(run / WEIGHTS))
    if member is not None:
        tensors = read_tensors(run / MEMBERS)
        own = {name.partition("/")[2]: t for name, t in tensors.items() if name.partition("/")[0] == str(member)}
        if not own:
            last = max(int(name.partition("/")[0]) for name in tensors)
            raise StoreError(f"member {member} of '{folder}'", f"0 to {last}", "give one of these members")
        model.load_state_dict(own)
    return model
