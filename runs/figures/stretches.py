"""Which rows of a long series a figure draws, and whether a line through them is the orbit."""

from __future__ import annotations

import numpy as np

from dsr.series import TimeSeries

MOST_POINTS = 20_000
COARSE, FINE = 0.5, 0.1  # step between drawn rows, in standard deviations


def joined(series: TimeSeries) -> bool:
    """Whether consecutive rows lie close together, so that joining them by a line shows the orbit.

    False for maps and for flows sampled too coarsely: their rows are drawn as points.
    """
    return series.time_unit != "iterations" and _typical_step(series) < COARSE


def drawn_rows(series: TimeSeries, most: int = MOST_POINTS) -> slice:
    """A slice of at most `most` rows from the first row on.

    Of an oversampled flow every k-th row is taken, with k so small that the line stays smooth; what is longer
    than that is cut, not thinned further: a coarse polygon through an attractor is a wrong picture of it.
    """
    stride = 1
    if len(series) > most and joined(series):
        smooth = max(1, int(FINE / max(_typical_step(series), 1e-12)))
        stride = min(smooth, -(-len(series) // most))
    return slice(0, min(len(series), most * stride), stride)


def thinned(values: np.ndarray, most: int) -> np.ndarray:
    """Every k-th row of a smooth curve so that at most `most` are left."""
    return values[:: max(1, -(-len(values) // most))]


def _typical_step(series: TimeSeries) -> float:
    if len(series) < 3:
        return 0.0
    sd = np.maximum(series.values.std(0), 1e-300)
    steps = np.sqrt((np.square(np.diff(series.values, axis=0) / sd)).mean(1))
    return float(np.median(steps))
