"""Floors: what a score gives between true trajectories, which no model can beat reliably."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dsr.measure import Floor, Measure

Score = Callable[[np.ndarray, np.ndarray], Measure]
INDEPENDENT, HALVES = "independent trajectories", "halves of the record"


def score_floor(score: Score, test: np.ndarray, independent: Sequence[np.ndarray]) -> Floor:
    """Quantiles of `score(test, other)` over independent true trajectories, or of the halves of `test`.

    The halves, taken when there are none, are one pair at half the length: the floor of D_stsp comes out too
    high.

    Use 20 or more trajectories of the length of the generated run, because floors are skewed.
    """
    if independent:
        return quantile_floor([score(test, other).value for other in independent], INDEPENDENT)
    half = len(test) // 2
    return quantile_floor([score(test[:half], test[half : 2 * half]).value], f"{HALVES} (length {half})")


def quantile_floor(values: Sequence[float], kind: str) -> Floor:
    """The 5, 50 and 95 % quantiles of `values`."""
    low, median, high = (float(v) for v in np.quantile(values, [0.05, 0.5, 0.95]))
    return Floor(low, median, high, len(values), kind)
