"""LEM: a memory whose units choose their own time steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .network import Cell, RecurrentNetwork, require_hidden
from .training import LOOPED_TRAINING


class LEMCell(Cell):
    """Time steps d = D s(V1 x + W1 y + b1) and e = D s(V2 x + W2 y + b2), s the logistic function;
    q' = (1 - d) q + d tanh(V3 x + W3 y + b3), y' = (1 - e) y + e tanh(V4 x + U q' + b4); memory (y, q)."""

    def __init__(self, obs_dim: int, hidden_dim: int, step_size: float, rng: torch.Generator) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        require(0 < step_size <= 1, f"step_size = {step_size}", "above 0, at most 1")
        self.memory_dim, self.output_dim, self.step_size = 2 * hidden_dim, hidden_dim, step_size
        self.V = nn.Parameter(uniform((4 * hidden_dim, obs_dim), hidden_dim, rng))
        self.W = nn.Parameter(uniform((3 * hidden_dim, hidden_dim), hidden_dim, rng))
        self.U = nn.Parameter(uniform((hidden_dim, hidden_dim), hidden_dim, rng))
        self.b = nn.Parameter(uniform((4 * hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T + self.b

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        n = self.output_dim
        y, q = memory.chunk(2, dim=-1)
        recurrent = projected[..., : 3 * n] + y @ self.W.T
        d, e = (self.step_size * torch.sigmoid(recurrent[..., : 2 * n])).chunk(2, dim=-1)
        q = q + d * (torch.tanh(recurrent[..., 2 * n :]) - q)
        y = y + e * (torch.tanh(projected[..., 3 * n :] + q @ self.U.T) - y)
        return torch.cat([y, q], dim=-1)


class LEM(RecurrentNetwork):
    """Long expressive memory, closed by an increment head: x' = x + 0.1 (W_out y' + b_out).

    Every unit has a time step of its own that depends on state and input, so data with several time scales are its
    field. Source: Rusch, Mishra, Erichson, Mahoney, ICLR 2022, arXiv:2110.04744.
    """

    def __init__(self, obs_dim: int, hidden_dim: int = 64, step_size: float = 1.0, seed: int = 0) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, LEMCell(obs_dim, hidden_dim, step_size, rng), rng)


@MODELS.register("lem")
@dataclass(frozen=True)
class LEMConfig(ModelConfig):
    """LEM (long expressive memory): units with learned, state-dependent time steps."""

    family: ClassVar[type[Model]] = LEM
    equations: ClassVar[str] = (
        "d, e = step_size s(V_12 x + W_12 y + b_12);  q' = (1 - d) q + d tanh(V_3 x + W_3 y + b_3);  "
        "y' = (1 - e) y + e tanh(V_4 x + U q' + b_4);  x' = x + 0.1 (W_out y' + b_out)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to both time steps and both states (4 H, N)",
        "cell.W": "state y to both time steps and to q (3 H, H)",
        "cell.U": "state q to y (H, H)",
        "cell.b": "biases of both time steps and both states (4 H)",
        "W_out": "state y to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "data with several time scales"
    references: ClassVar[tuple[str, ...]] = ("Rusch, Mishra, Erichson, Mahoney, ICLR 2022, arXiv:2110.04744",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = LOOPED_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        "hidden_dim": Range(16, 256, log=True),
        "step_size": Range(0.1, 1.0, log=True),
    }

    hidden_dim: int = option(64, "number of hidden units H; the memory has 2 H states")
    step_size: float = option(1.0, "largest time step of a unit, above 0, at most 1")
