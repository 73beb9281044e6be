"""One recurrent network with an exchangeable cell, closed to a generator by feeding its prediction back."""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn

from ..initialise import uniform
from ..memory import MemoryModel
from ..plrnn import require


class Cell(nn.Module, abc.ABC):
    """How a memory (..., memory) takes in one input (..., obs), by elementary operations alone: the fused cells of
    torch know neither vmap nor forward differentiation.

    memory_dim : size of the memory. output_dim : size of what the head reads of it.
    """

    memory_dim: int
    output_dim: int

    @abc.abstractmethod
    def project(self, x: Tensor) -> Tensor:
        """What the update needs of the input alone, (..., obs) -> (..., projected): known for all times at once when
        the data are."""

    @abc.abstractmethod
    def update(self, projected: Tensor, memory: Tensor) -> Tensor:
        """The next memory, (..., projected), (..., memory) -> (..., memory)."""

    def read(self, projected: Tensor, memory: Tensor) -> Tensor:
        """What the head sees after the update, (..., projected), (..., memory) -> (..., output): the first
        coordinates of the memory unless a cell says otherwise."""
        return memory[..., : self.output_dim]

    def run(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (batch, time, output) for the inputs x (batch, time, obs), and the last memory (batch, memory):
        one product for the inputs of all times, then a loop over the recurrent part."""
        projected, memories = self.project(x), []
        for p in projected.unbind(1):
            memory = self.update(p, memory)
            memories.append(memory)
        return self.read(projected, torch.stack(memories, dim=1)), memory


class RecurrentNetwork(MemoryModel):
    """State (x, memory): memory' = cell(x, memory), x' = x + gain (W_out read(memory') + b_out).

    The head predicts the increment, so that a network with small weights is at persistence and not at the mean. Driven
    by data the cells forget (their conditional exponents are negative); in free run the loop through the head may be
    chaotic. Of the Lyapunov spectrum only the exponents above the memory's own are those of the data: look for the gap.
    """

    min_context = 100
    GAIN = 0.1  # of the head: the increment of a well-sampled flow per step, in standard deviations of the data

    def __init__(self, obs_dim: int, cell: Cell, rng: torch.Generator) -> None:
        super().__init__(obs_dim, cell.memory_dim)
        self.cell = cell
        self.W_out = nn.Parameter(uniform((obs_dim, cell.output_dim), cell.output_dim, rng))
        self.b_out = nn.Parameter(torch.zeros(obs_dim))

    def step(self, z: Tensor) -> Tensor:
        x, memory = z[..., : self.obs_dim], z[..., self.obs_dim :]
        projected = self.cell.project(x)
        memory = self.cell.update(projected, memory)
        return torch.cat([self._next(x, self.cell.read(projected, memory)), memory], dim=-1)

    def driven(self, y: Tensor) -> Tensor:
        inputs = y[:, :-1]
        outputs, _ = self.cell.run(inputs, y.new_zeros((len(y), self.cell.memory_dim)))
        return self._next(inputs, outputs)

    def initial(self, y: Tensor) -> Tensor:
        memory = y.new_zeros((len(y), self.cell.memory_dim))
        if y.shape[1] > 1:
            _, memory = self.cell.run(y[:, :-1], memory)
        return torch.cat([y[:, -1], memory], dim=-1)

    def _next(self, x: Tensor, output: Tensor) -> Tensor:
        return x + self.GAIN * (output @ self.W_out.T + self.b_out)


def require_hidden(hidden_dim: int) -> None:
    """Refuse a network without units."""
    require(hidden_dim >= 1, f"hidden_dim = {hidden_dim}", "1 or more")
