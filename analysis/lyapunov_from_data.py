"""Largest Lyapunov exponent from a trajectory alone, by the divergence of neighbours (Rosenstein)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.measure import Measure
from dsr.points import as_columns_that_vary
from dsr.timescales import theiler_window

from .neighbours import nearest_neighbours
from .units import rate_unit

NAME = "lambda_1 from data"
STARTS, STOPS, STOP = (0.5, 1.0, 1.5), (0.5, 0.6, 0.7), 0.6


@dataclass(frozen=True, eq=False)
class DivergenceCurve:
    """Mean logarithmic distance of initially close states against time.

    times (steps + 1,) in units of time; log_distance (steps + 1,); saturation: mean log distance of two
    random states; theiler: window in steps; references: number of pairs.
    """

    times: np.ndarray
    log_distance: np.ndarray
    saturation: float
    theiler: int
    references: int


def divergence_curve(
    x: Any,
    dt: float,
    *,
    theiler: int | None = None,
    steps: int | None = None,
    references: int = 5000,
    seed: int = 0,
) -> DivergenceCurve:
    """Follow nearest neighbours for `steps` steps, by default to 75 % of the rise to saturation.

    x : (time, dim) states (embed a single observable first), scaled column by column to unit standard
        deviation.
    theiler : `theiler_window` if None. references : at most so many starting points, drawn with `seed`.
    """
    points = as_columns_that_vary(x)
    points = points / points.std(0)
    window = theiler_window(points) if theiler is None else theiler
    longest = len(points) // 4
    if longest < 8 or len(points) < 4 * window:
        raise DataError(
            f"{len(points)} rows with a Theiler window of {window}",
            f"at least {max(32, 4 * window)} rows",
            "bring a longer series, or remove a trend that makes the autocorrelation long",
        )
    rng = np.random.default_rng(seed)
    usable = len(points) - (longest if steps is None else steps)
    reference = (
        np.arange(usable) if usable <= references else np.sort(rng.choice(usable, references, replace=False))
    )
    near, _ = nearest_neighbours(points[:usable], reference, window, distinct=True)
    i, j = reference[near >= 0], near[near >= 0]
    if not i.size:
        raise DataError(
            "no two distinct states apart in time", "a trajectory that returns", "bring a longer series"
        )
    a, b = rng.integers(0, len(points), (2, 20_000))
    saturation = _mean_log(points[a], points[b])
    curve = [_mean_log(points[i], points[j])]
    for k in range(1, (longest if steps is None else steps) + 1):
        curve.append(_mean_log(points[i + k], points[j + k]))
        if steps is None and k >= 4 and curve[-1] > curve[0] + 0.75 * (saturation - curve[0]):
            break
    return DivergenceCurve(np.arange(len(curve)) * dt, np.array(curve), saturation, window, i.size)


def max_lyapunov_from_data(
    x: Any,
    dt: float,
    *,
    theiler: int | None = None,
    references: int = 5000,
    seed: int = 0,
    time_unit: str = "time units",
) -> Measure:
    """Slope of the divergence curve, fitted from half a Theiler window to 60 % of the rise to saturation.

    Parameters
    ----------
    x : (time, dim) states; embed a single observable first (`choose_embedding`).
    dt : time of one step. theiler, references, seed : as in `divergence_curve`.

    Returns
    -------
    Measure "lambda_1 from data". low and high are the spread of the slope over nine reasonable fit windows
    (starts at 0.5, 1, 1.5 times the default, stops at 50, 60, 70 % of the rise), which is the honest
    uncertainty; a fit error would be far too small. NaN with the note "no scaling region" when the curve
    saturates before three points can be fitted: noise, or sampling too coarse to see the growth.

    When it misleads: on flows it is low by about 10 % (Lorenz-63), up to 20 % (Rössler), at any length:
    compare truth and reconstruction by this same estimator, never one against a published exponent. Noise
    flattens the curve. A stochastic series gets a number too. Source: Rosenstein et al.,
    doi:10.1016/0167-2789(93)90009-P.
    """
    curve = divergence_curve(x, dt, theiler=theiler, references=references, seed=seed)
    start = max(1, curve.theiler // 2)
    settings = {"theiler": curve.theiler, "references": curve.references, "start": start * dt, "stop": STOP}
    unit = rate_unit(time_unit)
    slopes = [_slope(curve, max(1, round(s * start)), stop, dt) for s in STARTS for stop in STOPS]
    value = _slope(curve, start, STOP, dt)
    if math.isnan(value):
        note = "no scaling region"
        return Measure(NAME, math.nan, unit=unit, settings=settings, note=note)
    settings["horizon"] = float(curve.times[-1])
    return Measure(NAME, value, float(np.nanmin(slopes)), float(np.nanmax(slopes)), unit, settings)


def _slope(curve: DivergenceCurve, start: int, stop: float, dt: float) -> float:
    s = curve.log_distance
    if start >= s.size:
        return math.nan
    over = s > s[0] + stop * (curve.saturation - s[0])
    end = int(over.argmax()) if over.any() else s.size
    if end - start < 3:
        return math.nan
    return float(np.polyfit(np.arange(start, end) * dt, s[start:end], 1)[0])


def _mean_log(a: np.ndarray, b: np.ndarray) -> float:
    distance = np.linalg.norm(a - b, axis=1)
    return float(np.log(distance[distance > 0]).mean()) if (distance > 0).any() else -math.inf
