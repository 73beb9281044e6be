"""Successive maxima of one observable, refined between the rows by a parabola."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure
from dsr.points import only_column

from ..block_means import error_of_mean
from ..magnitude import of_order_one
from ..units import rate_unit

COUNT = math.sqrt(1 / 6)  # standard deviation of the number of periods in a window, over all lengths and phases


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
    SuccessiveMaxima. Its measure "maxima per unit of time" tells whether two series were looked at in the same way:
    noise multiplies it. Its standard error is that of the mean interval (blocks of successive intervals; NaN below
    four) and that of a count between two ends, 0.4 maxima. A flat top counts once, where it begins; a flat shoulder on
    a flank is none, nor is a flat end.
    """
    points, exponent = of_order_one(x, rows=3)
    series = only_column(points, "choose one: x[:, i]")
    if not (0 <= smoothing < math.inf and 0 < dt < math.inf):
        raise SpecError(f"smoothing = {smoothing}, dt = {dt}", "smoothing from 0, dt above 0", "change that setting")
    if smoothing > 0:
        from scipy.ndimage import gaussian_filter1d

        series = gaussian_filter1d(series, smoothing / dt)
    first = np.flatnonzero(np.diff(series, prepend=np.inf))  # of each run of equal values
    level = series[first]
    top = first[1:-1][(level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])]
    here = series[top]
    rise, fall = here - series[top - 1], here - series[top + 1]
    shift = 0.5 * (rise - fall) / (rise + fall)
    times = dt * (top + shift)
    values = np.ldexp(here + 0.25 * (rise - fall) * shift, exponent)
    duration = dt * (series.size - 1)
    settings = {"smoothing": smoothing, "dt": dt, "length": series.size, "maxima": top.size}
    rate = top.size / duration
    error = math.hypot(rate**2 * error_of_mean(np.diff(times)), COUNT / duration)
    measure = Measure("maxima per unit of time", rate, rate - error, rate + error, rate_unit(time_unit), settings)
    return SuccessiveMaxima(times, values, measure)
