"""Dendritic PLRNN: each unit sends on a linear spline of its state, the same weights at thresholds of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..registry import option
from .base import Model
from .bounded import require_clipped, trapping_box
from .initialise import generator, uniform
from .observation import OBSERVATION_HELP
from .off_diagonal import OffDiagonalPLRNN
from .orbits import Orbit, compiled_orbit
from .plrnn import require
from .plrnn_orbits import dendritic_loop
from .registry import MODELS, ModelConfig, Range
from .states import require_width

REACH = 2.5  # standard deviations: thresholds start uniformly over the range of the data


class DendriticPLRNN(OffDiagonalPLRNN):
    """z' = A z + W sum_b alpha_b relu(z - H_b) + h, A diagonal, W without diagonal; clipped: alpha_b [relu(z - H_b) -
    relu(z)] in the sum. alpha (bases,) is shared by the units, H (M, bases) is not.

    Fewer latent states do than in the PLRNN, since each has a kink for every basis. The clipped form has bounded orbits
    when all |A| < 1, which training does not enforce; the plain form can diverge in free run.

    bounded : the clipped form with A = 0.999 tanh(a), a the trained parameter `atanh_A`. Then every orbit, from
    wherever it starts, comes into a box and stays. Proof: a clipped basis is at most |H_jb| in absolute value, so
    |z_i'| <= |A_i| |z_i| + c_i with c_i = sum_j |W_ij| sum_b |alpha_b| |H_jb| + |h_i|, and the half width of the box
    is c_i / (1 - |A_i|) (see `bounded`; `trapping_box` gives it). External inputs add their own largest effect to c_i.
    Bounded is not right: an orbit that would have escaped comes to rest or wanders at the edge of the box.

    Source: Brenner, Hess, Mikhaeil, Bereska, Monfared, Kuo, Durstewitz, ICML 2022, arXiv:2207.02542.
    """

    penalised: ClassVar[Mapping[str, float]] = {**OffDiagonalPLRNN.penalised, "alpha": 0.0}

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int = 22,
        bases: int = 20,
        clipped: bool = False,
        observation: str = "identity",
        bounded: bool = False,
        seed: int = 0,
    ) -> None:
        require(latent_dim >= 1, f"latent_dim = {latent_dim}", "1 or more")
        require(bases >= 1, f"bases = {bases}", "1 or more")
        require_clipped(bounded, clipped)
        rng = generator(seed)
        super().__init__(obs_dim, latent_dim, observation, rng, bounded=bounded)
        self.bases, self.clipped = bases, clipped
        self.alpha = nn.Parameter(uniform((bases,), bases, rng))
        self.H = nn.Parameter(REACH * uniform((latent_dim, bases), 1, rng))

    def trapping_box(self) -> Tensor:
        """Half widths (M,) of a box around the origin, in latent coordinates, that every orbit enters and none leaves.

        Raises `SpecError` for a model that is not clipped, or has some |A| of 1 or more.
        """
        sent = self.H.abs() @ self.alpha.abs()
        return trapping_box(self.self_connections(), self.connections().abs() @ sent + self.h.abs(), self.clipped)

    def phi(self, z: Tensor) -> Tensor:
        branches = torch.relu(z[..., None] - self.H)
        if self.clipped:
            branches = branches - torch.relu(z)[..., None]
        return branches @ self.alpha

    def bits(self, z: Tensor) -> Tensor:
        """z_i > H_ib for each unit i and, within it, each basis b; clipped: followed by z > 0 for each unit."""
        require_width(z, self.state_dim)
        on = (z[..., None] - self.H > 0).flatten(-2)
        return torch.cat([on, z > 0], dim=-1) if self.clipped else on

    def affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        m, W = self.state_dim, self.connections()
        on = bits[..., : m * self.bases].unflatten(-1, (m, self.bases)).to(W.dtype)
        slope = on @ self.alpha
        if self.clipped:
            slope = slope - bits[..., m * self.bases :].to(W.dtype) * self.alpha.sum()
        matrix = torch.diag(self.self_connections()) + W * slope[..., None, :]
        return matrix, self.h - ((on * self.H) @ self.alpha) @ W.T

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not DendriticPLRNN:  # a subclass may step otherwise
            return None
        weights = self.self_connections(), self.connections(), self.h, self.alpha, self.H
        return compiled_orbit(dendritic_loop, self.state_dim, *weights, self.clipped)


@MODELS.register("dendplrnn")
@dataclass(frozen=True)
class DendriticPLRNNConfig(ModelConfig):
    """Dendritic PLRNN: a linear spline in every unit, so that few latent states do."""

    family: ClassVar[type[Model]] = DendriticPLRNN
    equations: ClassVar[str] = (
        "z' = A z + W sum_b alpha_b relu(z - H_b) + h;  clipped: alpha_b [relu(z - H_b) - relu(z)]"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "self-connections (M); if bounded, 0.999 tanh of the parameter atanh_A",
        "W": "connections between different units (M, M); its diagonal has no effect",
        "h": "bias (M)",
        "alpha": "weights of the bases (B), shared by all units",
        "H": "thresholds (M, B)",
    }
    when_to_use: ClassVar[str] = "for strong nonlinearity in few latent states; clipped and bounded, it cannot diverge"
    references: ClassVar[tuple[str, ...]] = (
        "Brenner, Hess, Mikhaeil, Bereska, Monfared, Kuo, Durstewitz, ICML 2022, arXiv:2207.02542",
    )
    recommended_forcing: ClassVar[str] = "sparse"
    search_space: ClassVar[Mapping[str, Range]] = {"latent_dim": Range(5, 40), "bases": Range(5, 50, log=True)}

    latent_dim: int = option(22, "number of latent states M")
    bases: int = option(20, "number of bases B, the kinks of each unit")
    clipped: bool = option(False, "bounded difference of two ReLUs in each basis")
    observation: str = option("identity", OBSERVATION_HELP)
    bounded: bool = option(False, "clipped only: |A| < 1 by parametrisation, so that no orbit can diverge")
