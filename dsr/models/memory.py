"""Models that remember: recurrent networks, state-space models and reservoirs, fed with their own output."""

from __future__ import annotations

import abc
from typing import final

import torch
from torch import Tensor

from .base import Model


class MemoryModel(Model, abc.ABC):
    """State = (observation fed back, memory): `step` reads the observation as input, updates the memory and writes the
    next observation in its place.

    Full forcing replaces the first part by data, so a driven model, teacher-forced training and the warm-up before a
    free run are one thing. A context of `min_context` rows is needed before the memory has forgotten that it started
    at zero.
    """

    def __init__(self, obs_dim: int, memory_dim: int) -> None:
        super().__init__(obs_dim, obs_dim + memory_dim)

    @final
    def decode(self, z: Tensor) -> Tensor:
        return z[..., : self.obs_dim]

    @final
    def encode(self, y: Tensor) -> Tensor:
        return y

    def initial(self, y: Tensor) -> Tensor:
        """The memory starts at zero and is driven by the rows of the context."""
        rest = y.new_zeros((len(y), self.state_dim - self.obs_dim))
        z = torch.cat([y[:, 0], rest], dim=-1)
        for t in range(1, y.shape[1]):
            z = self.pull(self.step(z), y[:, t], 1.0)
        return z
