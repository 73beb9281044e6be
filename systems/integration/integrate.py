"""Compiled loops: orbits and tangent vectors of flows (classical Runge-Kutta, order 4) and of maps.

Every loop is plain Python over arrays and is compiled by numba the first time it is used, so that importing
this package costs nothing. The equations arrive as functions `field(x, out, *params)` and `jacobian(x, J,
*params)`. Orbit loops stop at the first state that is not finite and return the number of substeps done (-1:
none failed).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


@cache
def compiled(function: Callable) -> Any:
    """The numba-compiled form of a loop or of a system's equations."""
    import numba

    # numpy's error model: a division by zero gives inf, which the loops report with its time, instead of an
    # exception
    return numba.njit(error_model="numpy", nogil=True)(function)


def compiled_loop(loop: Callable, field: Any) -> Any:
    """The compiled form of a loop over equations of this form, compiled functions or pointers to such.

    The two are kept apart: once a loop was compiled for a pointer, numba would take any compiled function for one and
    refuse it for its other arguments.
    """
    return compiled(loop) if hasattr(field, "py_func") else _over_pointers(loop)


@cache
def _over_pointers(loop: Callable) -> Any:
    import numba

    return numba.njit(error_model="numpy", nogil=True)(loop)


def substeps_of(duration: float, largest: float) -> tuple[int, float]:
    """How many equal steps of at most `largest` make up `duration`, and their size."""
    # the tolerance keeps dt = 0.01 at four steps of 0.0025 whatever the rounding of the quotient
    substeps = max(1, math.ceil(duration / largest - 1e-9))
    return substeps, duration / substeps


def flow_orbit(field, params, start, orbit, substeps, h):
    """Fills `orbit` (rows, dim) with the states of a flow every `substeps` Runge-Kutta steps of size h; the first row
    is `start` (dim,).
    """
    rows, dim = orbit.shape
    x, y = start.copy(), np.empty(dim)
    k1, k2, k3, k4 = np.empty(dim), np.empty(dim), np.empty(dim), np.empty(dim)
    for i in range(dim):
        orbit[0, i] = x[i]
    for row in range(1, rows):
        for substep in range(substeps):
            field(x, k1, *params)
            for i in range(dim):
                y[i] = x[i] + 0.5 * h * k1[i]
            field(y, k2, *params)
            for i in range(dim):
                y[i] = x[i] + 0.5 * h * k2[i]
            field(y, k3, *params)
            for i in range(dim):
                y[i] = x[i] + h * k3[i]
            field(y, k4, *params)
            finite = True
            for i in range(dim):
                x[i] += h / 6.0 * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i])
                finite = finite and np.isfinite(x[i])
            if not finite:
                return (row - 1) * substeps + substep + 1
        for i in range(dim):
            orbit[row, i] = x[i]
    return -1


def flow_tangent(field, jacobian, params, states, tangents, substeps, h):
    """States (batch, dim) and tangent vectors (batch, dim, k) after `substeps` steps, with shared stages.

    Each stage evaluates the field and the Jacobian at the same stage state: the tangent map is then the exact
    derivative of the discrete Runge-Kutta step, not only an approximation of the derivative of the flow.
    """
    batch, dim, k = tangents.shape
    states, tangents = states.copy(), tangents.copy()
    J = np.zeros((dim, dim))
    y, slope, total = np.empty(dim), np.empty(dim), np.empty(dim)
    W, Slope, Total = np.empty((dim, k)), np.empty((dim, k)), np.empty((dim, k))
    offset = (0.0, 0.5 * h, 0.5 * h, h)
    weight = (h / 6.0, h / 3.0, h / 3.0, h / 6.0)
    for b in range(batch):
        x, Q = states[b], tangents[b]
        for _ in range(substeps):
            slope[:] = 0.0
            Slope[:] = 0.0
            total[:] = 0.0
            Total[:] = 0.0
            for stage in range(4):
                for i in range(dim):
                    y[i] = x[i] + offset[stage] * slope[i]
                    for c in range(k):
                        W[i, c] = Q[i, c] + offset[stage] * Slope[i, c]
                field(y, slope, *params)
                jacobian(y, J, *params)
                for i in range(dim):
                    total[i] += weight[stage] * slope[i]
                    for c in range(k):
                        Slope[i, c] = 0.0
                    for j in range(dim):
                        entry = J[i, j]
                        if entry != 0.0:
                            for c in range(k):
                                Slope[i, c] += entry * W[j, c]
                    for c in range(k):
                        Total[i, c] += weight[stage] * Slope[i, c]
            for i in range(dim):
                x[i] += total[i]
                for c in range(k):
                    Q[i, c] += Total[i, c]
    return states, tangents


def map_orbit(field, params, start, orbit, substeps, h):
    """Fills `orbit` (rows, dim) with the states of a map every `substeps` iterations; `h` is unused (same call as
    `flow_orbit`).
    """
    rows, dim = orbit.shape
    x, y = start.copy(), np.empty(dim)
    for i in range(dim):
        orbit[0, i] = x[i]
    for row in range(1, rows):
        for substep in range(substeps):
            field(x, y, *params)
            finite = True
            for i in range(dim):
                x[i] = y[i]
                finite = finite and np.isfinite(x[i])
            if not finite:
                return (row - 1) * substeps + substep + 1
        for i in range(dim):
            orbit[row, i] = x[i]
    return -1


def map_tangent(field, jacobian, params, states, tangents, substeps, h):
    """States (batch, dim) and tangent vectors (batch, dim, k) after `substeps` iterations; `h` is unused."""
    states, tangents = states.copy(), tangents.copy()
    dim = states.shape[1]
    J, y = np.zeros((dim, dim)), np.empty(dim)
    for b in range(states.shape[0]):
        for _ in range(substeps):
            jacobian(states[b], J, *params)
            field(states[b], y, *params)
            product = np.zeros(tangents.shape[1:])
            for i in range(dim):
                for j in range(dim):
                    for c in range(product.shape[1]):
                        product[i, c] += J[i, j] * tangents[b, j, c]
            for i in range(dim):
                states[b, i] = y[i]
                for c in range(product.shape[1]):
                    tangents[b, i, c] = product[i, c]
    return states, tangents


def stretches(tangent, orthonormalise, field, jacobian, params, states, tangents, substeps, h, rounds):
    """States, tangents and growth (rounds, batch, k): in each round `tangent` makes `substeps` steps, and the tangent
    vectors are orthonormalised. Ends with the first round after which a state is not finite; the third result is then
    the number of rounds done, else -1.
    """
    batch, k = tangents.shape[0], tangents.shape[2]
    growth = np.zeros((rounds, batch, k))
    for n in range(rounds):
        states, tangents = tangent(field, jacobian, params, states, tangents, substeps, h)
        for b in range(batch):
            orthonormalise(tangents[b], growth[n, b])
            for i in range(states.shape[1]):
                if not np.isfinite(states[b, i]):
                    return states, tangents, growth, n
    return states, tangents, growth, -1
