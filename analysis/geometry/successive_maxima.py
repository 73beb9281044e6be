"""Successive maxima of one observable, refined between the rows by a parabola."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..magnitude import of_order_one
from ..units import rate_unit


@dataclass(frozen=True, eq=False)
class SuccessiveMaxima:
    """times (maxima,) since the first row, values (maxima,); measure: maxima per unit of time."""

    times: np.ndarray
    values: np.ndarray
    measure: Measure


def successive_maxima(x: Any, *, dt: float, smoothing: float = 0.0, time_unit: str = "time units") -> SuccessiveMaxima:
    """Local maxima of `x` (time,) or (time, 1), each the top of the parabola through its three rows.

    smoothing : width of a Gaussian (standard deviation, in units of time) the series is smoothed with first. Use the
        same for truth and model: without it a maximum of noisy data is a maximum of the noise.

    Returns
    -------
    SuccessiveMaxima. Its measure "maxima per unit of time" with its standard error (20 blocks of time) tells whether
    two series were looked at in the same way: noise multiplies it. A flat top counts once, where it begins.
    """
    points, exponent = of_order_one(x, rows=3)
    if points.shape[1] != 1:
        raise DataError(f"{points.shape[1]} columns", "one column", "choose one: x[:, i]")
    if not (0 <= smoothing < math.inf and 0 < dt < math.inf):
        raise SpecError(f"smoothing = {smoothing}, dt = {dt}", "smoothing from 0, dt above 0", "change that setting")
    series = points[:, 0]
    if smoothing > 0:
        from scipy.ndimage import gaussian_filter1d

        series = gaussian_filter1d(series, smoothing / dt)
    left, here, right = series[:-2], series[1:-1], series[2:]
    top = np.flatnonzero((here > left) & (here >= right))
    rise, fall = (here - left)[top], (here - right)[top]
    shift = 0.5 * (rise - fall) / (rise + fall)
    times = dt * (top + 1 + shift)
    values = np.ldexp(here[top] + 0.25 * (rise - fall) * shift, exponent)
    duration = dt * (series.size - 1)
    settings = {"smoothing": smoothing, "dt": dt, "length": series.size, "maxima": top.size}
    counts = np.histogram(times, bins=20, range=(0.0, duration))[0]
    error = float(counts.std(ddof=1)) * math.sqrt(20) / duration
    rate = top.size / duration
    measure = Measure("maxima per unit of time", rate, rate - error, rate + error, rate_unit(time_unit), settings)
    return SuccessiveMaxima(times, values, measure)
