"""Elman network: the plain recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..registry import MODELS, ModelConfig, Range
from .network import Cell, RecurrentNetwork, require_hidden
from .training import RECURRENT_TRAINING


class ElmanCell(Cell):
    """h' = tanh(V x + W h + b); memory h."""

    def __init__(self, obs_dim: int, hidden_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        self.memory_dim = self.output_dim = hidden_dim
        self.V = nn.Parameter(uniform((hidden_dim, obs_dim), obs_dim, rng))
        self.W = nn.Parameter(uniform((hidden_dim, hidden_dim), hidden_dim, rng))
        self.b = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T + self.b

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        return torch.tanh(projected + memory @ self.W.T)

    def run(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return run_tanh(x, memory, self.V, self.W, self.b)


def run_tanh(x: Tensor, memory: Tensor, V: Tensor, W: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """h' = tanh(V x + W h + b) over all times by torch's fused kernel, with equal results to rounding."""
    weights = [V, W, b, torch.zeros_like(b)]
    outputs, last = torch.rnn_tanh(x, memory[None], weights, True, 1, 0.0, False, False, True)
    return outputs, last[0]


class Elman(RecurrentNetwork):
    """Plain recurrent network, closed by an increment head: x' = x + 0.1 (W_out h' + b_out).

    Its gradients vanish or explode over long windows: for fully observed data, not for long memory. Source: Elman,
    Cognitive Science 14, 179 (1990), doi:10.1207/s15516709cog1402_1.
    """

    def __init__(self, obs_dim: int, hidden_dim: int = 64, seed: int = 0) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, ElmanCell(obs_dim, hidden_dim, rng), rng)


@MODELS.register("elman")
@dataclass(frozen=True)
class ElmanConfig(ModelConfig):
    """Elman network: the plain recurrent network with tanh units."""

    family: ClassVar[type[Model]] = Elman
    equations: ClassVar[str] = "h' = tanh(V x + W h + b);  x' = x + 0.1 (W_out h' + b_out)"
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to hidden state (H, N)",
        "cell.W": "hidden state to hidden state (H, H)",
        "cell.b": "bias of the hidden state (H)",
        "W_out": "hidden state to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "the simplest recurrent baseline; fully observed data"
    references: ClassVar[tuple[str, ...]] = ("Elman, Cognitive Science 1990, doi:10.1207/s15516709cog1402_1",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = RECURRENT_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {"hidden_dim": Range(16, 256, log=True)}

    hidden_dim: int = option(64, "number of hidden units H")
