"""Persistence: tomorrow is like today."""

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


class Persistence(ObservedModel):
    """x' = x. Its error is the change of the data; no forecast worth its name is worse.

    Every state is a fixed point: all exponents are 0, which says nothing about the data. Nothing is random.
    """

    closed_form = True

    def __init__(self, obs_dim: int, seed: int = 0) -> None:
        super().__init__(obs_dim, obs_dim)
        self.precision = nn.Parameter(torch.ones((), dtype=torch.float64), requires_grad=False)

    def step(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return z.clone()

    def jacobian(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1).clone()

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """There is nothing to solve."""


@MODELS.register("persistence")
@dataclass(frozen=True)
class PersistenceConfig(ModelConfig):
    """Persistence: the next row equals this one."""

    family: ClassVar[type[Model]] = Persistence
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = x"
    symbols: ClassVar[Mapping[str, str]] = {"precision": "1; only its number format matters"}
    when_to_use: ClassVar[str] = "a reference that every forecast must beat over one step"
    references: ClassVar[tuple[str, ...]] = (
        "Hyndman, Athanasopoulos, Forecasting: Principles and Practice, 3rd ed. (2021), sec. 5.2",
    )
    recommended_forcing: ClassVar[str] = "none"
