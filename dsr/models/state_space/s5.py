"""S5: one diagonal complex system with as many inputs and outputs as there are features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from . import discretise, hippo
from .linear_layer import as_complex, complex_normal, complex_parameter, random_steps
from .mimo import SharedLayer
from .s4d import eigenvalue_parameters
from .settings import BLOCK, SEARCH, SYMBOLS, TRAINING
from .stack import StateSpaceModel


class S5Layer(SharedLayer):
    """One system in continuous time of `order` real states, order/2 conjugate pairs of which one is kept: poles
    exp(D l) with a step D for each, eigenvalues l = -exp(log_decay) + i frequency in `blocks` equal sets.

    Source: Smith, Warrington, Linderman, ICLR 2023, arXiv:2208.04933.
    """

    READ = 2.0
    slow_parameters = ("log_decay", "frequency", "B", "log_step")

    def __init__(
        self,
        features: int,
        order: int,
        blocks: int,
        init: str,
        discretisation: str,
        low: float,
        high: float,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        discretise.require_method(discretisation)
        require(
            blocks >= 1 and order >= 2 and order % (2 * blocks) == 0,
            f"order = {order} in blocks = {blocks}",
            "an order that is a multiple of twice the number of blocks",
        )
        eigenvalues, _ = hippo.diagonal(init, order // blocks)
        modes = order // 2
        self.features, self.discretisation, self.memory_dim = features, discretisation, order
        self.log_decay, self.frequency = eigenvalue_parameters(torch.from_numpy(eigenvalues).repeat(blocks))
        self.B = complex_parameter(complex_normal((modes, features), rng) / math.sqrt(features))
        self.C = complex_parameter(complex_normal((features, modes), rng) / math.sqrt(modes))
        self.D = nn.Parameter(torch.randn(features, generator=rng))
        self.log_step = random_steps(modes, low, high, rng)

    def discretised(self) -> tuple[Tensor, Tensor]:
        eigenvalues = torch.complex(-torch.exp(self.log_decay), self.frequency)
        pole, gain = discretise.diagonal(self.discretisation, eigenvalues, torch.exp(self.log_step))
        return pole, gain[:, None] * as_complex(self.B)


class S5(StateSpaceModel):
    """State-space layers with one memory for all features, closed to a generator by an increment head.

    Source: Smith, Warrington, Linderman, ICLR 2023, arXiv:2208.04933.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 32,
        order: int = 64,
        depth: int = 1,
        blocks: int = 8,
        init: str = "lin",
        discretisation: str = "zoh",
        timescale_low: float = 0.3,
        timescale_high: float = 3.0,
        norm: str = "none",
        gain: float = 0.1,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)

        def layer() -> S5Layer:
            return S5Layer(features, order, blocks, init, discretisation, timescale_low, timescale_high, rng)

        super().__init__(obs_dim, features, depth, norm, gain, layer, rng)


@MODELS.register("s5")
@dataclass(frozen=True)
class S5Config(ModelConfig):
    """S5: a stack of diagonal state-space layers with a shared memory."""

    family: ClassVar[type[Model]] = S5
    equations: ClassVar[str] = (
        "h' = exp(D l) h + (exp(D l) - 1)/l B u;  y = 2 Re(C h) + D u, one memory for all features;  " + BLOCK
    )
    symbols: ClassVar[Mapping[str, str]] = {
        **SYMBOLS,
        "log_decay": "log of minus the real part of the eigenvalues l",
        "frequency": "imaginary part of l",
        "B": "feature to memory",
        "log_step": "log of the step D",
    }
    when_to_use: ClassVar[str] = "as S4D, with fewer memory states for the same number of features"
    references: ClassVar[tuple[str, ...]] = ("Smith, Warrington, Linderman, ICLR 2023, arXiv:2208.04933",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        **SEARCH,
        "order": Range(choices=(32, 64, 128)),
        "init": Range(choices=("lin", "inv", "real", "legs")),
    }

    features: int = option(32, "number of features H")
    order: int = option(64, "real memory states of a layer, a multiple of twice the blocks")
    depth: int = option(1, "number of layers")
    blocks: int = option(8, "equal sets of initial eigenvalues")
    init: str = option("lin", "eigenvalues: lin, inv, real or legs")
    discretisation: str = option("zoh", "zoh or bilinear")
    timescale_low: float = option(0.3, "smallest initial step D, in rows of the data")
    timescale_high: float = option(3.0, "largest initial step D")
    norm: str = option("none", "normalisation of a layer's input: layer or none")
    gain: float = option(0.1, "size of an increment per step, in standard deviations of the data")
