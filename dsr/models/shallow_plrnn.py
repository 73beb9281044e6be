"""Shallow PLRNN: a linear diagonal part and one hidden ReLU layer, plain or clipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..registry import option
from .base import Model
from .bounded import SLOWEST, bounded_diagonal, raw_diagonal, require_clipped, trapping_box
from .initialise import generator, normalised_positive_definite_diagonal, uniform
from .observation import OBSERVATION_HELP
from .orbits import Orbit, compiled_orbit, shallow_loop
from .plrnn import PLRNN, require
from .registry import MODELS, ModelConfig


class ShallowPLRNN(PLRNN):
    """z' = A z + W1 relu(W2 z + h2) + h1; clipped: W1 [relu(W2 z + h2) - relu(W2 z)] in its place.

    `latent_dim` defaults to `obs_dim`. The clipped form has bounded orbits when all |A| < 1, which training does not
    enforce; the plain form can diverge in free run.

    bounded : the clipped form with A = 0.999 tanh(a), a the trained parameter `atanh_A`. Then every orbit, from
    wherever it starts, comes into a box and stays. Proof: a hidden unit is at most |h2_k| in absolute value, so
    |z_i'| <= |A_i| |z_i| + c_i with c_i = sum_k |W1_ik| |h2_k| + |h1_i|, and the half width of the box is
    c_i / (1 - |A_i|) (see `bounded`; `trapping_box` gives it). External inputs add their own largest effect to c_i.
    Bounded is not right: an orbit that would have escaped comes to rest or wanders at the edge of the box.

    Source: Hess, Monfared, Brenner, Durstewitz, ICML 2023, arXiv:2306.04406.
    """

    penalised: ClassVar[Mapping[str, float]] = {
        "A": 1.0,
        "atanh_A": SLOWEST,
        **dict.fromkeys(("W1", "W2", "h1", "h2"), 0.0),
    }
    per_state: ClassVar[tuple[str, ...]] = ("A", "atanh_A", "W1", "h1")

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int | None = None,
        hidden_dim: int = 50,
        clipped: bool = False,
        observation: str = "identity",
        bounded: bool = False,
        seed: int = 0,
    ) -> None:
        m = obs_dim if latent_dim is None else latent_dim
        require(hidden_dim >= 1, f"hidden_dim = {hidden_dim}", "1 or more")
        require(m >= 1, f"latent_dim = {m}", "1 or more")
        require_clipped(bounded, clipped)
        rng = generator(seed)
        super().__init__(obs_dim, m, observation, rng)
        self.hidden_dim, self.clipped, self.bounded = hidden_dim, clipped, bounded
        A = normalised_positive_definite_diagonal(m, rng)
        if bounded:
            self.atanh_A = nn.Parameter(raw_diagonal(A))
        else:
            self.A = nn.Parameter(A)
        self.W1 = nn.Parameter(uniform((m, hidden_dim), hidden_dim, rng))
        self.W2 = nn.Parameter(uniform((hidden_dim, m), m, rng))
        self.h1 = nn.Parameter(torch.zeros(m))
        # a clipped unit with h2 = 0 is zero everywhere and would never learn
        self.h2 = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng) if clipped else torch.zeros(hidden_dim))

    def self_connections(self) -> Tensor:
        """A (M,)."""
        return bounded_diagonal(self.atanh_A) if self.bounded else self.A

    def trapping_box(self) -> Tensor:
        """Half widths (M,) of a box around the origin, in latent coordinates, that every orbit enters and none leaves.

        Raises `SpecError` for a model that is not clipped, or has some |A| of 1 or more.
        """
        return trapping_box(self.self_connections(), self.W1.abs() @ self.h2.abs() + self.h1.abs(), self.clipped)

    def step(self, z: Tensor) -> Tensor:
        u = z @ self.W2.T
        r = torch.relu(u + self.h2)
        if self.clipped:
            r = r - torch.relu(u)
        return self.self_connections() * z + r @ self.W1.T + self.h1

    def bits(self, z: Tensor) -> Tensor:
        """W2 z + h2 > 0 for each hidden unit; clipped: followed by W2 z > 0."""
        u = z @ self.W2.T
        on = u + self.h2 > 0
        return torch.cat([on, u > 0], dim=-1) if self.clipped else on

    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        on = bits.to(self.W1.dtype)
        active, slope = on, on
        if self.clipped:
            active = on[..., : self.hidden_dim]
            slope = active - on[..., self.hidden_dim :]
        matrix = torch.diag(self.self_connections()) + (self.W1 * slope[..., None, :]) @ self.W2
        return matrix, (active * self.h2) @ self.W1.T + self.h1

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not ShallowPLRNN:  # a subclass may step otherwise
            return None
        return compiled_orbit(
            shallow_loop, self.state_dim, self.self_connections(), self.W1, self.W2.T, self.h1, self.h2, self.clipped
        )


@MODELS.register("shplrnn")
@dataclass(frozen=True)
class ShallowPLRNNConfig(ModelConfig):
    """Shallow PLRNN: one hidden ReLU layer; fast to train, bounded or not, on recorded data too."""

    family: ClassVar[type[Model]] = ShallowPLRNN
    equations: ClassVar[str] = "z' = A z + W1 relu(W2 z + h2) + h1;  clipped: W1 [relu(W2 z + h2) - relu(W2 z)] + h1"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "diagonal of the linear part (M); if bounded, 0.999 tanh of the parameter atanh_A",
        "W1": "hidden to latent (M, L)",
        "W2": "latent to hidden (L, M)",
        "h1": "bias of the latent states (M)",
        "h2": "thresholds of the hidden units (L)",
    }
    when_to_use: ClassVar[str] = "recorded data of few dimensions; clean, very noisy or few rows suit others better"
    references: ClassVar[tuple[str, ...]] = ("Hess, Monfared, Brenner, Durstewitz, ICML 2023, arXiv:2306.04406",)

    latent_dim: int | None = option(None, "number of latent states M; the number of observed columns if not given")
    hidden_dim: int = option(50, "number of hidden ReLU units L")
    clipped: bool = option(False, "bounded difference of two ReLUs in each hidden unit")
    observation: str = option("identity", OBSERVATION_HELP)
    bounded: bool = option(False, "clipped only: |A| < 1 by parametrisation, so that no orbit can diverge")
