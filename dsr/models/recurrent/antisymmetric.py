"""AntisymmetricRNN: the Euler step of an equation whose linear part neither grows nor decays."""

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


class AntisymmetricCell(Cell):
    """h' = h + eps s tanh(a) with a = (W - W^T - gamma I) h + V x + b; s = 1, or gated: s the logistic function of the
    same with its own V and b. Memory h, read through a layer tanh(R h' + r).

    The layer is needed: the memory follows slow data along the line (W - W^T - gamma I) h = -V x - b, and a linear head
    then has nothing nonlinear to read."""

    def __init__(
        self, obs_dim: int, hidden_dim: int, step_size: float, friction: float, gated: bool, rng: torch.Generator
    ) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        require(step_size > 0, f"step_size = {step_size}", "a positive number")
        require(friction >= 0, f"friction = {friction}", "0 or more")
        self.memory_dim = self.output_dim = hidden_dim
        self.step_size, self.friction, self.gated = step_size, friction, gated
        rows = 2 * hidden_dim if gated else hidden_dim
        self.V = nn.Parameter(uniform((rows, obs_dim), obs_dim, rng))
        self.W = nn.Parameter(uniform((hidden_dim, hidden_dim), hidden_dim, rng))
        self.b = nn.Parameter(uniform((rows,), hidden_dim, rng))
        self.R = nn.Parameter(uniform((hidden_dim, hidden_dim), hidden_dim, rng))
        self.r = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T + self.b

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        # h @ (W - W^T)^T
        turned = memory @ (self.W.T - self.W) - self.friction * memory
        if not self.gated:
            return memory + self.step_size * torch.tanh(projected + turned)
        drive, gate = projected.chunk(2, dim=-1)
        return memory + self.step_size * torch.sigmoid(gate + turned) * torch.tanh(drive + turned)

    def read(self, projected: Tensor, memory: Tensor) -> Tensor:
        return torch.tanh(memory @ self.R.T + self.r)


class AntisymmetricRNN(RecurrentNetwork):
    """AntisymmetricRNN, closed by an increment head on a hidden layer: x' = x + 0.1 (W_out tanh(R h' + r) + b_out).

    W - W^T has imaginary eigenvalues, so the driven memory rotates; `friction` lets it forget within about
    1/(step_size friction) steps. With little friction the free run carries slow modes that are not the data's, and a
    long context is needed. Source: Chang, Chen, Haber, Chi, ICLR 2019, arXiv:1902.09689.
    """

    def __init__(
        self,
        obs_dim: int,
        hidden_dim: int = 64,
        step_size: float = 0.5,
        friction: float = 1.0,
        gated: bool = True,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, AntisymmetricCell(obs_dim, hidden_dim, step_size, friction, gated, rng), rng)


@MODELS.register("antisymmetric")
@dataclass(frozen=True)
class AntisymmetricConfig(ModelConfig):
    """AntisymmetricRNN: a rotating memory with friction."""

    family: ClassVar[type[Model]] = AntisymmetricRNN
    equations: ClassVar[str] = (
        "h' = h + step_size g tanh(a), a = (W - W^T - friction) h + V x + b, g = s(the same with V_g, b_g) or 1;  "
        "x' = x + 0.1 (W_out tanh(R h' + r) + b_out)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to hidden state, and to the gate if gated (H or 2 H, N)",
        "cell.W": "hidden state to hidden state, of which the antisymmetric part acts (H, H)",
        "cell.b": "bias of the hidden state, and of the gate if gated (H or 2 H)",
        "cell.R": "hidden state to the layer that is read (H, H)",
        "cell.r": "bias of that layer (H)",
        "W_out": "layer to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = (
        "to see how far a stable, rotating memory carries a chaotic free run; an LSTM reconstructs better"
    )
    references: ClassVar[tuple[str, ...]] = ("Chang, Chen, Haber, Chi, ICLR 2019, arXiv:1902.09689",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = LOOPED_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        "hidden_dim": Range(16, 256, log=True),
        "step_size": Range(0.05, 1.0, log=True),
        "friction": Range(0.01, 2.0, log=True),
    }

    hidden_dim: int = option(64, "number of hidden units H")
    step_size: float = option(0.5, "step of the Euler scheme")
    friction: float = option(1.0, "decay of the memory; it forgets within 1/(step_size friction) steps")
    gated: bool = option(True, "multiply the update by a gate, which free runs of chaotic systems need")
