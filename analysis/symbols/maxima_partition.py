"""Generating partitions by successive maxima: a chaotic flow as a sequence of L and R, one per return."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.points import as_points, only_column

from .sequence import SymbolSequence

TOP = 0.002  # share of the highest images whose pre-images place the critical point
RETURNS = 20


def critical_point(maxima: Any) -> float:
    """Where a unimodal return map m_(k+1)(m_k) has its peak: the median of the pre-images of its highest images.

    maxima : (returns,) successive maxima; at least 20 that vary. The highest 0.2 % of the images count (at least
    3), so the place is known to about that share of the range. A return map with several humps has no critical
    point of this kind: look at it first.
    """
    values = _maxima(maxima)
    count = max(3, round(TOP * (values.size - 1)))
    return float(np.median(values[:-1][np.argsort(values[1:])[-count:]]))


def maxima_symbols(maxima: Any, *, threshold: float | None = None, times: Any = None) -> SymbolSequence:
    """L or R for each maximum: below the critical point of the return map, or not.

    Parameters
    ----------
    maxima : (returns,) successive maxima of one column, interpolated: on the grid of the samples the map smears.
    threshold : the border; None for the `critical_point` of these maxima. Give truth and model the border of the
        truth.
    times : (returns,) when they occur.

    For Lorenz-63 (maxima of z) this generates: each orbit has its own word, and the entropy rate per return is
    lambda_1 times the mean return time. R means that the next turn is on the other wing.
    """
    values = _maxima(maxima)
    border = critical_point(values) if threshold is None else float(threshold)
    return _left_right(values >= border, times)


def side_symbols(values: Any, *, threshold: float = 0.0, times: Any = None) -> SymbolSequence:
    """L or R for each value: below the threshold, or not.

    values : (returns,), such as x at the successive maxima of z in Lorenz-63 (the wing on which the turn lies).
    times : (returns,) when they were taken. Both letters stay in the alphabet when only one occurs.
    """
    column = only_column(as_points(values, "values", rows=1), "choose one: values[:, i]")
    if not np.isfinite(threshold):
        raise SpecError(f"threshold = {threshold}", "a finite number", "give the border between L and R")
    return _left_right(column >= threshold, times)


def _left_right(right: np.ndarray, times: Any) -> SymbolSequence:
    when = np.arange(right.size, dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    return SymbolSequence(right.astype(np.int64), ("L", "R"), when)


def _maxima(maxima: Any) -> np.ndarray:
    column = only_column(as_points(maxima, "maxima", rows=RETURNS), "choose one: maxima[:, i]")
    if column.min() == column.max():
        raise DataError("all maxima are equal", "maxima that vary", "a periodic orbit has no symbolic dynamics")
    return column
