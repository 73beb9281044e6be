"""How far the output of a static network can move when its input does: bounds by composition."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

GELU_SLOPE = 1.128904145185155  # at sqrt(2)
SILU_SLOPE = 1.0998393194
SIGMOID_SLOPE = 0.25


@dataclass(frozen=True)
class Reach:
    """What is known of a signal somewhere in a network: a Lipschitz bound of it as a function of the network's input
    (Euclidean norm at a time, largest over time), a bound on its own norm, its number of columns, and the modules on
    the way for which nothing is known. Bounds may be infinite."""

    lipschitz: float
    radius: float
    width: int
    unknown: tuple[str, ...] = ()

    def scaled(self, gain: float, offset: float = 0.0, width: int | None = None) -> Reach:
        """After a map of that Lipschitz bound, whose value at zero has the norm `offset`."""
        return replace(
            self,
            lipschitz=_times(gain, self.lipschitz),
            radius=_times(gain, self.radius) + offset,
            width=self.width if width is None else width,
        )

    def bounded(self, radius: float) -> Reach:
        return replace(self, radius=min(self.radius, radius))

    def plus(self, other: Reach) -> Reach:
        """Of the sum of two signals."""
        return Reach(
            self.lipschitz + other.lipschitz,
            self.radius + other.radius,
            self.width,
            tuple(dict.fromkeys(self.unknown + other.unknown)),
        )


def through(module: nn.Module, reach: Reach) -> Reach:
    """After a module. One that is not in `RULES` leaves infinite bounds and its name in `unknown`."""
    if isinstance(module, nn.Sequential):
        for part in module:
            reach = through(part, reach)
        return reach
    rule = RULES.get(type(module))
    if rule is None:
        return replace(reach, lipschitz=math.inf, radius=math.inf, unknown=(*reach.unknown, type(module).__name__))
    return rule(module, reach)


def _linear(module: nn.Linear, reach: Reach) -> Reach:
    offset = 0.0 if module.bias is None else _norm(module.bias)
    gain = float(torch.linalg.matrix_norm(module.weight.detach().double(), 2))
    return reach.scaled(gain, offset, module.out_features)


def _gated(module: nn.GLU, reach: Reach) -> Reach:
    # a sigmoid(b) has the slopes sigmoid(b) <= 1 and a / 4: bounded only as far as a is
    return replace(
        reach.scaled(math.sqrt(1 + (SIGMOID_SLOPE * reach.radius) ** 2), width=reach.width // 2), radius=reach.radius
    )


def _normalised(module: nn.LayerNorm, reach: Reach) -> Reach:
    gain = 1.0 if module.weight is None else float(module.weight.detach().abs().max())
    offset = 0.0 if module.bias is None else _norm(module.bias)
    return reach.scaled(gain / math.sqrt(module.eps)).bounded(gain * math.sqrt(reach.width) + offset)


def _constant(slope: float, at_zero: float = 0.0, largest: float = math.inf) -> Callable[[nn.Module, Reach], Reach]:
    """An elementwise function by its steepest slope, its value at zero and its largest value; all but those with
    `at_zero` stay below |x|."""

    def rule(module: nn.Module, reach: Reach) -> Reach:
        root = math.sqrt(reach.width)
        after = reach.scaled(slope, at_zero * root)
        return (after if at_zero else after.bounded(reach.radius)).bounded(largest * root)

    return rule


RULES: dict[type[nn.Module], Callable[..., Reach]] = {
    nn.Linear: _linear,
    nn.GLU: _gated,
    nn.LayerNorm: _normalised,
    nn.Identity: _constant(1.0),
    nn.ReLU: _constant(1.0),
    nn.Tanh: _constant(1.0, largest=1.0),
    nn.Sigmoid: _constant(SIGMOID_SLOPE, at_zero=0.5, largest=1.0),
    nn.GELU: _constant(GELU_SLOPE),
    nn.SiLU: _constant(SILU_SLOPE),
}


def _norm(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x.detach().double()))


def _times(gain: float, bound: float) -> float:
    return 0.0 if gain == 0 else gain * bound
