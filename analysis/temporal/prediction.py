"""Short-term prediction: n-step error and valid prediction time over many starting points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import real_numbers

FARTHEST = 1e75  # standard deviations; squares of squares still fit, and what is beyond has diverged


def prediction_error(truth: Any, forecast: Any, *, sd: Any = None) -> Measure:
    """Root mean square error after n free steps, in standard deviations of the truth.

    A forecast by the mean scores 1, an independent trajectory 1.41.

    Parameters
    ----------
    truth, forecast : (starts, n, dim); row i of the second axis is i + 1 steps after the start.
    sd : (dim,) standard deviations of the whole true record; those of `truth` if None.

    Returns
    -------
    Measure "prediction error" for the LAST of the n steps, -+ its standard error over starts; settings hold n
    and starts. NaN with a note that counts them when forecasts left the finite numbers.
    """
    errors = scaled_errors(truth, forecast, sd)
    starts, n = errors.shape
    settings = {"n": n, "starts": starts}
    lost = int((~np.isfinite(errors[:, -1])).sum())
    if lost:
        return Measure("prediction error", math.nan, settings=settings, note=f"{lost} of {starts} forecasts diverged")
    squares = errors[:, -1] ** 2
    value = math.sqrt(squares.mean())
    error = squares.std(ddof=1) / math.sqrt(starts) / (2 * value) if starts > 1 and value > 0 else math.nan
    return Measure("prediction error", value, value - error, value + error, "sd", settings)


def valid_prediction_time(
    truth: Any,
    forecast: Any,
    *,
    dt: float,
    lyapunov_time: float | None = None,
    threshold: float = 0.4,
    sd: Any = None,
    cap: Any = None,
    time_unit: str = "time units",
) -> Measure:
    """Time until the normalised error first exceeds a threshold: median, quartiles.

    Parameters
    ----------
    truth, forecast : (starts, n, dim), first row one step after the start.
    dt : time of one step. lyapunov_time : 1 / lambda_1; with it the unit is Lyapunov times.
    threshold : on the root mean square over columns of (forecast - truth) / sd.
    cap : time, or one per start (starts,), from which on the truth is itself not known (`ground_truth_time`); None:
        the end of the forecasts.

    Returns
    -------
    Measure "valid prediction time"; low and high are the quartiles over starts, settings["median_error"] the standard
    error of the median. A forecast that never exceeds the threshold counts as long as its cap; settings say how many
    did (`capped`), and a note when the median is at the cap. A diverged forecast ends where it diverges.

    When it misleads: the spread over starts is as large as a third of the value (Lorenz-63), so use 100 or
    more; on noisy data the noise in the initial condition rules it; beyond the cap a solver is judged, not a model.
    Source: Vlachas et al., doi:10.1016/j.neunet.2020.02.016; the cap: arXiv:2508.06730.
    """
    errors = scaled_errors(truth, forecast, sd)
    starts, n = errors.shape
    if lyapunov_time is not None and not 0 < lyapunov_time < math.inf:
        raise SpecError(
            f"lyapunov_time = {lyapunov_time}", "a positive time", "leave it out without a positive lambda_1"
        )
    last = _last_steps(cap, dt, starts, n)
    over = ~(errors <= threshold)  # NaN is over
    steps = np.minimum(np.where(over.any(1), over.argmax(1), n), last)
    unit_steps = dt / (lyapunov_time or 1.0)
    times = steps * unit_steps
    low, median, high = (float(v) for v in np.quantile(times, [0.25, 0.5, 0.75]))
    capped = int((steps == last).sum())
    settings = {
        "threshold": threshold,
        "starts": starts,
        "cap": float(np.median(last) * unit_steps),
        "capped": capped,
        "median_error": _median_error(times),
    }
    if lyapunov_time is not None:
        settings["lyapunov_time"] = lyapunov_time
    note = f"{capped} of {starts} forecasts were still valid at their end" if 2 * capped >= starts else ""
    unit = time_unit if lyapunov_time is None else "Lyapunov times"
    return Measure("valid prediction time", median, low, high, unit, settings, note=note)


def _last_steps(cap: Any, dt: float, starts: int, n: int) -> np.ndarray:
    """Steps up to which the truth is known, (starts,)."""
    if cap is None:
        return np.full(starts, n)
    times = np.asarray(cap, dtype=np.float64)
    if times.shape not in ((), (starts,)) or not (times >= 0).all():
        raise SpecError(
            f"cap of shape {times.shape}", f"one time >= 0, or {starts} of them", "give the times of ground_truth_time"
        )
    return np.broadcast_to(np.minimum(n, np.round(np.minimum(times / dt, n))).astype(int), starts)


def _median_error(times: np.ndarray) -> float:
    """Half the distance of the order statistics one binomial standard deviation from the middle."""
    reach = math.sqrt(times.size) / 2 / times.size
    low, high = np.quantile(times, [max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)])
    return float(high - low) / 2


def windows(x: np.ndarray, starts: np.ndarray, n: int) -> np.ndarray:
    """The n rows that follow each row in `starts`: (starts, n, dim)."""
    return x[starts[:, None] + 1 + np.arange(n)]


def scaled_errors(truth: Any, forecast: Any, sd: Any) -> np.ndarray:
    """Root mean square over columns of the error in standard deviations: (starts, n); not finite once diverged."""
    t, f = real_numbers(truth, "values of the truth"), real_numbers(forecast, "forecasts")
    if t.ndim != 3 or t.shape != f.shape or not t.size or not np.isfinite(t).all():
        raise DataError(
            f"truth of shape {t.shape} and forecasts of shape {f.shape}",
            "two arrays (starts, n, dim) of equal shape, the truth finite",
            "cut both to the same windows",
        )
    exponent = np.frexp(np.abs(t).max((0, 1)))[1]  # brought to the order of one: nothing is rounded, squares fit
    given = None if sd is None else np.asarray(sd, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        t, f = np.ldexp(t, -exponent), np.ldexp(f, -exponent)
        scale = t.std((0, 1)) if given is None else np.ldexp(given, -exponent)
        if not ((scale > 0) & np.isfinite(scale)).all() or (given is None and (t.max((0, 1)) == t.min((0, 1))).any()):
            raise DataError("a constant column in the truth", "columns that vary", "leave that column out")
        errors = np.sqrt((((f - t) / scale) ** 2).mean(2))
    return np.where(errors > FARTHEST, np.inf, errors)
