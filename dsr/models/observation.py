"""Observation models: how a latent state is seen (`decode`), forced (`encode`) and started (`initial`).

All in standardised units. `forced` is the number of leading state coordinates that teacher forcing reaches.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import SpecError, unknown
from .initialise import uniform


class Observation(nn.Module, abc.ABC):
    """The three maps of an observation model, all linear or affine and in standardised units."""

    obs_dim: int
    forced: int

    @abc.abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) -> (..., obs)."""

    @abc.abstractmethod
    def encode(self, y: Tensor) -> Tensor:
        """(..., obs) -> (..., forced); carries no gradient to the observation model's own parameters."""

    @abc.abstractmethod
    def initial(self, y: Tensor) -> Tensor:
        """(batch, obs) -> (batch, latent)."""


class IdentityObservation(Observation):
    """The first `obs_dim` state coordinates are the observation. When there are more latent coordinates, the rest of
    the initial state is a learned linear map of the first observation."""

    def __init__(self, obs_dim: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        if latent_dim < obs_dim:
            raise SpecError(
                f"latent_dim = {latent_dim} with {obs_dim} observed columns and an identity observation model",
                f"latent_dim >= {obs_dim}",
                "raise latent_dim, or set observation = 'affine'",
            )
        self.obs_dim, self.forced = obs_dim, obs_dim
        self.lift = nn.Parameter(uniform((latent_dim - obs_dim, obs_dim), obs_dim, rng))

    def decode(self, z: Tensor) -> Tensor:
        return z[..., : self.obs_dim]

    def encode(self, y: Tensor) -> Tensor:
        return y

    def initial(self, y: Tensor) -> Tensor:
        return torch.cat([y, y @ self.lift.T], dim=-1)


class AffineObservation(Observation):
    """y = B z + b; forcing and initial state by the pseudo-inverse of B, through which no gradient flows.

    Serves latent_dim below, at or above obs_dim. With a badly conditioned B the forcing signal is amplified noise.
    """

    def __init__(self, obs_dim: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        self.obs_dim, self.forced = obs_dim, latent_dim
        self.matrix = nn.Parameter(torch.randn((obs_dim, latent_dim), generator=rng) * (2.0 / latent_dim) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(obs_dim))

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.matrix.T + self.bias

    def encode(self, y: Tensor) -> Tensor:
        return (y - self.bias.detach()) @ torch.linalg.pinv(self.matrix.detach()).T

    def initial(self, y: Tensor) -> Tensor:
        return self.encode(y)


OBSERVATIONS: dict[str, Callable[[int, int, torch.Generator], Observation]] = {
    "identity": IdentityObservation,
    "affine": AffineObservation,
}


def make_observation(name: str, obs_dim: int, latent_dim: int, rng: torch.Generator) -> Observation:
    if name not in OBSERVATIONS:
        raise unknown("observation model", name, OBSERVATIONS)
    return OBSERVATIONS[name](obs_dim, latent_dim, rng)
