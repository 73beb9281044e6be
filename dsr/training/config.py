"""Settings of a training run: the keys of a spec's [training] section and the keywords of `fit`."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SpecError
from ..registry import option


@dataclass(frozen=True)
class TrainingConfig:
    """Defaults serve low-dimensional flows sampled at some 50 to 100 points per period."""

    steps: int = option(30_000, "training steps")
    batch_size: int = option(64, "windows per step and member")
    window: int = option(20, "predicted steps per window")
    members: int = option(1, "models trained together from different initial weights; the best free run survives")
    learning_rate: float = option(3e-3, "learning rate at the start")
    final_learning_rate: float = option(1e-5, "learning rate at the end, reached exponentially")
    clip_norm: float = option(10.0, "largest gradient norm; 0 for no limit")
    noise: float = option(0.0, "standard deviation of noise added to windows, in units of the data's own")
    checks: int = option(10, "free-run checks on validation data, evenly spaced over the steps")
    check_steps: int = option(10_000, "length of each of the free runs of a check")
    backend: str = option("auto", "gradient function: auto, bptt or autograd")

    def __post_init__(self) -> None:
        for key in ("steps", "batch_size", "window", "members", "checks", "check_steps"):
            _require(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")
        for key in ("learning_rate", "final_learning_rate"):
            _require(getattr(self, key) > 0, key, getattr(self, key), "a positive number")
        for key in ("clip_norm", "noise"):
            _require(getattr(self, key) >= 0, key, getattr(self, key), "0 or more")


def _require(condition: bool, key: str, value: object, accepted: str) -> None:
    if not condition:
        raise SpecError(f"training: {key} = {value}", accepted, f"set training.{key} to {accepted}")
