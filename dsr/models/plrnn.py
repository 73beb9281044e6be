"""What the piecewise-linear family shares: a latent state seen through an observation model."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ..errors import SpecError
from ..tangent import Stretch
from .base import Model
from .observation import Observation, make_observation
from .region_tangents import region_stretch


class PLRNN(Model, abc.ABC):
    """A piecewise-linear map on the latent state, seen through an observation model.

    Within a linear region the step is affine; `bits` names the region and `affine` gives its map.

    penalised : parameters that a penalty on the latent step draws to a value, by name. per_state : those of them with
    one row per latent state.
    """

    penalised: ClassVar[Mapping[str, float]]
    per_state: ClassVar[tuple[str, ...]]
    observation: Observation

    def __init__(self, obs_dim: int, latent_dim: int, observation: str, rng: torch.Generator) -> None:
        super().__init__(obs_dim, latent_dim)
        self.observation = make_observation(observation, obs_dim, latent_dim, rng)

    def decode(self, z: Tensor) -> Tensor:
        return self.observation.decode(z)

    def encode(self, y: Tensor) -> Tensor:
        return self.observation.encode(y)

    def initial(self, y: Tensor) -> Tensor:
        return self.observation.initial(y[:, -1])

    @abc.abstractmethod
    def bits(self, z: Tensor) -> Tensor:
        """Which side of each switching boundary a state is on, (..., state) -> (..., gates) bool; 0 counts as off."""

    @abc.abstractmethod
    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix (..., state, state) and offset (..., state) of the affine map in a region."""

    def jacobian(self, z: Tensor) -> Tensor:
        return self.affine(self.bits(z))[0]

    @property
    def tangent_method(self) -> str:
        return "region matrices"

    def compiled_stretch(self) -> Stretch | None:
        orbit = self.compiled_orbit()
        return None if orbit is None else region_stretch(self, orbit)


def require(condition: bool, got: str, accepted: str) -> None:
    """Refuse a model size that makes no sense."""
    if not condition:
        raise SpecError(got, accepted, "change it in the [model] section or on the command line")
