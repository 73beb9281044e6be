"""Floors: what a score gives between true trajectories, which no model can beat reliably."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsr.measure import ENOUGH_PAIRS, INDEPENDENT, Floor

from .scores import Score

STRETCHES, HALVES = "stretches of the training record", "halves of the record"


def score_floor(score: Score, test: np.ndarray, others: Sequence[np.ndarray], kind: str = INDEPENDENT) -> Floor | None:
    """Quantiles of `score(test, other)` over other trajectories of the same system, or of the halves of `test`.

    The halves, taken when there are none, are one pair at half the length: the floor of D_stsp comes out too
    high.

    Use 20 or more trajectories of the length of the generated run, because floors are skewed. None where a pair has no
    score.
    """
    half = len(test) // 2
    pairs = [(test, other) for other in others] or [(test[:half], test[half : 2 * half])]
    values = [score(*pair).value for pair in pairs]
    if np.isnan(values).any():
        return None
    return quantile_floor(values, kind if others else f"{HALVES} (length {half})")


def stretches(record: Sequence[np.ndarray], rows: int) -> list[np.ndarray]:
    """Pieces of `rows` rows that do not overlap, of the series (time, dim) of a record, 20 at most; none where all
    are shorter."""
    pieces = [x[first : first + rows] for x in record for first in range(0, len(x) - rows + 1, rows)]
    return [pieces[i] for i in np.linspace(0, len(pieces) - 1, min(ENOUGH_PAIRS, len(pieces))).astype(int)]


def quantile_floor(values: Sequence[float], kind: str) -> Floor:
    """The 5, 50 and 95 % quantiles of `values`."""
    low, median, high = (float(v) for v in np.quantile(values, [0.05, 0.5, 0.95]))
    return Floor(low, median, high, len(values), kind)
