"""RAdam on one flat parameter vector per ensemble member, and clipping of its gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class RAdam:
    """Rectified Adam (Liu et al., ICLR 2020, arXiv:1908.03265), equal to torch.optim.RAdam to rounding.

    One flat (members, n) tensor in place of a list of tensors: five in-place operations a step whatever the model.
    """

    def __init__(self, parameters: Tensor, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.parameters, self.betas, self.eps = parameters, betas, eps
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.count = 0

    def step(self, gradient: Tensor, rate: float) -> None:
        self.count += 1
        b1, b2 = self.betas
        self.mean.lerp_(gradient, 1 - b1)
        self.square.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        rate /= 1 - b1**self.count
        rho_inf = 2 / (1 - b2) - 1
        rho = rho_inf - 2 * self.count * b2**self.count / (1 - b2**self.count)
        if rho <= 5:  # the variance of the adaptive rate is not finite yet
            self.parameters.add_(self.mean, alpha=-rate)
            return
        rectify = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        scale = rate * rectify * math.sqrt(1 - b2**self.count)
        self.parameters.addcdiv_(self.mean, self.square.sqrt().add_(self.eps), value=-scale)


def clip_norm_(gradient: Tensor, limit: float) -> None:
    """Scale each member's gradient (members, n) to at most `limit` in Euclidean norm; 0 means no limit."""
    if limit > 0:
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient.mul_(torch.clamp(limit / (norm + 1e-6), max=1.0))


def exponential_rate(step: int, steps: int, first: float, last: float) -> float:
    """Learning rate falling by a constant factor per step, from `first` to `last`."""
    return first * (last / first) ** (step / max(steps - 1, 1))
