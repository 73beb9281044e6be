"""Largest Lyapunov exponent from a trajectory alone, by the divergence of neighbours (Rosenstein)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.divergence_curve import DivergenceCurve as DivergenceCurve
from dsr.divergence_curve import divergence_curve
from dsr.measure import Measure

from ..units import rate_unit

NAME = "lambda_1 from data"
STARTS, STOPS, STOP = (0.5, 1.0, 1.5), (0.5, 0.6, 0.7), 0.6


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
    slopes = [curve.slope(max(1, round(s * start)), stop) for s in STARTS for stop in STOPS]
    value = curve.slope(start, STOP)
    if math.isnan(value):
        note = "no scaling region"
        return Measure(NAME, math.nan, unit=unit, settings=settings, note=note)
    settings["horizon"] = float(curve.times[-1])
    return Measure(NAME, value, float(np.nanmin(slopes)), float(np.nanmax(slopes)), unit, settings)
