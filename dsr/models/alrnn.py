"""AL-RNN: a linear recurrent network in which only the last `relu_units` units are rectified."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..registry import option
from .base import Model
from .initialise import generator, normalised_positive_definite_diagonal
from .observation import OBSERVATION_HELP
from .orbits import Orbit, alrnn_loop, compiled_orbit
from .plrnn import PLRNN, require
from .registry import MODELS, ModelConfig
from .states import require_width


class ALRNN(PLRNN):
    """Almost-linear RNN: z' = A z + W phi(z) + h, phi = ReLU on the last `relu_units` units and identity elsewhere.

    2**relu_units linear regions at most, so a trained model is a small symbolic code of its attractor. A is diagonal;
    on linear units A_ii and W_ii are redundant. Free runs are not guaranteed to stay bounded.

    Source: Brenner, Hemmer, Monfared, Durstewitz, NeurIPS 2024, arXiv:2410.14240.
    """

    penalised: ClassVar[Mapping[str, float]] = {"A": 1.0, "W": 0.0, "h": 0.0}
    per_state: ClassVar[tuple[str, ...]] = ("A", "W", "h")
    floor: Tensor

    def __init__(
        self, obs_dim: int, latent_dim: int = 20, relu_units: int = 10, observation: str = "identity", seed: int = 0
    ) -> None:
        require(0 <= relu_units <= latent_dim, f"relu_units = {relu_units}", f"0 to latent_dim = {latent_dim}")
        rng = generator(seed)
        super().__init__(obs_dim, latent_dim, observation, rng)
        self.relu_units = relu_units
        self.A = nn.Parameter(normalised_positive_definite_diagonal(latent_dim, rng))
        self.W = nn.Parameter(0.01 * torch.randn((latent_dim, latent_dim), generator=rng))
        self.h = nn.Parameter(torch.zeros(latent_dim))
        # phi(z) = max(z, floor) in one operation: -inf leaves a unit linear, 0 rectifies it
        floor = torch.full((latent_dim,), -math.inf)
        floor[latent_dim - relu_units :] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    def step(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return self.A * z + torch.maximum(z, self.floor) @ self.W.T + self.h

    def bits(self, z: Tensor) -> Tensor:
        return z[..., self.state_dim - self.relu_units :] > 0

    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        linear = torch.ones((*bits.shape[:-1], self.state_dim - self.relu_units), dtype=self.W.dtype)
        on = torch.cat([linear, bits.to(self.W.dtype)], dim=-1)
        return torch.diag(self.A) + self.W * on[..., None, :], self.h.expand(on.shape)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not ALRNN:  # a subclass may step otherwise
            return None
        return compiled_orbit(alrnn_loop, self.state_dim, self.A, self.W, self.h, self.state_dim - self.relu_units)

    @classmethod
    def from_weights(cls, A: Tensor, W: Tensor, h: Tensor, B: Tensor, relu_units: int) -> ALRNN:
        """A model with published weights: A (M,), W (M, M), h (M,), and B (N, M) whose columns beyond N give the
        initial state of the unobserved units."""
        obs_dim, latent_dim = B.shape
        model = cls(obs_dim, latent_dim, relu_units).double()
        lift = torch.as_tensor(B)[:, obs_dim:].T
        weights = {"A": A, "W": W, "h": h, "observation.lift": lift}
        model.load_state_dict({**model.state_dict(), **{k: torch.as_tensor(v) for k, v in weights.items()}})
        return model


@MODELS.register("alrnn")
@dataclass(frozen=True)
class ALRNNConfig(ModelConfig):
    """Almost-linear RNN: few ReLU units, few linear regions, a symbolic code of the attractor."""

    family: ClassVar[type[Model]] = ALRNN
    equations: ClassVar[str] = "z' = A z + W phi(z) + h,  phi = ReLU on the last relu_units units, else identity"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "diagonal of the linear part (M)",
        "W": "connections (M, M)",
        "h": "bias (M)",
    }
    when_to_use: ClassVar[str] = "for a symbolic code of an attractor: few linear regions, each an exact affine map"
    references: ClassVar[tuple[str, ...]] = ("Brenner, Hemmer, Monfared, Durstewitz, NeurIPS 2024, arXiv:2410.14240",)
    # the unobserved units need time between forcings to take part in the dynamics
    recommended_forcing: ClassVar[str] = "sparse"
    recommended_training: ClassVar[Mapping[str, Any]] = {"window": 80, "batch_size": 32, "noise": 0.05}

    latent_dim: int = option(20, "number of latent states M")
    relu_units: int = option(10, "number of rectified units P; at most 2^P linear regions")
    observation: str = option("identity", OBSERVATION_HELP)
