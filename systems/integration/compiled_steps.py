"""Tangent steps from compiled loops and compiled equations, whatever form those have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.tangent import TangentSteps, orthonormalise

from .integrate import compiled, compiled_loop, stretches


def tangent_steps(
    loop: Callable,
    field: Any,
    derivative: Any,
    params: tuple,
    *,
    substeps: int,
    h: float,
    dt: float,
    escaped: Callable[[float], Exception],
    method: str,
) -> TangentSteps:
    """One step of dt made of `substeps` of h by `loop` (`flow_tangent`, `map_tangent`).

    field, derivative : compiled functions, or pointers to such. escaped : the error for a state that becomes infinite,
    given the time since the start.
    """
    advanced = compiled_loop(loop, field)

    def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, Q = advanced(field, derivative, params, _rows(x), _rows(Q), substeps, h)
        if not np.isfinite(x).all():
            raise escaped(dt)
        return x, Q

    def stretch(x: np.ndarray, Q: np.ndarray, steps: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, Q, growth, failed = compiled_loop(stretches, field)(
            advanced, compiled(orthonormalise), field, derivative, params, _rows(x), _rows(Q),
            substeps * steps, h, rounds,
        )  # fmt: skip
        if failed >= 0:
            raise escaped((failed + 1) * steps * dt)
        return x, Q, growth

    return TangentSteps(advance, method, stretch)


def pointer(function: Any, *, matrix: bool = False) -> Any:
    """Pointer to a compiled function (x (n,), out, p (parameters,)), `out` an array or a matrix; all of one type, so
    that a loop is compiled once for all of them.
    """
    import numba
    from numba import types

    def call(x, out, p):
        function(x, out, p)

    vector = types.float64[::1]
    return numba.cfunc(types.void(vector, types.float64[:, ::1] if matrix else vector, vector))(call)


def _rows(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=float)
