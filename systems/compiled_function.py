"""Loops' form of a Python function: `field(x, out, *numbers)` and `derivative(x, J, *numbers)` for numba."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .integrate import compiled
from .state_function import TINY, StateFunction

Pair = tuple[Callable[..., None], Callable[..., None]]


def loop_form(function: StateFunction) -> Pair | None:
    """Field and Jacobian that numba can compile, or None where it cannot take the function.

    Both are compiled and compared with the plain function at its probe: numba may read a function another way.
    """
    if function.torch:
        return None
    field = _field(function)
    derivative = _derivative(function)
    x = function.probe[len(function.probe) // 2].copy()
    out, J = np.empty(function.dim), np.zeros((function.dim, function.dim))
    try:
        compiled(field)(x, out, *function.numbers)
        compiled(derivative)(x, J, *function.numbers)
    except Exception:  # numba refuses what it cannot type, in many ways
        return None
    alike = np.allclose(out, function(x), rtol=1e-9) and np.allclose(J, function.jacobian(x), rtol=1e-6, atol=1e-9)
    return (field, derivative) if alike else None


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
    size = function.size
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
            h = width * max(size[j], abs(x[j]))
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
