"""LRU: linear recurrent unit, a diagonal complex system in discrete time."""

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
from .linear_layer import as_complex, complex_normal, complex_parameter, random_steps
from .mimo import SharedLayer
from .settings import BLOCK, SEARCH, SYMBOLS, TRAINING
from .stack import StateSpaceModel

REAL_PART = 0.5  # a step D then means a decay of D/2, as it does for the layers in continuous time


class LRULayer(SharedLayer):
    """Poles exp(-exp(log_decay) + i phase), inside the unit circle whatever is learned; inputs are scaled by
    exp(log_gain), which starts at sqrt(1 - |pole|^2), so that the memory has the variance of its input.

    `order` complex modes, hence twice as many memory states; y = Re(C h) + D u.

    Source: Orvieto et al., ICML 2023, arXiv:2303.06349.
    """

    READ = 1.0
    slow_parameters = ("log_decay", "phase", "log_gain", "B")

    def __init__(
        self, features: int, order: int, max_phase: float, low: float, high: float, rng: torch.Generator
    ) -> None:
        super().__init__()
        require(order >= 1, f"order = {order}", "1 or more")
        require(0 <= max_phase <= 2 * math.pi, f"max_phase = {max_phase}", "0 to 2 pi")
        self.features, self.memory_dim = features, 2 * order
        self.log_decay = random_steps(order, REAL_PART * low, REAL_PART * high, rng)
        self.phase = nn.Parameter(max_phase * torch.rand(order, generator=rng))
        size = torch.exp(-torch.exp(self.log_decay.detach()))
        self.log_gain = nn.Parameter(0.5 * torch.log1p(-size.square()))
        self.B = complex_parameter(complex_normal((order, features), rng) / math.sqrt(features))
        self.C = complex_parameter(complex_normal((features, order), rng) / math.sqrt(order))
        self.D = nn.Parameter(torch.randn(features, generator=rng))

    def discretised(self) -> tuple[Tensor, Tensor]:
        pole = torch.exp(torch.complex(-torch.exp(self.log_decay), self.phase))
        return pole, torch.exp(self.log_gain)[:, None] * as_complex(self.B)


class LRU(StateSpaceModel):
    """Linear recurrent units with static nonlinearities between them, closed to a generator by an increment head.

    Source: Orvieto et al., ICML 2023, arXiv:2303.06349.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 32,
        order: int = 32,
        depth: int = 1,
        max_phase: float = 3.14,
        timescale_low: float = 0.3,
        timescale_high: float = 3.0,
        norm: str = "none",
        gain: float = 0.1,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)

        def layer() -> LRULayer:
            return LRULayer(features, order, max_phase, timescale_low, timescale_high, rng)

        super().__init__(obs_dim, features, depth, norm, gain, layer, rng)


@MODELS.register("lru")
@dataclass(frozen=True)
class LRUConfig(ModelConfig):
    """LRU: a stack of linear recurrent units."""

    family: ClassVar[type[Model]] = LRU
    equations: ClassVar[str] = (
        "h' = exp(-exp(log_decay) + i phase) h + exp(log_gain) B u;  y = Re(C h) + D u;  " + BLOCK
    )
    symbols: ClassVar[Mapping[str, str]] = {
        **SYMBOLS,
        "log_decay": "log of the decay per step",
        "phase": "angle of the poles",
        "log_gain": "log of the input scale",
        "B": "feature to memory",
    }
    when_to_use: ClassVar[str] = "as S5, without a continuous-time origin"
    references: ClassVar[tuple[str, ...]] = ("Orvieto et al., ICML 2023, arXiv:2303.06349",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {**SEARCH, "order": Range(16, 128, log=True)}

    features: int = option(32, "number of features H")
    order: int = option(32, "complex modes of a layer; the memory has twice as many states")
    depth: int = option(1, "number of layers")
    max_phase: float = option(3.14, "largest initial angle of a pole, in radians per step")
    timescale_low: float = option(0.3, "smallest initial step D, in rows of the data")
    timescale_high: float = option(3.0, "largest initial step D")
    norm: str = option("none", "normalisation of a layer's input: layer or none")
    gain: float = option(0.1, "size of an increment per step, in standard deviations of the data")
