"""Adam and RAdam on one flat parameter vector per ensemble member, clipping, and learning-rate schedules.

Both optimisers are one update, p -= rate * scale * mean / (sqrt(square) + eps), whose scalars depend on the step alone;
so a backend that runs many steps in compiled code is handed a table of scalars and knows nothing of optimisers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import unknown

BETAS, EPS = (0.9, 0.999), 1e-8
OPTIMISERS = ("radam", "adam")
SCHEDULES = ("exponential", "cosine", "constant")


class Optimiser:
    """Moments of an ensemble's gradients (members, n) and the number of steps taken.

    "radam": Liu et al., ICLR 2020, arXiv:1908.03265; "adam": Kingma, Ba, arXiv:1412.6980; both equal to torch.optim's
    to rounding. One flat tensor in place of a list: five in-place operations a step whatever the model.
    """

    def __init__(self, parameters: Tensor, name: str = "radam") -> None:
        if name not in OPTIMISERS:
            raise unknown("optimiser", name, OPTIMISERS)
        self.parameters, self.name = parameters, name
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.count = 0

    def scalars(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """scale (steps,) and eps (steps,) of the coming steps; a negative eps says that the rate is not adapted yet,
        and the update is p -= rate * scale * mean."""
        counts = np.arange(self.count + 1, self.count + 1 + steps, dtype=np.float64)
        return _radam(counts) if self.name == "radam" else _adam(counts)

    def adopt(self, parts: Sequence[Optimiser]) -> None:
        """Take over the moments of the optimisers of this one's consecutive members, which become views into it."""
        counts = [len(part.parameters) for part in parts]
        views = (t.split(counts) for t in (self.parameters, self.mean, self.square))
        for part, parameters, mean, square in zip(parts, *views, strict=True):
            mean.copy_(part.mean)
            square.copy_(part.square)
            part.parameters, part.mean, part.square = parameters, mean, square
        self.count = parts[0].count

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: Tensor, scale: float, eps: float) -> None:
        """One update; rate (members, 1) or (members, n)."""
        self.count += 1
        b1, b2 = BETAS
        self.mean.lerp_(gradient, 1 - b1)
        self.square.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        if eps < 0:
            self.parameters.addcmul_(self.mean, rate, value=-scale)
        else:
            self.parameters.addcdiv_(self.mean * rate, self.square.sqrt().add_(eps), value=-scale)


def _adam(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(1 - BETAS[1] ** count)
    return root / (1 - BETAS[0] ** count), EPS * root


def _radam(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b1, b2 = BETAS
    rho_inf = 2 / (1 - b2) - 1
    rho = rho_inf - 2 * count * b2**count / (1 - b2**count)
    adaptive = rho > 5  # before, the variance of the adaptive rate is not finite
    r = np.where(adaptive, rho, rho_inf)
    rectify = np.sqrt((r - 4) * (r - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * r))
    scale = np.where(adaptive, rectify * np.sqrt(1 - b2**count), 1.0) / (1 - b1**count)
    return scale, np.where(adaptive, EPS, -1.0)


def clip_norm_(gradient: Tensor, limit: float) -> None:
    """Scale each member's gradient (members, n) to at most `limit` in Euclidean norm; 0 means no limit."""
    if limit > 0:
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient.mul_(torch.clamp(limit / (norm + 1e-6), max=1.0))


def learning_rates(
    schedule: str, first: int, count: int, steps: int, start: Sequence[float], end: Sequence[float]
) -> np.ndarray:
    """Rates (count, members) of the training steps first, first + 1, ... of `steps`, from `start` to `end`:
    "exponential" falls by a constant factor per step, "cosine" by half a period, "constant" stays at `start`."""
    if schedule not in SCHEDULES:
        raise unknown("learning-rate schedule", schedule, SCHEDULES)
    done = (np.arange(first, first + count) / max(steps - 1, 1))[:, None]
    high, low = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    if schedule == "exponential":
        return high * (low / high) ** done
    if schedule == "cosine":
        return low + (high - low) * (1 + np.cos(np.pi * done)) / 2
    return np.broadcast_to(high, (count, high.size)).copy()
