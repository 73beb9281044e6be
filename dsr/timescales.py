"""Time scales of a series: autocorrelation time, delay of least mutual information, Theiler window."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import SpecError
from .points import as_columns_that_vary, only_column


def autocorrelation(x: Any) -> np.ndarray:
    """Autocorrelation of each column of `x` (time, dim) at lags 0 .. time - 1, biased (divided by time)."""
    points = as_columns_that_vary(x)
    length = len(points)
    centred = points - points.mean(0)
    spectrum = np.fft.rfft(centred, n=2 * length, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:length]
    return covariance / covariance[0]


def autocorrelation_time(x: Any) -> np.ndarray:
    """First lag (in steps) at which the autocorrelation is below 1/e, per column: int64 (dim,).

    A slow trend makes it long: it then tells the length of the record, not a time of the dynamics.
    """
    below = autocorrelation(x) < np.exp(-1.0)
    return np.argmax(below, axis=0)  # the biased estimate always ends near 0, so some lag is below


def mutual_information(x: Any, max_lag: int, bins: int = 64) -> np.ndarray:
    """Mutual information of x(t) and x(t + lag) in nats at lags 0 .. max_lag: (max_lag + 1,).

    `x` is one column (time,). Cells are `bins` quantile classes, so outliers and units do not matter. The
    estimate carries a positive bias of about (bins - 1)^2 / (2 time), the same at all lags.
    """
    values = only_column(as_columns_that_vary(x))
    if not 1 <= max_lag < len(values) - 1:
        raise SpecError(f"max_lag = {max_lag} for {len(values)} rows", "1 .. rows - 2", "choose a smaller max_lag")
    codes = quantile_classes(values, bins)
    size = int(codes.max()) + 1
    return np.array([_information(codes[: len(codes) - k], codes[k:], size) for k in range(max_lag + 1)])


def quantile_classes(column: np.ndarray, bins: int) -> np.ndarray:
    """The quantile class of each value of a column (time,), from 0 on: `bins` classes, fewer where values coincide."""
    edges = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, column, side="right")


def mutual_information_delay(x: Any, max_lag: int) -> int:
    """First local minimum of the mutual information of one column.

    Without a minimum up to `max_lag`, the first lag at which the information, less its value at `max_lag`,
    has fallen to 1/e. Source: Fraser & Swinney, doi:10.1103/PhysRevA.33.1134.
    """
    return first_minimum(mutual_information(x, max_lag))


def first_minimum(information: np.ndarray) -> int:
    """The delay that `mutual_information_delay` reads off a curve (lags,)."""
    inner = information[1:-1]
    minima = np.flatnonzero((inner < information[:-2]) & (inner <= information[2:]))
    if minima.size:
        return int(minima[0]) + 1
    excess = information - information[-1]
    return max(1, int(np.argmax(excess <= excess[0] / np.e)))


def theiler_window(x: Any) -> int:
    """Steps within which two rows are neighbours in time rather than in state: 3 autocorrelation times, >= 1.

    (Theiler, doi:10.1103/PhysRevA.34.2427.) Too small a window makes every flow look one-dimensional; too
    large a one only costs pairs.
    """
    return max(1, 3 * int(autocorrelation_time(x).max()))


def _information(first: np.ndarray, second: np.ndarray, size: int) -> float:
    joint = np.bincount(first * size + second, minlength=size * size).reshape(size, size) / first.size
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    filled = joint > 0
    return float(np.sum(joint[filled] * np.log(joint[filled] / independent[filled])))
