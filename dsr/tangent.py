"""`TangentSteps`: a step and its derivative, how they are got, and a compiled loop where there is one.

The plain form of a tangent map is any function of states and tangent vectors. What the equations and the models hand
out says more, so that a Lyapunov spectrum can name its method and take the cheapest path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Advance = Callable[..., tuple[np.ndarray, np.ndarray]]
Stretch = Callable[[np.ndarray, np.ndarray, int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""(x (members, d), Q (members, d, k), steps, rounds) -> (x', Q', growth (rounds, members, k)): each round makes so many
steps and orthonormalises Q; growth is the logarithm of the lengths taken off. Members that leave the finite numbers
have a last state that is not finite."""

GIVEN = "a function given"


@dataclass(frozen=True, eq=False)
class TangentSteps:
    """A tangent map: call it as (x (members, d), Q (members, d, k)) -> (x', Q'), both one step on, float64.

    method : how the derivative is got, in words. stretch : the same steps with orthonormalisation, compiled; None
    where there is no such loop.
    """

    advance: Advance
    method: str
    stretch: Stretch | None = None

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.advance(*arrays)


def tangent_method(tangent_map: Callable) -> str:
    """The name of the method behind a tangent map; a plain function has none to tell."""
    return tangent_map.method if isinstance(tangent_map, TangentSteps) else GIVEN


def orthonormalise(Q, growth):
    """Gram-Schmidt on the columns of Q (d, k) in place; growth (k,) gets the logarithms of what was their lengths.

    Plain loops, for numba. A column that loses much of its length is swept twice, which leaves it orthogonal to
    rounding. A column without any length gives -inf and stays zero.
    """
    d, k = Q.shape
    for c in range(k):
        before = 0.0
        for i in range(d):
            before += Q[i, c] * Q[i, c]
        for _ in range(2):
            for b in range(c):
                shared = 0.0
                for i in range(d):
                    shared += Q[i, b] * Q[i, c]
                for i in range(d):
                    Q[i, c] -= shared * Q[i, b]
            after = 0.0
            for i in range(d):
                after += Q[i, c] * Q[i, c]
            if after > 0.25 * before:
                break
            before = after
        length = np.sqrt(after)
        growth[c] = np.log(length)
        if length > 0.0:
            for i in range(d):
                Q[i, c] /= length
