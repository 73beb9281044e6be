"""Settings of a training run: the keys of a spec's [training] section and the keywords of `fit`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import SpecError, unknown
from ..registry import option
from .optimiser import OPTIMISERS, SCHEDULES

SOLVERS = ("sequential", "deer")


@dataclass(frozen=True)
class TrainingConfig:
    """Defaults serve low-dimensional flows sampled at some 50 to 100 points per period.

    The noise shows the model how the attractor attracts, which clean data do not: without it, one Lorenz-63 model in
    five is trained into a state whose free run comes to rest.
    """

    steps: int = option(100_000, "training steps")
    batch_size: int = option(64, "windows per step and member")
    window: int = option(20, "predicted steps per window")
    warm_up: int = option(0, "predictions at the start of a window that the loss leaves out, while a memory fills")
    learning_rate: float = option(1e-2, "learning rate at the start")
    final_learning_rate: float = option(1e-5, "learning rate at the end")
    schedule: str = option("exponential", "course of the learning rate: exponential, cosine or constant")
    optimiser: str = option("radam", "radam or adam")
    clip_norm: float = option(10.0, "largest gradient norm; 0 for no limit")
    noise: float = option(0.02, "standard deviation of noise added to windows, in units of the data's own")
    latent_regularisation: float = option(0.0, "weight of |1 - A|^2 + |W|^2 + |h|^2")
    observation_regularisation: float = option(0.0, "weight of the penalty on the observation model")
    manifold_attractor: float = option(0.0, "weight of the pull of the last latent states to slow modes")
    manifold_fraction: float = option(0.5, "share of the latent states that manifold_attractor acts on")
    checks: int = option(10, "free-run checks against the data, evenly spaced over the steps")
    check_steps: int = option(50_000, "length of each of the eight free runs of a check")
    backend: str = option("auto", "auto, native, torch, triton or autograd")
    solver: str = option("sequential", "sequential, or deer: parallel in time by Newton iterations (torch backend)")
    device: str = option("cpu", "cpu, or cuda for fleets of models and large ones")

    def __post_init__(self) -> None:
        for key in ("steps", "batch_size", "window", "checks", "check_steps"):
            require_setting(getattr(self, key) >= 1, key, getattr(self, key), "1 or more")
        require_setting(
            0 <= self.warm_up < self.window, "warm_up", self.warm_up, f"0 to window - 1 = {self.window - 1}"
        )
        for key in ("learning_rate", "final_learning_rate"):
            require_setting(getattr(self, key) > 0, key, getattr(self, key), "a positive number")
        for key in (
            "clip_norm",
            "noise",
            "latent_regularisation",
            "observation_regularisation",
            "manifold_attractor",
        ):
            require_setting(getattr(self, key) >= 0, key, getattr(self, key), "0 or more")
        require_setting(0 <= self.manifold_fraction <= 1, "manifold_fraction", self.manifold_fraction, "0 to 1")
        known = re.fullmatch(r"cpu|cuda(:\d+)?", self.device) is not None
        require_setting(known, "device", repr(self.device), "cpu, cuda or cuda:N, N the number of a GPU")
        for key, names in (("schedule", SCHEDULES), ("optimiser", OPTIMISERS), ("solver", SOLVERS)):
            if getattr(self, key) not in names:
                raise unknown(f"training.{key}", getattr(self, key), names)


def require_setting(condition: bool, key: str, value: object, accepted: str) -> None:
    """Refuse a training setting that is out of range."""
    if not condition:
        raise SpecError(f"training: {key} = {value}", accepted, f"set training.{key} to {accepted}")
