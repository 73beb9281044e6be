"""Climatology: the mean of the training data, always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..base import Model
from ..observed import ObservedModel
from ..registry import MODELS, ModelConfig
from ..states import require_width


class Climatology(ObservedModel):
    """x' = mean of the training data. Its error is the standard deviation of the data, from the first step on.

    The best forecast of least squared error once predictability is lost, and a dead attractor: all exponents are
    -infinity. Nothing is random.
    """

    closed_form = True

    def __init__(self, obs_dim: int, seed: int = 0) -> None:
        super().__init__(obs_dim, obs_dim)
        self.mean = nn.Parameter(torch.zeros(obs_dim, dtype=torch.float64), requires_grad=False)

    def step(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return self.mean.expand_as(z).clone()

    def jacobian(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return z.new_zeros((len(z), self.state_dim, self.state_dim))

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        self.mean.copy_(torch.from_numpy(np.concatenate(list(segments)).mean(0)))


@MODELS.register("climatology")
@dataclass(frozen=True)
class ClimatologyConfig(ModelConfig):
    """Climatology: every row is predicted to be the mean."""

    family: ClassVar[type[Model]] = Climatology
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = mean"
    symbols: ClassVar[Mapping[str, str]] = {"mean": "mean of the training data, in standardised units (N)"}
    when_to_use: ClassVar[str] = "a reference that every forecast must beat within the valid prediction time"
    references: ClassVar[tuple[str, ...]] = (
        "Hyndman, Athanasopoulos, Forecasting: Principles and Practice, 3rd ed. (2021), sec. 5.2",
    )
    recommended_forcing: ClassVar[str] = "none"
