"""Parallel reservoirs: one for each group of neighbouring columns, each reading some columns beyond its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...registry import option
from ..base import Model
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .echo_state import SEARCH
from .random_wiring import Wiring, random_wiring, ring
from .reservoir_core import Reservoir


class ParallelReservoirs(Reservoir):
    """Echo state networks side by side, for data in space on a ring: group g reads its own `group_size` columns and
    `overlap` columns on either side, and predicts its own. Their outputs together are what all read next.

    The other settings are those of `EchoStateNetwork`; density and spectral radius are those within a group. A group
    has a simpler task than one network for all columns, so few units each go far.

    Some input noise keeps the free run from leaving the attractor in one of its many directions: of Lorenz-96 with 10
    and 20 columns, sampled every 0.05, 3 models of 10 diverged without, 1 of 15 with 0.001 and none of 15 with 0.003,
    whose forecasts are a little shorter. Finely sampled data with little noise can do without, and with an overlap
    of 2; forecasts are then longer.

    It misleads where columns act on each other over more than the overlap in one step. At the two ends of data that
    are no ring, columns read each other for nothing.

    Source: Pathak, Hunt, Girvan, Lu, Ott, Phys. Rev. Lett. 120, 024102 (2018), doi:10.1103/PhysRevLett.120.024102.
    """

    def __init__(
        self,
        obs_dim: int,
        units: int = 300,
        group_size: int = 1,
        overlap: int = 3,
        spectral_radius: float = 0.5,
        leak: float = 0.7,
        input_scale: float = 0.05,
        bias: float = 1.6,
        bias_spread: float = 1.0,
        density: float = 0.02,
        ridge: float = 2e-12,
        input_noise: float = 1e-3,
        noise_form: str = "sampled",
        jacobian_penalty: float = 0.0,
        spin_up: int = 200,
        seed: int = 0,
    ) -> None:
        require(units >= 1, f"units = {units}", "1 or more")
        require(
            group_size >= 1 and obs_dim % group_size == 0,
            f"group_size = {group_size}",
            f"a divisor of {obs_dim} columns",
        )
        require(overlap >= 0, f"overlap = {overlap}", "0 or more")
        groups, seen = obs_dim // group_size, min(obs_dim, group_size + 2 * overlap)
        rng, wirings = np.random.default_rng(seed), []
        for g in range(groups):
            wiring = random_wiring(
                ring(np.full(units, g * group_size + (group_size - 1) // 2), seen, obs_dim),
                obs_dim,
                density=density,
                spectral_radius=spectral_radius,
                input_scale=input_scale,
                bias=bias,
                bias_spread=bias_spread,
                rng=rng,
            )
            wiring.index[:, seen:] += g * units
            wirings.append(wiring)
        super().__init__(
            obs_dim,
            Wiring(*(np.concatenate([getattr(w, name) for w in wirings]) for name in ("index", "weights", "bias"))),
            groups=groups,
            leak=leak,
            ridge=ridge,
            input_noise=input_noise,
            noise_form=noise_form,
            jacobian_penalty=jacobian_penalty,
            spin_up=spin_up,
        )


@MODELS.register("parallel_esn")
@dataclass(frozen=True)
class ParallelReservoirsConfig(ModelConfig):
    """Parallel reservoirs: an echo state network for each group of neighbouring columns, for data in space."""

    family: ClassVar[type[Model]] = ParallelReservoirs
    equations: ClassVar[str] = (
        "per group: r' = (1 - a) r + a tanh(A r + W_in x[group and neighbours] + b),  x'[group] = W_out r'"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "index": "places of (x, r) that each unit reads, inputs first (groups N, terms)",
        "weights": "how strongly: the non-zero elements of W_in and A, not trained (groups N, terms)",
        "bias": "b, not trained (groups N)",
        "W_out": "readout (obs, N) of each column from the units of its group, the only weights that are fitted",
    }
    when_to_use: ClassVar[str] = (
        "many columns in space that act on their neighbours, such as Lorenz-96 or a field on a grid"
    )
    references: ClassVar[tuple[str, ...]] = (
        "Pathak, Hunt, Girvan, Lu, Ott, Phys. Rev. Lett. 120, 024102 (2018), doi:10.1103/PhysRevLett.120.024102",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = SEARCH

    units: int = option(300, "number of units N of each group")
    group_size: int = option(1, "columns that a group predicts; it divides the number of columns")
    overlap: int = option(3, "columns beyond its own that a group reads on either side")
    spectral_radius: float = option(0.5, "largest absolute eigenvalue of A")
    leak: float = option(0.7, "a: how much of a unit is replaced in a step, 0 < a <= 1")
    input_scale: float = option(0.05, "W_in is uniform on (-scale, scale), for standardised data")
    bias: float = option(1.6, "mean of b")
    bias_spread: float = option(1.0, "b is uniform within this distance of its mean")
    density: float = option(0.02, "share of the units of the group that a unit reads")
    ridge: float = option(2e-12, "weight of |W_out|^2 against the mean squared error")
    input_noise: float = option(1e-3, "standard deviation of noise on the input, in units of the data's")
    noise_form: str = option("sampled", "noise drawn once (sampled), or its mean effect to first order (linearised)")
    jacobian_penalty: float = option(0.0, "weight of the mean squared Jacobian dx'/d(x, r)")
    spin_up: int = option(200, "rows that are fed in before any are fitted or forecast")
