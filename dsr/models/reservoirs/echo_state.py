"""Echo state network: a sparse random network of leaky tanh units, driven by data, with a linear readout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...registry import option
from ..base import Model
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .random_wiring import all_columns, random_wiring, ring
from .reservoir_core import Reservoir

PATTERNS = ("dense", "local")


class EchoStateNetwork(Reservoir):
    """r' = (1 - a) r + a tanh(A r + W_in x + b), x' = W_out r', where only W_out is solved for.

    The defaults are those found for Lorenz-63 by Platt et al. (2022), whose main finding was that the bias matters,
    carried over to standardised data: input weights times the standard deviation (about 8.4 there), and the means of
    the data folded into a spread of the biases.

    input_noise : standard deviation of noise on the input, in units of the data's, that the readout learns to undo.
    Clean low-dimensional data are forecast longer without; noisy and high-dimensional data need it. "sampled" draws it
    once; "linearised" is the limit of many draws (`penalties.NoiseResponse`). jacobian_penalty : weight of the mean
    squared Jacobian of the closed loop (`penalties.SquaredJacobian`). All weights are against the mean squared error.

    input_pattern : "dense", every unit reads every column; "local", unit i of N reads `neighbours` adjacent columns
    around column i obs_dim / N on a ring, for data in space.

    It misleads when the memory fades slower than the system contracts: an exponent of the free run is then one of the
    memory. Compare the conditional exponents with the spectrum (Hart 2024, arXiv:2401.00885). A small one-step error
    says nothing about the free run, and a tiny ridge that is right for one seed need not be for the next. With about
    as many rows as units the readout follows rounding and noise unless the ridge is large; ridge = 0 is refused there.

    Source: Jaeger, GMD Report 148 (2001); Platt et al., Neural Networks 153, 530 (2022), arXiv:2201.08910.
    """

    def __init__(
        self,
        obs_dim: int,
        units: int = 800,
        spectral_radius: float = 0.8,
        leak: float = 0.6,
        input_scale: float = 0.7,
        bias: float = 1.6,
        bias_spread: float = 1.0,
        density: float = 0.02,
        input_pattern: str = "dense",
        neighbours: int = 3,
        ridge: float = 2e-12,
        input_noise: float = 0.0,
        noise_form: str = "sampled",
        jacobian_penalty: float = 0.0,
        spin_up: int = 200,
        seed: int = 0,
    ) -> None:
        require(units >= 1, f"units = {units}", "1 or more")
        require(input_pattern in PATTERNS, f"input_pattern = '{input_pattern}'", " or ".join(PATTERNS))
        if input_pattern == "local":
            require(1 <= neighbours <= obs_dim, f"neighbours = {neighbours}", f"1 to {obs_dim}, the number of columns")
            columns = ring(np.arange(units) * obs_dim // units, neighbours, obs_dim)
        else:
            columns = all_columns(units, obs_dim)
        wiring = random_wiring(
            columns,
            obs_dim,
            density=density,
            spectral_radius=spectral_radius,
            input_scale=input_scale,
            bias=bias,
            bias_spread=bias_spread,
            rng=np.random.default_rng(seed),
        )
        super().__init__(
            obs_dim,
            wiring,
            leak=leak,
            ridge=ridge,
            input_noise=input_noise,
            noise_form=noise_form,
            jacobian_penalty=jacobian_penalty,
            spin_up=spin_up,
        )


# spectral radius to ridge: the ranges of Platt et al. (2022), the ridge per row and not below rounding
SEARCH: Mapping[str, Range] = {
    "spectral_radius": Range(0.01, 2.0),
    "leak": Range(0.05, 1.0),
    "input_scale": Range(1e-2, 10.0, log=True),
    "bias": Range(0.0, 4.0),
    "ridge": Range(1e-14, 1e-2, log=True),
    "input_noise": Range(1e-4, 0.3, log=True),
}


@MODELS.register("esn")
@dataclass(frozen=True)
class EchoStateNetworkConfig(ModelConfig):
    """Echo state network: random units driven by the data and a readout solved in closed form, within a second."""

    family: ClassVar[type[Model]] = EchoStateNetwork
    equations: ClassVar[str] = "r' = (1 - a) r + a tanh(A r + W_in x + b),  x' = W_out r'"
    symbols: ClassVar[Mapping[str, str]] = {
        "index": "places of (x, r) that each unit reads, inputs first (N, terms)",
        "weights": "how strongly: the non-zero elements of W_in and A, not trained (N, terms)",
        "bias": "b, not trained (N)",
        "W_out": "readout (obs, N), the only weights that are fitted",
    }
    when_to_use: ClassVar[str] = (
        "fully observed data with little noise: the bar that models trained by gradients have to pass; with input "
        "noise also for noisy data, with local input weights for data in space"
    )
    references: ClassVar[tuple[str, ...]] = (
        "Jaeger, GMD Report 148 (2001)",
        "Platt, Penny, Smith, Chen, Abarbanel, Neural Networks 153, 530 (2022), arXiv:2201.08910",
        "Wikner et al., Neural Networks 170, 94 (2024), arXiv:2211.05262 (input noise and its linearised form)",
        "Hart, arXiv:2401.00885 (conditional exponents)",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = SEARCH

    units: int = option(800, "number of units N")
    spectral_radius: float = option(0.8, "largest absolute eigenvalue of A")
    leak: float = option(0.6, "a: how much of a unit is replaced in a step, 0 < a <= 1")
    input_scale: float = option(0.7, "W_in is uniform on (-scale, scale), for standardised data")
    bias: float = option(1.6, "mean of b")
    bias_spread: float = option(1.0, "b is uniform within this distance of its mean")
    density: float = option(0.02, "share of the units that a unit reads")
    input_pattern: str = option("dense", "columns that a unit reads: dense (all) or local (adjacent, on a ring)")
    neighbours: int = option(3, "number of columns that a unit reads with local input weights")
    ridge: float = option(2e-12, "weight of |W_out|^2 against the mean squared error")
    input_noise: float = option(0.0, "standard deviation of noise on the input, in units of the data's")
    noise_form: str = option("sampled", "noise drawn once (sampled), or its mean effect to first order (linearised)")
    jacobian_penalty: float = option(0.0, "weight of the mean squared Jacobian dx'/d(x, r)")
    spin_up: int = option(200, "rows that are fed in before any are fitted or forecast")
