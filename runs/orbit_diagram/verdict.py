"""What one value of a parameter leads to: chaos, a cycle and its period, a fixed point, escape."""

from __future__ import annotations

import numpy as np

CHAOTIC, PERIODIC, FIXED, UNDECIDED, ESCAPES, REFUSED = (
    "chaotic", "periodic", "fixed point", "undecided", "escapes", "refused",
)  # fmt: skip
ERRORS = 3.0  # standard errors by which an exponent must differ from zero
TOLD = 3.0  # and this much logarithm of stretching over the whole run: what alignment of the vectors may leave
REPEATS = 3  # times that a cycle must be seen
RETURN = 1e-4  # in units of the attractor's size: as near a cycle must return, and less than this is no motion


def period_of(points: np.ndarray, allowed: np.ndarray | float) -> int:
    """Smallest p such that points (n, dim) repeat themselves after p rows to within `allowed`; 0 where there is none.

    Seen are periods up to a third of the rows.
    """
    for p in range(1, len(points) // REPEATS + 1):
        if (np.abs(points[p:] - points[:-p]) <= allowed).all():
            return p
    return 0


def verdict(
    *, flow: bool, still: bool, period: int, seen: int, exponents: np.ndarray, stderr: np.ndarray, duration: float
) -> tuple[str, int]:
    """The verdict and the period (0 where it has none, or none was seen). `seen` is the number of points.

    An exponent is told from zero by three standard errors and by a stretching of e^3 over the run. A flow that moves
    has an exponent of zero, so that a negative largest one means an orbit still on its way into a fixed point. Without
    a positive exponent and without a period the motion is undecided: quasi-periodic, at a bifurcation, or of a period
    that is too long for the rows.
    """
    bounds = np.maximum(ERRORS * np.nan_to_num(stderr), TOLD / duration)
    if still or (not flow and period == 1):
        return FIXED, 1 - flow
    if exponents[0] > bounds[0]:
        return CHAOTIC, 0
    if flow and exponents[0] < -bounds[0]:
        return FIXED, 0
    if period:
        return PERIODIC, period
    if exponents[0] < -bounds[0]:
        return PERIODIC, 0
    if flow and seen >= REPEATS and len(exponents) > 1 and exponents[1] < -bounds[1]:
        return PERIODIC, 0
    return UNDECIDED, 0
