"""LSSL: one dense real system, with a step of its own for each feature."""

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
from .linear_layer import LinearLayer, causal_convolution, loop_over, random_steps, row_powers
from .loops import single_input_step
from .settings import BLOCK, SEARCH, SYMBOLS, TRAINING
from .stack import StateSpaceModel


class DenseLayer(LinearLayer):
    """x' = A x + B u, y = C x + D u with a learned A (order, order) that all features share; the reference that the
    structured layers are measured against, and slower than they are.

    Nothing keeps a learned A stable: look at `poles`. The kernel is C Ab^k Bb by repeated squaring.

    Source: Gu et al., NeurIPS 2021, arXiv:2110.13985.
    """

    compiled_step = single_input_step
    slow_parameters = ("A", "B", "log_step")

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
        a, b = hippo.hippo(init, order)
        self.features, self.order, self.memory_dim = features, order, features * order
        self.discretisation = discretisation
        self.A = nn.Parameter(torch.tensor(a, dtype=torch.get_default_dtype()))
        self.B = nn.Parameter(torch.tensor(b, dtype=torch.get_default_dtype()))
        self.C = nn.Parameter(torch.randn((features, order), generator=rng))
        self.D = nn.Parameter(torch.randn(features, generator=rng))
        self.log_step = random_steps(features, low, high, rng)

    def discretised(self) -> tuple[Tensor, Tensor]:
        """Ab (features, order, order) and Bb (features, order)."""
        step = torch.exp(self.log_step)[:, None, None]
        a, b = discretise.dense(self.discretisation, self.A, self.B[:, None], step)
        return a, b[..., 0]

    def kernel(self, length: int) -> Tensor:
        a, b = self.discretised()
        return (row_powers(a, self.C, length) @ b[..., None])[..., 0]

    def convolve(self, u: Tensor, memory: Tensor | None = None) -> Tensor:
        length = u.shape[1]
        a, b = self.discretised()
        rows = row_powers(a, self.C, length + 1)
        y = causal_convolution(u.transpose(1, 2), (rows[:, :-1] @ b[..., None])[..., 0])
        if memory is not None:
            y = y + (rows[:, 1:] @ self._split(memory)[..., None])[..., 0]
        return y.transpose(1, 2).contiguous() + self.D * u

    def scan(self, u: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        system = self.discretised()
        return loop_over(lambda m, now: self._advance(system, m, now), u, memory)

    def recur(self, memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return self._advance(self.discretised(), memory, u)

    def poles(self) -> Tensor:
        return torch.linalg.eigvals(self.discretised()[0]).flatten()

    def compiled_weights(self) -> tuple[Tensor, ...]:
        return *self.discretised(), self.C, self.D

    def _split(self, memory: Tensor) -> Tensor:
        return memory.unflatten(-1, (self.features, self.order))

    def _advance(self, system: tuple[Tensor, Tensor], memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        a, b = system
        x = (a @ self._split(memory)[..., None])[..., 0] + b * u[..., None]
        return x.flatten(-2), (self.C * x).sum(-1) + self.D * u


class LSSL(StateSpaceModel):
    """Dense linear state-space layers, closed to a generator by an increment head.

    Source: Gu et al., NeurIPS 2021, arXiv:2110.13985.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 32,
        order: int = 8,
        depth: int = 1,
        init: str = "legs",
        discretisation: str = "zoh",
        timescale_low: float = 0.15,
        timescale_high: float = 1.5,
        norm: str = "none",
        gain: float = 0.1,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)

        def layer() -> DenseLayer:
            return DenseLayer(features, order, init, discretisation, timescale_low, timescale_high, rng)

        super().__init__(obs_dim, features, depth, norm, gain, layer, rng)


@MODELS.register("lssl")
@dataclass(frozen=True)
class LSSLConfig(ModelConfig):
    """LSSL: a stack of dense linear state-space layers."""

    family: ClassVar[type[Model]] = LSSL
    equations: ClassVar[str] = "x' = A x + B u, discretised with step D;  y = C x + D u;  " + BLOCK
    symbols: ClassVar[Mapping[str, str]] = {
        **SYMBOLS,
        "A": "dynamics of the memory, shared by the features (n, n)",
        "B": "feature to memory (n)",
        "log_step": "log of the step D (H)",
    }
    when_to_use: ClassVar[str] = "as the reference for the structured layers; S4D is faster and no worse"
    references: ClassVar[tuple[str, ...]] = ("Gu et al., NeurIPS 2021, arXiv:2110.13985",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        **SEARCH,
        "order": Range(choices=(4, 8, 16)),
        "init": Range(choices=("legs", "legt", "lagt", "fout")),
    }

    features: int = option(32, "number of features H")
    order: int = option(8, "real memory states of each feature")
    depth: int = option(1, "number of layers")
    init: str = option("legs", "HiPPO matrix: legs, legt, lagt or fout")
    discretisation: str = option("zoh", "zoh or bilinear")
    timescale_low: float = option(0.15, "smallest initial step D, in rows of the data")
    timescale_high: float = option(1.5, "largest initial step D")
    norm: str = option("none", "normalisation of a layer's input: layer or none")
    gain: float = option(0.1, "size of an increment per step, in standard deviations of the data")
