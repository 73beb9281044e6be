"""PLRNN: every unit is rectified, and connected linearly to itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..registry import option
from .base import Model
from .initialise import generator
from .observation import OBSERVATION_HELP
from .off_diagonal import OffDiagonalPLRNN
from .orbits import Orbit, alrnn_loop, compiled_orbit
from .plrnn import require
from .registry import MODELS, ModelConfig, Range


class VanillaPLRNN(OffDiagonalPLRNN):
    """z' = A z + W relu(z) + h, A diagonal, W without diagonal: up to 2**M linear regions.

    The plain form of the family. It needs many latent states: each has one kink only, and one that is observed and
    below its mean says nothing to the others, so that the unobserved ones must carry a copy of the dynamics. Free runs
    can diverge, and with noisy data some come to rest.

    Sources: Durstewitz, PLoS Comput. Biol. 2017, doi:10.1371/journal.pcbi.1005542; Koppe, Toutounji, Kirsch, Lis,
    Durstewitz, PLoS Comput. Biol. 2019, doi:10.1371/journal.pcbi.1007263.
    """

    def __init__(self, obs_dim: int, latent_dim: int = 30, observation: str = "identity", seed: int = 0) -> None:
        require(latent_dim >= 1, f"latent_dim = {latent_dim}", "1 or more")
        super().__init__(obs_dim, latent_dim, observation, generator(seed))

    def phi(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def bits(self, z: Tensor) -> Tensor:
        """z > 0 for each unit."""
        return z > 0

    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        on = bits.to(self.W.dtype)
        return torch.diag(self.self_connections()) + self.connections() * on[..., None, :], self.h.expand(on.shape)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not VanillaPLRNN:  # a subclass may step otherwise
            return None
        return compiled_orbit(alrnn_loop, self.state_dim, self.self_connections(), self.connections(), self.h, 0)


@MODELS.register("plrnn")
@dataclass(frozen=True)
class VanillaPLRNNConfig(ModelConfig):
    """PLRNN: all units rectified, no hidden layer; the plain form of the family."""

    family: ClassVar[type[Model]] = VanillaPLRNN
    equations: ClassVar[str] = "z' = A z + W relu(z) + h,  A diagonal, W without diagonal"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "self-connections (M)",
        "W": "connections between different units (M, M); its diagonal has no effect",
        "h": "bias (M)",
    }
    when_to_use: ClassVar[str] = "as the family's reference, or where linear units in the AL-RNN are unwanted"
    references: ClassVar[tuple[str, ...]] = (
        "Durstewitz, PLoS Comput. Biol. 2017, doi:10.1371/journal.pcbi.1005542",
        "Koppe, Toutounji, Kirsch, Lis, Durstewitz, PLoS Comput. Biol. 2019, doi:10.1371/journal.pcbi.1007263",
    )
    # on Lorenz-63, forcing at regular intervals left free runs that diverge or come to rest
    recommended_forcing: ClassVar[str] = "random_sparse"
    recommended_training: ClassVar[Mapping[str, Any]] = {"window": 40, "batch_size": 32}
    search_space: ClassVar[Mapping[str, Range]] = {"latent_dim": Range(10, 60)}

    latent_dim: int = option(30, "number of latent states M, all of them rectified")
    observation: str = option("identity", OBSERVATION_HELP)
