"""S4D: one diagonal complex system per feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator
from ..registry import MODELS, ModelConfig, Range
from . import discretise, hippo
from .linear_layer import (
    LinearLayer,
    as_complex,
    causal_convolution,
    complex_normal,
    complex_parameter,
    constant_scan,
    joined,
    parted,
    powers,
    random_steps,
)
from .loops import single_input_step
from .settings import BLOCK, SEARCH, SYMBOLS, TRAINING
from .stack import StateSpaceModel

SMALLEST_DECAY = 1e-4  # of initial eigenvalues, some of which have none


class DiagonalLayer(LinearLayer):
    """h_n' = exp(D l_n) h_n + g_n B_n u, y = 2 Re sum_n C_n h_n + D u for each feature: `order` real memory states as
    order/2 conjugate pairs, of which one is kept. Eigenvalues l = -exp(log_decay) + i frequency cannot leave the left
    half-plane, so the layer is stable whatever is learned.

    Source: Gu, Gupta, Goel, Re, NeurIPS 2022, arXiv:2206.11893.
    """

    compiled_step = single_input_step
    slow_parameters = ("log_decay", "frequency", "B", "log_step")

    def __init__(
        self,
        features: int,
        order: int,
        init: str,
        discretisation: str,
        low: float,
        high: float,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        discretise.require_method(discretisation)
        eigenvalues, b = (torch.from_numpy(a) for a in hippo.diagonal(init, order))
        self.features, self.order, self.discretisation = features, order, discretisation
        self.memory_dim, shape = features * order, (features, order // 2)
        self.log_decay, self.frequency = eigenvalue_parameters(eigenvalues.expand(shape))
        self.B = complex_parameter(b.expand(shape))
        self.C = complex_parameter(complex_normal(shape, rng))
        self.D = nn.Parameter(torch.randn(features, generator=rng))
        self.log_step = random_steps(features, low, high, rng)

    def discretised(self) -> tuple[Tensor, Tensor]:
        """Poles and input weights, each (features, order/2)."""
        eigenvalues = torch.complex(-torch.exp(self.log_decay), self.frequency)
        pole, gain = discretise.diagonal(self.discretisation, eigenvalues, torch.exp(self.log_step)[:, None])
        return pole, gain * as_complex(self.B)

    def kernel(self, length: int) -> Tensor:
        pole, b = self.discretised()
        return self._read(b, powers(pole, length))

    def convolve(self, u: Tensor, memory: Tensor | None = None) -> Tensor:
        length = u.shape[1]
        pole, b = self.discretised()
        y = causal_convolution(u.transpose(1, 2), self._read(b, powers(pole, length)))
        if memory is not None:
            y = y + self._read(parted(self._split(memory)), powers(pole, length, first=1))
        return y.transpose(1, 2).contiguous() + self.D * u

    def scan(self, u: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        pole, b = self.discretised()
        h = constant_scan(pole, u[..., None] * b, parted(self._split(memory)))
        return self._output(h, u), joined(h[:, -1]).flatten(-2)

    def recur(self, memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        pole, b = self.discretised()
        h = pole * parted(self._split(memory)) + b * u[..., None]
        return joined(h).flatten(-2), self._output(h, u)

    def poles(self) -> Tensor:
        pole = self.discretised()[0].flatten()
        return torch.cat([pole, pole.conj()])

    def compiled_weights(self) -> tuple[Tensor, ...]:
        pole, b = self.discretised()
        c = as_complex(self.C)
        turn = torch.cat(
            [
                torch.cat([torch.diag_embed(pole.real), torch.diag_embed(-pole.imag)], dim=-1),
                torch.cat([torch.diag_embed(pole.imag), torch.diag_embed(pole.real)], dim=-1),
            ],
            dim=-2,
        )
        return turn, joined(b), 2 * torch.cat([c.real, -c.imag], dim=-1), self.D

    def _split(self, memory: Tensor) -> Tensor:
        return memory.unflatten(-1, (self.features, self.order))

    def _output(self, h: Tensor, u: Tensor) -> Tensor:
        return 2 * (as_complex(self.C) * h).real.sum(-1) + self.D * u

    def _read(self, h: Tensor, decay: Tensor) -> Tensor:
        """Output (..., features, length) of memories h (..., features, order/2) left to themselves."""
        weight = as_complex(self.C) * h
        return 2 * (weight.unsqueeze(-2) @ decay).squeeze(-2).real


def eigenvalue_parameters(eigenvalues: Tensor) -> tuple[nn.Parameter, nn.Parameter]:
    """log(-Re) and Im of eigenvalues, as parameters."""
    decay = (-eigenvalues.real).clamp_min(SMALLEST_DECAY)
    dtype = torch.get_default_dtype()
    return nn.Parameter(decay.log().to(dtype)), nn.Parameter(eigenvalues.imag.to(dtype, copy=True))


class S4D(StateSpaceModel):
    """Diagonal state-space layers, closed to a generator by an increment head.

    init : "lin" has harmonics of one frequency, "inv" frequencies that thin out upwards, "real" none, "legs" those of
    HiPPO-LegS.

    Source: Gu, Gupta, Goel, Re, NeurIPS 2022, arXiv:2206.11893.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 32,
        order: int = 8,
        depth: int = 1,
        init: str = "lin",
        discretisation: str = "zoh",
        timescale_low: float = 0.3,
        timescale_high: float = 3.0,
        norm: str = "none",
        gain: float = 0.1,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)

        def layer() -> DiagonalLayer:
            return DiagonalLayer(features, order, init, discretisation, timescale_low, timescale_high, rng)

        super().__init__(obs_dim, features, depth, norm, gain, layer, rng)


@MODELS.register("s4d")
@dataclass(frozen=True)
class S4DConfig(ModelConfig):
    """S4D: a stack of diagonal linear state-space layers."""

    family: ClassVar[type[Model]] = S4D
    equations: ClassVar[str] = "h' = exp(D l) h + (exp(D l) - 1)/l B u;  y = 2 Re(C h) + D u;  " + BLOCK
    symbols: ClassVar[Mapping[str, str]] = {
        **SYMBOLS,
        "log_decay": "log of minus the real part of the eigenvalues l",
        "frequency": "imaginary part of l",
        "B": "feature to memory",
        "log_step": "log of the step D",
    }
    when_to_use: ClassVar[str] = (
        "partial observation, long memory, training on long sequences; others forecast clean data better"
    )
    references: ClassVar[tuple[str, ...]] = ("Gu, Gupta, Goel, Re, NeurIPS 2022, arXiv:2206.11893",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        **SEARCH,
        "order": Range(choices=(4, 8, 16, 32)),
        "init": Range(choices=("lin", "inv", "real", "legs")),
    }

    features: int = option(32, "number of features H")
    order: int = option(8, "real memory states of each feature, an even number")
    depth: int = option(1, "number of layers")
    init: str = option("lin", "eigenvalues: lin, inv, real or legs")
    discretisation: str = option("zoh", "zoh or bilinear")
    timescale_low: float = option(0.3, "smallest initial step D, in rows of the data")
    timescale_high: float = option(3.0, "largest initial step D")
    norm: str = option("none", "normalisation of a layer's input: layer or none")
    gain: float = option(0.1, "size of an increment per step, in standard deviations of the data")
