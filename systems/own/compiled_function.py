"""Loops' form of a Python function: `field(x, out, *numbers)` and `derivative(x, J, *numbers)` for numba."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..integration.integrate import compiled
from .state_function import TINY, StateFunction

Loops = tuple[StateFunction, Callable[..., None], Callable[..., None]]
SAME_FIELD, SAME_JACOBIAN = 1e-9, 1e-6  # of compiled and plain form, in parts of the largest entry


def loop_form(function: StateFunction, method_asked: bool) -> Loops | None:
    """The function, with field and Jacobian that numba can compile; None where it cannot take the function.

    Both are compared with the plain function at 50 states of its probe, and at these with the other sign, where a
    second attractor of a symmetric system may lie: numba reads some functions another way. Its powers of negative
    complex numbers are rounded in the imaginary part, which a complex step takes for a derivative: unless that method
    was asked for, the Jacobian is then by central differences.
    """
    if function.torch:
        return None
    states = function.some_states()
    if function.method == "complex step":
        states = np.concatenate([states, -states])
    field, derivative = _field(function), _derivative(function)
    try:
        if not _alike(field, (function.dim,), function, function, states, SAME_FIELD):
            return None
        if _alike(derivative, (function.dim,) * 2, function.jacobian, function, states, SAME_JACOBIAN):
            return function, field, derivative
    except Exception:  # numba refuses what it cannot type, in many ways
        return None
    if method_asked or function.method != "complex step":
        return None
    return loop_form(replace(function, method="central differences"), method_asked)


def _alike(
    loops: Callable[..., None],
    shape: tuple[int, ...],
    plain: Callable[[np.ndarray], np.ndarray],
    function: StateFunction,
    states: np.ndarray,
    tolerance: float,
) -> bool:
    """Whether the compiled form writes what the plain one returns, wherever that is finite."""
    run, found = compiled(loops), np.zeros((len(states), *shape))
    for x, out in zip(states, found, strict=True):
        run(x.copy(), out, *function.numbers)
    wanted = np.array([plain(x) for x in states])
    known = np.isfinite(wanted)
    return bool(np.abs(found - wanted)[known].max() <= tolerance * (np.abs(wanted[known]).max() or 1.0))


def _field(function: StateFunction) -> Callable[..., None]:
    inner, dim, clock, flow = compiled(function.function), function.dim, function.clock, function.flow

    def plain(x, out, *numbers):
        found = inner(x, *numbers)
        for i in range(dim):
            out[i] = found[i]

    def clocked(x, out, *numbers):
        found = inner(x[:-1], x[-1], *numbers)
        for i in range(dim - 1):
            out[i] = found[i]
        out[dim - 1] = 1.0 if flow else x[-1] + 1.0

    return clocked if clock else plain


def _derivative(function: StateFunction) -> Callable[..., None]:
    if function.given is not None:
        return _given(function)
    field, dim = compiled(_field(function)), function.dim
    size, reach = function.size, function.reach
    width = np.cbrt(np.finfo(float).eps)

    def by_complex_step(x, J, *numbers):
        z, out = x.astype(np.complex128), np.empty(dim, np.complex128)
        for j in range(dim):
            z[j] += TINY * 1j
            field(z, out, *numbers)
            for i in range(dim):
                J[i, j] = out[i].imag / TINY
            z[j] = x[j]

    def by_differences(x, J, *numbers):
        y, ahead, behind = x.copy(), np.empty(dim), np.empty(dim)
        for j in range(dim):
            h = width * max(size[j], reach[j] * abs(x[j]))
            y[j] = x[j] + h
            field(y, ahead, *numbers)
            y[j] = x[j] - h
            field(y, behind, *numbers)
            for i in range(dim):
                J[i, j] = (ahead[i] - behind[i]) / (2 * h)
            y[j] = x[j]

    return by_complex_step if function.method == "complex step" else by_differences


def _given(function: StateFunction) -> Callable[..., None]:
    inner, dim, clock, flow = compiled(function.given), function.dim, function.clock, function.flow

    def plain(x, J, *numbers):
        found = inner(x, *numbers)
        for i in range(dim):
            for j in range(dim):
                J[i, j] = found[i][j]

    def clocked(x, J, *numbers):
        found = inner(x[:-1], x[-1], *numbers)
        for i in range(dim - 1):
            for j in range(dim):
                J[i, j] = found[i][j]
        J[dim - 1, dim - 1] = 0.0 if flow else 1.0

    return clocked if clock else plain
