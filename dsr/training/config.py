"""Settings of a training run: the keys of a spec's [training] section and the keywords of `fit`."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SpecError
from ..registry import option


@dataclass(frozen=True)
class TrainingConfig:
    """Defaults serve low-dimensional flows sampled at some 50 to 100 points per period.

    The noise shows the model how the attractor attracts, which clean data do not: without it, one Lorenz-63 model in
    five is trained into a state whose free run comes to rest.
    """

    steps: int = option(30_000, "training steps")
    batch_size: int = option(64, "windows per step and member")
    window: int = option(20, "predicted steps per window")
    learning_rate: float = option(3e-3, "learning rate at the start")
    final_learning_rate: float = option(1e-5, "learning rate at the end, reached exponentially")
    clip_norm: float = option(10.0, "largest gradient norm; 0 for no limit")
    noise: float = option(0.02, "standard deviation of noise added to windows, in units of the data's own")
    checks: int = option(10, "free-run checks on validation data, evenly spaced over the steps")
    check_steps: int = option(10_000, "length of each of the free runs of a check")
    backend: str = option("auto", "gradient function: auto, bptt or autograd")

    def __post_init__(self) -> None:
        for key in ("steps", "batch_size", "window", "checks", "check_steps"):
            require_setting(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")
        for key in ("learning_rate", "final_learning_rate"):
            require_setting(getattr(self, key) > 0, key, getattr(self, key), "a positive number")
        for key in ("clip_norm", "noise"):
            require_setting(getattr(self, key) >= 0, key, getattr(self, key), "0 or more")


def require_setting(condition: bool, key: str, value: object, accepted: str) -> None:
    """Refuse a training setting that is out of range."""
    if not condition:
        raise SpecError(f"training: {key} = {value}", accepted, f"set training.{key} to {accepted}")
