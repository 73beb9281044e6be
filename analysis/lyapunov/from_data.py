"""Largest Lyapunov exponent from a trajectory alone, by the divergence of neighbours (Rosenstein, Kantz)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.divergence_curve import DivergenceCurve as DivergenceCurve
from dsr.divergence_curve import divergence_curve
from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..units import rate_unit
from .kantz_curve import kantz_curve

NAME = "lambda_1 from data"
STARTS, STOPS, STOP = (0.5, 1.0, 1.5), (0.5, 0.6, 0.7), 0.6
METHODS = ("rosenstein", "kantz")
FACTORS = (1.0, 0.5, 2.0)  # on the correlation sum at which Kantz's radius is read; the first gives the value


def max_lyapunov_from_data(
    x: Any,
    dt: float,
    *,
    method: str = "rosenstein",
    theiler: int | None = None,
    references: int | None = None,
    correlation: float = 1e-3,
    seed: int = 0,
    time_unit: str = "time units",
) -> Measure:
    """Slope of the divergence curve, fitted from half a Theiler window to 60 % of the rise to saturation.

    Parameters
    ----------
    x : (time, dim) states; embed a single observable first (`choose_embedding`).
    dt : time of one step.
    method : "rosenstein" follows nearest neighbours (`divergence_curve`), "kantz" whole neighbourhoods
        (`kantz_curve`).
    theiler, seed : as in both. references : at most so many states, 5000 for "rosenstein", 2000 for "kantz" if None.
    correlation : for "kantz", as in `kantz_curve`.

    Returns
    -------
    Measure "lambda_1 from data". low and high are the spread of the slope over nine reasonable fit windows
    (starts at 0.5, 1, 1.5 times the default, stops at 50, 60, 70 % of the rise) and, for "kantz", half and twice the
    correlation sum (where there are neighbours enough): the honest uncertainty; a fit error would be far too small.
    NaN with the note "no scaling region" when the curve saturates before three points can be fitted: noise, or
    sampling too coarse to see the growth.

    When it misleads: on flows "rosenstein" is low by about 10 % (Lorenz-63), up to 20 % (Rössler), at any length, and
    "kantz" up to 15 % high on Lorenz-63; the spread over settings is not a confidence interval and may miss the truth:
    compare truth and reconstruction by this same estimator, never one against a published exponent. Noise
    flattens the curve. A stochastic series gets a number too. Source: Rosenstein et al.,
    doi:10.1016/0167-2789(93)90009-P; Kantz, doi:10.1016/0375-9601(94)90991-1.
    """
    if method not in METHODS or not 0 < dt < math.inf:
        raise SpecError(
            f"method = '{method}', dt = {dt}", f"one of {', '.join(METHODS)}, dt > 0", "change that setting"
        )
    settings: dict[str, Any] = {"method": method}
    if method == "rosenstein":
        curves = [
            divergence_curve(x, dt, theiler=theiler, references=5000 if references is None else references, seed=seed)
        ]
    else:
        curves = _kantz_curves(x, dt, theiler, 2000 if references is None else references, correlation, seed)
        settings |= {"correlation": correlation, "radius": curves[0].radius, "radii": len(curves)}
    curve = curves[0]
    start = max(1, curve.theiler // 2)
    settings |= {"theiler": curve.theiler, "references": curve.references, "seed": seed}
    settings |= {"start": start * dt, "stop": STOP}
    unit = rate_unit(time_unit)
    slopes = [c.slope(max(1, round(s * start)), stop) for c in curves for s in STARTS for stop in STOPS]
    value = curve.slope(start, STOP)
    if not math.isfinite(value):
        return Measure(NAME, math.nan, unit=unit, settings=settings, note="no scaling region")
    settings["horizon"] = float(curve.times[-1])
    return Measure(NAME, value, float(np.nanmin(slopes)), float(np.nanmax(slopes)), unit, settings)


def _kantz_curves(
    x: Any, dt: float, theiler: int | None, references: int, correlation: float, seed: int
) -> list[DivergenceCurve]:
    curves: list[DivergenceCurve] = []
    for factor in FACTORS:
        try:
            curves.append(
                kantz_curve(x, dt, theiler=theiler, correlation=factor * correlation, references=references, seed=seed)
            )
        except (DataError, SpecError):  # half the radius may leave too few neighbours
            if not curves:
                raise
    return curves
