"""What is handed in as states of a model, judged before any loop runs over it: a compiled one would read past its
end, and one of torch may broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ..errors import DataError, SpecError


def require_states(z: Any, dim: int) -> np.ndarray:
    """States (batch, dim) in double precision. Raises `DataError` for another shape, such as that of observations."""
    states = np.asarray(z, dtype=np.float64)
    if states.ndim != 2 or states.shape[1] != dim:
        raise _no_states(states.shape, f"(batch, {dim})", dim)
    return states


def require_width(z: Tensor, dim: int) -> None:
    """Raise `DataError` unless the last axis is that of a state, (..., dim)."""
    if z.shape[-1:] != (dim,):
        raise _no_states(tuple(z.shape), f"(..., {dim})", dim)


def require_tangents(z: np.ndarray, q: np.ndarray, dim: int) -> None:
    """Raise `DataError` for states that are not (batch, dim), or tangent vectors that are not (batch, dim, k)."""
    require_states(z, dim)
    if q.ndim != 3 or q.shape[:2] != z.shape:
        raise DataError(
            f"tangent vectors of shape {q.shape} at states of shape {z.shape}",
            f"({len(z)}, {dim}, k)",
            f"give each state k columns of {dim} numbers",
        )


def require_steps(n: Any) -> None:
    """Raise `SpecError` for what is no number of steps."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise SpecError(f"n = {n!r} steps", "an integer of 1 or more", "give the number of steps, such as n=1000")


def _no_states(shape: tuple[int, ...], accepted: str, dim: int) -> DataError:
    return DataError(
        f"states of shape {shape}",
        f"{accepted}, for a model with {dim} state coordinates",
        "for observations (batch, time, columns), pass model.initial_state(observations)",
    )
