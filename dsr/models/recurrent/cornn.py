"""coRNN: a network of damped, driven and coupled oscillators."""

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


class CoRNNCell(Cell):
    """q' = q + dt (tanh(W y + U q + V x + b) - gamma y - eps q), y' = y + dt q'; memory (y, q): the places and
    velocities of oscillators of frequency sqrt(gamma) and damping eps."""

    def __init__(
        self, obs_dim: int, hidden_dim: int, step_size: float, stiffness: float, damping: float, rng: torch.Generator
    ) -> None:
        super().__init__()
        require_hidden(hidden_dim)
        for name, value in (("step_size", step_size), ("stiffness", stiffness), ("damping", damping)):
            require(value > 0, f"{name} = {value}", "a positive number")
        # Jury's conditions for q' = (1 - dt eps) q - dt gamma y, y' = y + dt q'; the first follows from the second
        stable = step_size * damping < 2 and step_size**2 * stiffness < 4 - 2 * step_size * damping
        got = f"step_size = {step_size} with stiffness = {stiffness} and damping = {damping}"
        require(stable, got, "values with step_size^2 stiffness + 2 step_size damping < 4, else the oscillators grow")
        self.memory_dim, self.output_dim = 2 * hidden_dim, hidden_dim
        self.step_size, self.stiffness, self.damping = step_size, stiffness, damping
        self.V = nn.Parameter(uniform((hidden_dim, obs_dim), obs_dim, rng))
        self.W = nn.Parameter(uniform((hidden_dim, 2 * hidden_dim), 2 * hidden_dim, rng))
        self.b = nn.Parameter(uniform((hidden_dim,), hidden_dim, rng))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.V.T + self.b

    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        y, q = memory.chunk(2, dim=-1)
        force = torch.tanh(projected + memory @ self.W.T)
        q = q + self.step_size * (force - self.stiffness * y - self.damping * q)
        return torch.cat([y + self.step_size * q, q], dim=-1)


class CoRNN(RecurrentNetwork):
    """Coupled oscillatory recurrent network, closed by an increment head: x' = x + 0.1 (W_out y' + b_out).

    The memory is bounded and its gradients neither vanish nor explode for small steps. It forgets at the rate of the
    damping, so the exponents of the free run contain slow modes of the oscillators. Source: Rusch, Mishra, ICLR 2021,
    arXiv:2010.00951.
    """

    def __init__(
        self,
        obs_dim: int,
        hidden_dim: int = 64,
        step_size: float = 0.5,
        stiffness: float = 1.0,
        damping: float = 1.5,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)
        super().__init__(obs_dim, CoRNNCell(obs_dim, hidden_dim, step_size, stiffness, damping, rng), rng)


@MODELS.register("cornn")
@dataclass(frozen=True)
class CoRNNConfig(ModelConfig):
    """coRNN: coupled, damped and driven oscillators as a memory."""

    family: ClassVar[type[Model]] = CoRNN
    equations: ClassVar[str] = (
        "q' = q + step_size (tanh(W (y, q) + V x + b) - stiffness y - damping q);  y' = y + step_size q';  "
        "x' = x + 0.1 (W_out y' + b_out)"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        "cell.V": "observation to the force on the oscillators (H, N)",
        "cell.W": "places y and velocities q to the force (H, 2 H)",
        "cell.b": "bias of the force (H)",
        "W_out": "places to the increment (N, H)",
        "b_out": "bias of the increment (N)",
    }
    when_to_use: ClassVar[str] = "oscillating signals; long memory with bounded gradients"
    references: ClassVar[tuple[str, ...]] = ("Rusch, Mishra, ICLR 2021, arXiv:2010.00951",)
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = LOOPED_TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        "hidden_dim": Range(16, 256, log=True),
        "step_size": Range(0.05, 0.8, log=True),
        "stiffness": Range(0.3, 3.0, log=True),
        "damping": Range(0.3, 2.0, log=True),
    }

    hidden_dim: int = option(64, "number of oscillators H; the memory has 2 H states")
    step_size: float = option(0.5, "time step of the oscillators per row of data")
    stiffness: float = option(1.0, "restoring force; squared frequency of a free oscillator")
    damping: float = option(1.5, "damping of the oscillators; how fast they forget")
