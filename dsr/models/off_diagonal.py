"""What the PLRNNs without a hidden layer share: a diagonal linear part and connections between different units."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from .bounded import SLOWEST, bounded_diagonal, raw_diagonal
from .initialise import normalised_positive_definite
from .plrnn import PLRNN
from .states import require_width


class OffDiagonalPLRNN(PLRNN, abc.ABC):
    """z' = A z + W phi(z) + h with a piecewise-linear phi; A is diagonal and W has no diagonal, so that a unit acts on
    itself through A alone.

    The diagonal of the parameter `W` is masked out inside the step: it has no effect and no gradient. With `bounded`
    the trained parameter is `atanh_A` in place of `A` (see `bounded`).
    """

    penalised: ClassVar[Mapping[str, float]] = {"A": 1.0, "atanh_A": SLOWEST, "W": 0.0, "h": 0.0}
    per_state: ClassVar[tuple[str, ...]] = ("A", "atanh_A", "W", "h")

    def __init__(
        self, obs_dim: int, latent_dim: int, observation: str, rng: torch.Generator, *, bounded: bool = False
    ) -> None:
        super().__init__(obs_dim, latent_dim, observation, rng)
        self.bounded = bounded
        linear = normalised_positive_definite(latent_dim, rng)
        A = linear.diagonal().clone()
        if bounded:
            self.atanh_A = nn.Parameter(raw_diagonal(A))
        else:
            self.A = nn.Parameter(A)
        self.W = nn.Parameter(linear - torch.diag(linear.diagonal()))
        self.h = nn.Parameter(torch.zeros(latent_dim))

    def self_connections(self) -> Tensor:
        """A (M,)."""
        return bounded_diagonal(self.atanh_A) if self.bounded else self.A

    def connections(self) -> Tensor:
        """W (M, M) without its diagonal."""
        return self.W - torch.diag(self.W.diagonal())

    @abc.abstractmethod
    def phi(self, z: Tensor) -> Tensor:
        """What a state sends on, (..., state) -> (..., state)."""

    def step(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return self.self_connections() * z + self.phi(z) @ self.connections().T + self.h
