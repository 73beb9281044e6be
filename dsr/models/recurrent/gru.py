"""GRU: a gated memory of one part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..orbits import Orbit, compiled_orbit
from ..registry import MODELS, ModelConfig, Range
from .loops import gru_loop
from .network import Cell, RecurrentNetwork, require_hidden
from .training import GRU_TRAINING


class GRUCell(Cell):
    """r = s(V_r x + W_r h + b_r), k = s(V_k x + W_k h + b_k), n = tanh(V_n x + b_n + r (W_n h + d)),
    h' = (1 - k) n + k h; memory h. V, W and b hold (r, k, n) in torch's order."""

    def __init__(self, obs_dim: int, hidden_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        self.memory_dim = self.output_dim = hidden_dim
        self.V = nn.Parameter(uniform((3 * hidden_dim, obs_dim), hidden_dim, rng))
        self.W = nn.Parameter(uniform((3 * hidden_dim, hidden_dim), hidden_dim, rng))
        self.b = nn.Parameter(uniform((3 * hidden_dim,), hidden_dim, rng))
        self.d = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T + self.b

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        n = self.memory_dim
        recurrent = memory @ self.W.T
        reset, keep = torch.sigmoid(projected[..., : 2 * n] + recurrent[..., : 2 * n]).chunk(2, dim=-1)
        new = torch.tanh(projected[..., 2 * n :] + reset * (recurrent[..., 2 * n :] + self.d))
        return new + keep * (memory - new)

    def run(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """By torch's fused kernel, with equal results to rounding."""
        second = torch.cat([torch.zeros_like(self.b[len(self.d) :]), self.d])
        outputs, last = torch.gru(x, memory[None], [self.V, self.W, self.b, second], True, 1, 0.0, False, False, True)
        return outputs, last[0]


class GRU(RecurrentNetwork):
    """Gated recurrent unit, closed by an increment head: x' = x + 0.1 (W_out h' + b_out).

    Source: Cho et al., EMNLP 2014, arXiv:1406.1078 (with the reset gate after the product, as in torch).
    """

    cell: GRUCell

    def __init__(self, obs_dim: int, hidden_dim: int = 64, seed: int = 0) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, GRUCell(obs_dim, hidden_dim, rng), rng)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not GRU:  # a subclass may step otherwise
            return None
        cell = self.cell
        return compiled_orbit(
            gru_loop, self.state_dim, cell.V, cell.W, cell.b, cell.d, self.GAIN * self.W_out, self.GAIN * self.b_out
        )


@MODELS.register("gru")
@dataclass(frozen=True)
class GRUConfig(ModelConfig):
    """GRU: gated recurrent network with one memory."""

    family: ClassVar[type[Model]] = GRU
    equations: ClassVar[str] = (
        "r, k = s((V x + W h + b)_rk);  n = tanh((V x + b)_n + r (W_n h + d));  h' = (1 - k) n + k h;  "
        "x' = x + 0.1 (W_out h' + b_out)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to reset gate r, update gate k and candidate n (3 H, N)",
        "cell.W": "hidden state to the same (3 H, H)",
        "cell.b": "bias of the same (3 H)",
        "cell.d": "bias of the candidate inside the reset gate (H)",
        "W_out": "hidden state to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "a lighter LSTM, with half its memory states"
    references: ClassVar[tuple[str, ...]] = ("Cho et al., EMNLP 2014, arXiv:1406.1078",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = GRU_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {"hidden_dim": Range(16, 256, log=True)}

    hidden_dim: int = option(64, "number of hidden units H")
