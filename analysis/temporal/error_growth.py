"""Growth of the forecast error with time, against the exponential growth of the largest Lyapunov exponent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.measure import Measure

from ..units import rate_unit
from .prediction import scaled_errors

SMALL, LARGE = 2.0, 0.1


@dataclass(frozen=True, eq=False)
class ErrorGrowth:
    """Curves over time and the rate of growth; draw `median` with the band low..high on a logarithmic axis.

    times (n,). median, low, high (n,): of the normalised error over starts, with quartiles. rms, rms_error (n,):
    n-step prediction error of every n, with its standard error; both NaN from the first diverged forecast on.
    fit : times between which the rate was fitted, NaN without a fit.
    lyapunov_exponent : what the rate is to be compared with; NaN if not given.
    """

    times: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rms: np.ndarray
    rms_error: np.ndarray
    fit: tuple[float, float]
    lyapunov_exponent: float
    measure: Measure


def error_growth(
    truth: Any,
    forecast: Any,
    *,
    dt: float,
    lyapunov_exponent: float = math.nan,
    sd: Any = None,
    large: float = LARGE,
    time_unit: str = "time units",
) -> ErrorGrowth:
    """Error after every number of free steps, and the rate at which its mean logarithm grows.

    Parameters
    ----------
    truth, forecast : (starts, n, dim), first row one step after the start.
    dt : time of one step. sd : (dim,) of the whole true record; of `truth` if None.
    large : the fit runs from twice the first mean error to `large` standard deviations, below saturation.

    Returns
    -------
    ErrorGrowth; `measure` is "error growth rate" -+ one standard error over starts, per unit of time. Forecasts that
    diverge or meet the truth exactly within the fit are left out of it, and settings count them. NaN with a note
    where fewer than three steps lie in the fit, or fewer than two starts are left.

    When it misleads: the rate is that of a small error in the state. A model with errors of its own adds them at
    every step, and grows faster at first; one that starts far off shows saturation only. The mean logarithm grows
    with lambda_1; the mean error faster. Source: Lorenz, doi:10.1111/j.2153-3490.1969.tb00444.x.
    """
    errors = scaled_errors(truth, forecast, sd)
    starts, n = errors.shape
    lost = ~np.isfinite(errors).cumprod(1).astype(bool)
    low, median, high = np.quantile(np.where(lost, np.inf, errors), [0.25, 0.5, 0.75], axis=0, method="nearest")
    whole = ~lost.any(0)
    squares = np.where(whole, errors, 0.0) ** 2
    rms = np.where(whole, np.sqrt(squares.mean(0)), np.nan)
    rms_error = np.full(n, np.nan)
    if starts > 1:
        scatter = squares.std(0, ddof=1) / math.sqrt(starts)
        rms_error = np.where(rms > 0, scatter / (2 * np.where(rms > 0, rms, 1.0)), np.nan)
    times = dt * np.arange(1, n + 1)
    measure, fit = _rate(errors, lost, times, large, rate_unit(time_unit))
    return ErrorGrowth(times, median, low, high, rms, rms_error, fit, lyapunov_exponent, measure)


def _rate(
    errors: np.ndarray, lost: np.ndarray, times: np.ndarray, large: float, unit: str
) -> tuple[Measure, tuple[float, float]]:
    """The fit of every start in one common window: its mean is the fit of the mean, its scatter the error."""
    usable = ~lost & (errors > 0)
    logs = np.log(np.where(usable, errors, 1.0))
    count = usable.sum(0)
    mean = np.where(2 * count > len(errors), (logs * usable).sum(0) / np.maximum(count, 1), np.inf)
    over = mean > math.log(large)
    end = int(over.argmax()) if over.any() else times.size
    risen = mean > mean[0] + math.log(SMALL)
    begin = int(risen.argmax()) if risen.any() else times.size
    kept = usable[:, begin:end].all(1)
    settings = {"large": large, "starts": int(kept.sum()), "left_out": int((~kept).sum())}
    if end - begin < 3 or kept.sum() < 2:
        note = f"no growth to fit between twice the first error and {large:g} sd"
        return Measure("error growth rate", math.nan, unit=unit, settings=settings, note=note), (math.nan, math.nan)
    t = times[begin:end] - times[begin:end].mean()
    rates = logs[kept, begin:end] @ t / (t @ t)
    value, error = float(rates.mean()), float(rates.std(ddof=1)) / math.sqrt(rates.size)
    window = float(times[begin]), float(times[end - 1])
    settings |= {"from": window[0], "to": window[1]}
    return Measure("error growth rate", value, value - error, value + error, unit, settings), window
