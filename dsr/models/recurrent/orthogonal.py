"""Orthogonal recurrent network: the recurrent matrix is a rotation by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import unknown
from ...registry import option
from ..base import Model
from ..initialise import generator, uniform
from ..registry import MODELS, ModelConfig, Range
from .elman import run_tanh
from .network import Cell, RecurrentNetwork, require_hidden
from .training import RECURRENT_TRAINING

ACTIVATIONS = ("tanh", "modrelu")


def cayley(free: Tensor) -> Tensor:
    """The rotation Q = (I + S)^-1 (I - S) of S = A - A^T, for a free square matrix A; all rotations without the
    eigenvalue -1 (Helfrich, Willmott, Ye, ICML 2018, arXiv:1707.09520)."""
    skew = free - free.mT
    one = torch.eye(len(free), dtype=free.dtype, device=free.device)
    return torch.linalg.solve(one + skew, one - skew)


class OrthogonalCell(Cell):
    """h' = f(V x + Q h, b) with a rotation Q; f(a, b) = tanh(a + b), or modReLU: sign(a) relu(|a| + b), which keeps
    lengths where tanh shortens them. Memory h."""

    def __init__(self, obs_dim: int, hidden_dim: int, activation: str, rng: torch.Generator) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        if activation not in ACTIVATIONS:
            raise unknown("activation", activation, ACTIVATIONS)
        self.memory_dim = self.output_dim = hidden_dim
        self.activation = activation
        self.V = nn.Parameter(uniform((hidden_dim, obs_dim), obs_dim, rng))
        self.A = nn.Parameter(uniform((hidden_dim, hidden_dim), hidden_dim, rng))
        self.b = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        return self._turn(projected, memory, cayley(self.A))

    def run(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The rotation is made once for all times."""
        Q = cayley(self.A)
        if self.activation == "tanh":
            return run_tanh(x, memory, self.V, Q, self.b)
        memories = []
        for p in self.project(x).unbind(1):
            memory = self._turn(p, memory, Q)
            memories.append(memory)
        return torch.stack(memories, dim=1), memory

    def _turn(self, projected: Tensor, memory: Tensor, Q: Tensor) -> Tensor:
        a = projected + memory @ Q.mT
        if self.activation == "tanh":
            return torch.tanh(a + self.b)
        return torch.sign(a) * torch.relu(a.abs() + self.b)


class OrthogonalRNN(RecurrentNetwork):
    """Recurrent network with an orthogonal recurrent matrix, closed by an increment head.

    The matrix itself forgets nothing: with tanh the memory fades by saturation only, with modReLU hardly at all, so
    the driven exponents are near zero and the free run carries slow modes that are not the data's. Sources: Helfrich,
    Willmott, Ye, ICML 2018, arXiv:1707.09520; modReLU: Arjovsky, Shah, Bengio, ICML 2016, arXiv:1511.06464.
    """

    def __init__(self, obs_dim: int, hidden_dim: int = 64, activation: str = "tanh", seed: int = 0) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, OrthogonalCell(obs_dim, hidden_dim, activation, rng), rng)


@MODELS.register("orthogonal")
@dataclass(frozen=True)
class OrthogonalConfig(ModelConfig):
    """Orthogonal RNN: the recurrent matrix is a rotation (Cayley transform of a skew matrix)."""

    family: ClassVar[type[Model]] = OrthogonalRNN
    equations: ClassVar[str] = (
        "h' = tanh(V x + Q h + b), Q = (I + S)^-1 (I - S), S = A - A^T;  modrelu: h' = sign(a) relu(|a| + b), "
        "a = V x + Q h;  x' = x + 0.1 (W_out h' + b_out)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to hidden state (H, N)",
        "cell.A": "free matrix of which the rotation Q is made (H, H)",
        "cell.b": "bias; with modrelu the length below which a unit is silent, if negative (H)",
        "W_out": "hidden state to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "memory over long windows without vanishing gradients"
    references: ClassVar[tuple[str, ...]] = (
        "Helfrich, Willmott, Ye, ICML 2018, arXiv:1707.09520",
        "Arjovsky, Shah, Bengio, ICML 2016, arXiv:1511.06464",
    )
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = RECURRENT_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        "hidden_dim": Range(16, 256, log=True),
        "activation": Range(choices=ACTIVATIONS),
    }

    hidden_dim: int = option(64, "number of hidden units H")
    activation: str = option("tanh", "tanh or modrelu")
