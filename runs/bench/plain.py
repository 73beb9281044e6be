"""The yardstick: the same models trained by the loop that an experienced PyTorch user writes, and nothing else.

A module per model, a Python loop over time that keeps the states in a list, mean squared error, `loss.backward()`,
`torch.optim.RAdam`. Of the idiomatic forms the fastest is taken: `linear` and `lerp` in place of separate products and
sums, states stacked once and cut to the observed columns afterwards, windows gathered by one index.
"""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dsr.models import ALRNN, ShallowPLRNN

from .sizes import LEARNING_RATE, Size


class PlainRNN(nn.Module, abc.ABC):
    """Predictions of forced windows; the weights are copies of a model's with an identity observation."""

    A: Tensor
    W: Tensor
    W1: Tensor
    W2: Tensor
    h: Tensor
    h1: Tensor
    h2: Tensor
    lift: Tensor

    def __init__(self, model: ALRNN | ShallowPLRNN, alpha: float, tau: int) -> None:
        super().__init__()
        self.obs, self.latent, self.alpha, self.tau = model.obs_dim, model.state_dim, alpha, tau
        for name, parameter in model.named_parameters():
            if parameter.numel():
                self.register_parameter(name.rpartition(".")[2], nn.Parameter(parameter.detach().clone()))

    @abc.abstractmethod
    def step(self, z: Tensor) -> Tensor: ...

    def force(self, z: Tensor, x: Tensor) -> Tensor:
        forced = x if self.alpha == 1 else torch.lerp(z[:, : self.obs], x, self.alpha)
        return forced if self.latent == self.obs else torch.cat([forced, z[:, self.obs :]], dim=1)

    def forward(self, windows: Tensor) -> Tensor:
        """(T + 1, batch, obs) -> the predictions of rows 1 to T."""
        z = windows[0]
        if self.latent > self.obs:
            z = torch.cat([z, F.linear(z, self.lift)], dim=1)
        states = []
        for t, x in enumerate(windows[1:], start=1):
            z = self.step(z)
            states.append(z)
            if self.alpha > 0 and t % self.tau == 0:
                z = self.force(z, x)
        predictions = torch.stack(states)
        return predictions if self.latent == self.obs else predictions[..., : self.obs]


class PlainALRNN(PlainRNN):
    """z' = A z + W phi(z) + h, phi rectifying the last units."""

    def __init__(self, model: ALRNN, alpha: float, tau: int) -> None:
        super().__init__(model, alpha, tau)
        self.linear = model.state_dim - model.relu_units

    def step(self, z: Tensor) -> Tensor:
        phi = torch.cat([z[:, : self.linear], F.relu(z[:, self.linear :])], dim=1)
        return self.A * z + F.linear(phi, self.W, self.h)


class PlainShallowPLRNN(PlainRNN):
    """z' = A z + W1 relu(W2 z + h2) + h1."""

    def step(self, z: Tensor) -> Tensor:
        return self.A * z + F.linear(F.relu(F.linear(z, self.W2, self.h2)), self.W1, self.h1)


class PlainTraining:
    """Sample, forward, loss, backward, optimiser, `loss.item()`; no clipping."""

    def __init__(self, size: Size, *, alpha: float | None = None, tau: int | None = None) -> None:
        self.model = plain_model(size, size.model(0), alpha=alpha, tau=tau)
        self.rows, self.batch = size.windows().rows, size.batch
        self.time = torch.arange(size.window + 1)[:, None]
        self.optimiser = torch.optim.RAdam(self.model.parameters(), lr=LEARNING_RATE)
        self.rng = torch.Generator().manual_seed(0)

    def run(self, steps: int) -> list[float]:
        """The losses of that many further steps."""
        losses = []
        for _ in range(steps):
            first = torch.randint(len(self.rows) - len(self.time) + 1, (self.batch,), generator=self.rng)
            windows = self.rows[first + self.time]
            self.optimiser.zero_grad()
            loss = F.mse_loss(self.model(windows), windows[1:])
            loss.backward()
            self.optimiser.step()
            losses.append(loss.item())
        return losses


def plain_model(
    size: Size, model: ALRNN | ShallowPLRNN, *, alpha: float | None = None, tau: int | None = None
) -> PlainRNN:
    """The plain form of a model, with the forcing of `size` unless another is given; alpha = 0 is no forcing."""
    alpha = size.alpha if alpha is None else alpha
    tau = size.tau if tau is None else tau
    if isinstance(model, ALRNN):
        return PlainALRNN(model, alpha, tau)
    return PlainShallowPLRNN(model, alpha, tau)
