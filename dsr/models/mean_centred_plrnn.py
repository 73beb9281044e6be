"""Mean-centred PLRNN: the units are rectified about their common mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..registry import option
from .base import Model
from .initialise import generator
from .observation import OBSERVATION_HELP
from .off_diagonal import OffDiagonalPLRNN
from .orbits import Orbit, compiled_orbit, shallow_loop
from .plrnn import require
from .registry import MODELS, ModelConfig, Range


class MeanCentredPLRNN(OffDiagonalPLRNN):
    """z' = A z + W relu(z - mean(z)) + h, A diagonal, W without diagonal.

    What the units send on does not change when all of them shift together, a layer normalisation without scale: in
    that one direction the step is linear, z + s -> step(z) + A s. With a single unit nothing is sent on at all, so
    latent_dim is 2 or more. Free runs can diverge.

    Sources: Brenner, Hess, Mikhaeil, Bereska, Monfared, Kuo, Durstewitz, ICML 2022, arXiv:2207.02542; Hemmer, Brenner,
    Hess, Durstewitz, ICML 2024, arXiv:2406.04934.
    """

    def __init__(self, obs_dim: int, latent_dim: int = 30, observation: str = "identity", seed: int = 0) -> None:
        require(latent_dim >= 2, f"latent_dim = {latent_dim}", "2 or more: one unit is its own mean")
        super().__init__(obs_dim, latent_dim, observation, generator(seed))

    def phi(self, z: Tensor) -> Tensor:
        return torch.relu(z - z.mean(dim=-1, keepdim=True))

    def bits(self, z: Tensor) -> Tensor:
        """z > mean(z) for each unit; never all of them."""
        return z - z.mean(dim=-1, keepdim=True) > 0

    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        on = bits.to(self.W.dtype)
        gated = self.connections() * on[..., None, :]
        centred = gated - gated.mean(dim=-1, keepdim=True)
        return torch.diag(self.self_connections()) + centred, self.h.expand(on.shape)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not MeanCentredPLRNN:  # a subclass may step otherwise
            return None
        # a shallow PLRNN whose hidden layer is the centring, a symmetric matrix
        m = self.state_dim
        centring = torch.eye(m, dtype=self.W.dtype) - 1 / m
        return compiled_orbit(
            shallow_loop,
            m,
            self.self_connections(),
            self.connections(),
            centring,
            self.h,
            torch.zeros_like(self.h),
            False,
        )


@MODELS.register("mcplrnn")
@dataclass(frozen=True)
class MeanCentredPLRNNConfig(ModelConfig):
    """Mean-centred PLRNN: rectified about the mean of the units, as by a layer normalisation without scale."""

    family: ClassVar[type[Model]] = MeanCentredPLRNN
    equations: ClassVar[str] = "z' = A z + W relu(z - mean(z)) + h,  A diagonal, W without diagonal"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "self-connections (M)",
        "W": "connections between different units (M, M); its diagonal has no effect",
        "h": "bias (M)",
    }
    when_to_use: ClassVar[str] = "where the PLRNN diverges or trains badly: centring keeps half the units at work"
    references: ClassVar[tuple[str, ...]] = (
        "Brenner, Hess, Mikhaeil, Bereska, Monfared, Kuo, Durstewitz, ICML 2022, arXiv:2207.02542",
        "Hemmer, Brenner, Hess, Durstewitz, ICML 2024, arXiv:2406.04934",
    )
    recommended_forcing: ClassVar[str] = "sparse"
    search_space: ClassVar[Mapping[str, Range]] = {"latent_dim": Range(10, 60)}

    latent_dim: int = option(30, "number of latent states M, all of them rectified about their mean")
    observation: str = option("identity", OBSERVATION_HELP)
