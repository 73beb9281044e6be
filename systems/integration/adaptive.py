"""Compiled loops with steps that adapt: Dormand and Prince's pair of orders 5 and 4, for orbits and tangent vectors.

The loops are called like those in `integrate`, with `params = (numbers, rtol, atol (dim,), first)`: the parameters of
the equations, the tolerances, and the step to try first. A step is taken when the estimate of its error, in units of
atol + rtol |x| and averaged over the coordinates by squares, is below 1. Rows come from the interpolation of order 4
that belongs to the pair, so that asking for more rows changes neither the steps nor the cost.

Source: J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6, 19 (1980), doi:10.1016/0771-050X(80)90013-3;
interpolation and control: E. Hairer, S. P. Nørsett, G. Wanner, Solving Ordinary Differential Equations I,
doi:10.1007/978-3-540-78862-1.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache

import numpy as np

from .integrate import compiled

# Row s holds the weights of the slopes before it in stage s; the last stage is the new state.
STAGES = np.zeros((7, 7))
STAGES[1, :1] = [1 / 5]
STAGES[2, :2] = [3 / 40, 9 / 40]
STAGES[3, :3] = [44 / 45, -56 / 15, 32 / 9]
STAGES[4, :4] = [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729]
STAGES[5, :5] = [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]
STAGES[6, :6] = [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84]
# Difference of the two orders, and the last coefficient of the interpolation.
ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
DENSE = np.array(
    [
        -12715105075 / 11282082432,
        0.0,
        87487479700 / 32700410799,
        -10690763975 / 1880347072,
        701980252875 / 199316789632,
        -1453857185 / 822651844,
        69997945 / 29380423,
    ]
)
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
LEAST = 1e-14  # a step below this part of the first one tells a singularity


@cache
def adaptive_loops() -> tuple[Callable, Callable]:
    """The loops over orbits and over tangent vectors, to be compiled; they call the compiled `attempt`."""
    first, second = (
        types.FunctionType(loop.__code__, {**loop.__globals__, "attempt": compiled(attempt)}, loop.__name__)
        for loop in (adaptive_orbit, adaptive_tangent)
    )
    return first, second


def attempt(field, numbers, x, new, K, step, rtol, atol):
    """Tries a step from x (dim,) with slope K[0]: fills the other slopes K (7, dim) and the new state.

    Returns whether it is accurate enough, and the factor by which the step should change.
    """
    dim = x.shape[0]
    for stage in range(1, 7):
        for i in range(dim):
            total = 0.0
            for s in range(stage):
                total += STAGES[stage, s] * K[s, i]
            new[i] = x[i] + step * total
        field(new, K[stage], *numbers)
    error = 0.0
    for i in range(dim):
        off = 0.0
        for s in range(7):
            off += ERROR[s] * K[s, i]
        off *= step / (atol[i] + rtol * max(abs(x[i]), abs(new[i])))
        error += off * off
    error = np.sqrt(error / dim)
    if not np.isfinite(error):
        return False, SHRINK
    return error <= 1.0, min(GROW, max(SHRINK, SAFETY * max(error, 1e-10) ** -0.2))


def adaptive_orbit(field, params, start, orbit, substeps, h):
    """Fills `orbit` (rows, dim) with the states of a flow every `substeps` times h, the first row being `start`.

    Returns the number of h done before the step shrank to nothing (a state became infinite), or -1.
    """
    numbers, rtol, atol, first = params
    rows, dim = orbit.shape
    spacing = substeps * h
    x, new = start.copy(), np.empty(dim)
    K = np.empty((7, dim))
    orbit[0] = x
    row, ahead, step, most = 1, spacing, first, GROW
    field(x, K[0], *numbers)
    while row < rows:
        accurate, factor = attempt(field, numbers, x, new, K, step, rtol, atol)
        if not accurate:
            step *= factor
            most = 1.0
            if not step > LEAST * first:
                return max(1, int(row * substeps - ahead / h))
            continue
        while row < rows and ahead <= step:
            theta = ahead / step
            for i in range(dim):
                rise = new[i] - x[i]
                bend = step * K[0, i] - rise
                last = 0.0
                for s in range(7):
                    last += DENSE[s] * K[s, i]
                back = rise - step * K[6, i] - bend
                bent = bend + theta * (back + (1.0 - theta) * step * last)
                orbit[row, i] = x[i] + theta * (rise + (1.0 - theta) * bent)
            row += 1
            ahead += spacing
        ahead -= step
        for i in range(dim):
            x[i] = new[i]
            K[0, i] = K[6, i]
        step *= min(most, factor)
        most = GROW
    return -1


def adaptive_tangent(field, jacobian, params, states, tangents, substeps, h):
    """States (batch, dim) and tangent vectors (batch, dim, k) after the time `substeps` times h.

    Tangent vectors are moved by the derivative of the steps that the state makes; the steps are chosen by the state's
    error alone. A state that becomes infinite is returned as NaN.
    """
    numbers, rtol, atol, first = params
    batch, dim, k = tangents.shape
    states, tangents = states.copy(), tangents.copy()
    new, J = np.empty(dim), np.zeros((dim, dim))
    K, W, T = np.empty((7, dim)), np.empty((7, dim, k)), np.empty((dim, k))
    for b in range(batch):
        x, Q = states[b], tangents[b]
        left, step, most = substeps * h, first, GROW
        field(x, K[0], *numbers)
        while left > 0.0:
            step = min(step, left)
            accurate, factor = attempt(field, numbers, x, new, K, step, rtol, atol)
            if not accurate:
                step *= factor
                most = 1.0
                if not step > LEAST * first:
                    x[:] = np.nan
                    left = 0.0
                continue
            # the stages of the step that was taken, once more, now with their tangent vectors
            for stage in range(7):
                for i in range(dim):
                    total = 0.0
                    for s in range(stage):
                        total += STAGES[stage, s] * K[s, i]
                    new[i] = x[i] + step * total
                    for c in range(k):
                        T[i, c] = Q[i, c]
                    for s in range(stage):
                        weight = step * STAGES[stage, s]
                        for c in range(k):
                            T[i, c] += weight * W[s, i, c]
                if stage < 6:  # the last one, whose slope has no weight, is the new state with its tangent vectors
                    jacobian(new, J, *numbers)
                    for i in range(dim):
                        for c in range(k):
                            W[stage, i, c] = 0.0
                        for j in range(dim):
                            entry = J[i, j]
                            if entry != 0.0:
                                for c in range(k):
                                    W[stage, i, c] += entry * T[j, c]
            left -= step
            for i in range(dim):
                x[i] = new[i]
                K[0, i] = K[6, i]
                for c in range(k):
                    Q[i, c] = T[i, c]
            step *= min(most, factor)
            most = GROW
    return states, tangents
