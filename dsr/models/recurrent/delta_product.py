"""DeltaProduct: a linear recurrence whose transition is a product of reflections chosen by the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .network import Cell, RecurrentNetwork
from .training import LOOPED_TRAINING

SMALLEST = 1e-6  # keeps norms of zero vectors differentiable


class DeltaProductCell(Cell):
    """Memory: `heads` matrices S (key, value). For every input, S decays by a factor a in (0, 1) and then goes through
    `reflections` steps S <- S - beta k (k^T S - v^T), beta in (0, 2), |k| = 1; beta > 1 gives the transition
    I - beta k k^T a negative eigenvalue. Read: o = norm(S^T q) * silu(gate).

    a, beta, k, v, q and the gate are functions of the input alone, so the recurrence is linear in the memory.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int,
        heads: int,
        key_dim: int,
        value_dim: int,
        reflections: int,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = {"features": features, "heads": heads, "key_dim": key_dim, "value_dim": value_dim}
        for name, value in (sizes | {"reflections": reflections}).items():
            require(value >= 1, f"{name} = {value}", "1 or more")
        self.heads, self.key_dim, self.value_dim, self.reflections = heads, key_dim, value_dim, reflections
        self.memory_dim, self.output_dim = heads * key_dim * value_dim, heads * value_dim
        # per head: keys, values, strengths of the reflections, then query, gate, decay
        self.parts = [reflections * key_dim, reflections * value_dim, reflections, key_dim, value_dim, 1]
        size = heads * sum(self.parts)
        self.V = nn.Parameter(uniform((features, obs_dim), obs_dim, rng))
        self.b = nn.Parameter(uniform((features,), obs_dim, rng))
        self.W = nn.Parameter(uniform((size, features), features, rng))
        self.c = nn.Parameter(uniform((size,), features, rng))

    def project(self, x: Tensor) -> Tensor:
        return silu(x @ self.V.T + self.b) @ self.W.T + self.c

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        keys, values, strengths, _, _, decay = self._split(projected)
        keys = unit(silu(keys.unflatten(-1, (self.reflections, self.key_dim))))
        values = values.unflatten(-1, (self.reflections, self.value_dim))
        strengths = 2 * torch.sigmoid(strengths)
        S = torch.sigmoid(decay)[..., None] * self._matrices(memory)
        for j in range(self.reflections):
            k, v = keys[..., j, :, None], values[..., j, None, :]
            S = S - (strengths[..., j, None, None] * k) * ((k * S).sum(-2, keepdim=True) - v)
        return S.flatten(-3)

    def read(self, projected: Tensor, memory: Tensor) -> Tensor:
        _, _, _, query, gate, _ = self._split(projected)
        seen = (unit(silu(query))[..., None] * self._matrices(memory)).sum(-2)
        size = (seen.square().mean(-1, keepdim=True) + SMALLEST).sqrt()
        return (seen / size * silu(gate)).flatten(-2)

    def _split(self, projected: Tensor) -> tuple[Tensor, ...]:
        return projected.unflatten(-1, (self.heads, -1)).split(self.parts, dim=-1)

    def _matrices(self, memory: Tensor) -> Tensor:
        return memory.unflatten(-1, (self.heads, self.key_dim, self.value_dim))


def unit(k: Tensor) -> Tensor:
    """Vectors (..., n) at unit length, zero staying zero."""
    return k / (k.square().sum(-1, keepdim=True) + SMALLEST**2).sqrt()


class DeltaProduct(RecurrentNetwork):
    """Linear recurrent network with products of Householder-type reflections and a gated output, closed by an
    increment head.

    Driven, the memory is linear and cannot grow; all nonlinearity is in what the input chooses and in the gated
    output. Sources: Siems et al., DeltaProduct, 2025, arXiv:2502.10297; negative eigenvalues: Grazzi et al., ICLR
    2025, arXiv:2411.12537.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 64,
        heads: int = 4,
        key_dim: int = 8,
        value_dim: int = 8,
        reflections: int = 2,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, DeltaProductCell(obs_dim, features, heads, key_dim, value_dim, reflections, rng), rng)


@MODELS.register("deltaproduct")
@dataclass(frozen=True)
class DeltaProductConfig(ModelConfig):
    """DeltaProduct: linear recurrence by products of reflections, with a gated output."""

    family: ClassVar[type[Model]] = DeltaProduct
    equations: ClassVar[str] = (
        "(k_j, v_j, beta_j, q, g, a) = W silu(V x + b) + c;  S <- s(a) S;  S <- S - beta_j k_j (k_j^T S - v_j^T) for "
        "j = 1, 2, ...;  x' = x + 0.1 (W_out [norm(S^T q) silu(g)] + b_out);  |k_j| = |q| = 1, 0 < beta_j < 2"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to features (F, N)",
        "cell.b": "bias of the features (F)",
        "cell.W": "features to keys k, values v, strengths beta, query q, gate g and decay a of each head",
        "cell.c": "bias of the same",
        "W_out": "gated output to the increment (N, heads * value_dim)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "the linear recurrence of modern language models as a baseline; state tracking"
    references: ClassVar[tuple[str, ...]] = (
        "Siems et al., DeltaProduct, 2025, arXiv:2502.10297",
        "Grazzi et al., ICLR 2025, arXiv:2411.12537",
    )
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = {**LOOPED_TRAINING, "steps": 1500}
    search_space: ClassVar[Mapping[str, Range]] = {
        "features": Range(16, 128, log=True),
        "heads": Range(1, 8),
        "reflections": Range(1, 4),
    }

    features: int = option(64, "features of the observation that keys, values and gates are made of")
    heads: int = option(4, "matrices in the memory")
    key_dim: int = option(8, "rows of a memory matrix")
    value_dim: int = option(8, "columns of a memory matrix")
    reflections: int = option(2, "reflections per row of data; rank of what can be rewritten at once")
