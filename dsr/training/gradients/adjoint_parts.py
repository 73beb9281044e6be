"""What the hand-written adjoints share: layouts, sums over time and batch, and the self-connections."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...models.bounded import LIMIT, bounded_diagonal
from ..ensemble import Ensemble


class SelfConnections:
    """The diagonal A of an ensemble's members, which bounded models store in another form."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.bounded = "atanh_A" in ensemble.parameters
        name = "atanh_A" if self.bounded else "A"
        self.parameter, self.gradient = ensemble.parameters[name], ensemble.gradients[name]

    def value(self) -> Tensor:
        """A (members, M)."""
        return bounded_diagonal(self.parameter) if self.bounded else self.parameter

    def store(self, gradient: Tensor) -> None:
        """Fill the parameter's gradient from that of A."""
        self.gradient.copy_(gradient)
        if self.bounded:
            self.gradient.mul_(LIMIT - self.value().square() / LIMIT)


def outer(left: Tensor, right: Tensor) -> Tensor:
    """Sum over time and batch of left right^T: (T, K, B, m), (T, K, B, n) -> (K, m, n)."""
    if left.shape[3] > right.shape[3]:  # a tall result is several times slower than its transpose
        return outer(right, left).transpose(1, 2)
    return by_member(left).transpose(1, 2) @ by_member(right)


def by_member(x: Tensor) -> Tensor:
    """(T, K, B, n) -> (K, T B, n)."""
    return x.transpose(0, 1).reshape(x.shape[1], -1, x.shape[3])


def rows(like: Tensor, size: Sequence[int], width: int) -> Tensor:
    """An empty (T, members, batch, width), stored member by member, so that `by_member` copies nothing."""
    steps, members, batch = size[:3]
    return like.new_empty((members, steps, batch, width)).transpose(0, 1)
