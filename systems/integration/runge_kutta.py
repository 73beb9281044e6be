"""Classical Runge-Kutta steps on arrays of states, for equations that no compiler reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def runge_kutta(
    rhs: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray] | None,
    x: np.ndarray,
    Q: np.ndarray | None,
    duration: float,
    substeps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """States (B, dim) and, with a Jacobian, tangents (B, dim, k) after `substeps` steps, sharing stages."""
    h = duration / substeps
    Q = np.empty((len(x), x.shape[1], 0)) if Q is None else Q
    for _ in range(substeps):
        slope, Slope = np.zeros_like(x), np.zeros_like(Q)
        total, Total = np.zeros_like(x), np.zeros_like(Q)
        for offset, weight in ((0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
            y = x + offset * h * slope
            if jacobian is not None:
                Slope = jacobian(y) @ (Q + offset * h * Slope)
                Total = Total + weight * Slope
            slope = rhs(y)
            total = total + weight * slope
        x, Q = x + h / 6 * total, Q + h / 6 * Total
    return x, Q
