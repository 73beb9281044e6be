"""Kaplan-Yorke dimension: the attractor dimension that a Lyapunov spectrum implies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.measure import Measure

from .spectrum_errors import in_falling_order, standard_error

EXACT = 1e-3  # of an exponent's error: what rounding may leave of a sum that is known exactly


def kaplan_yorke_dimension(exponents: Any, stderr: Any = None, *, covariance: Any = None) -> Measure:
    """D_KY = j + (lambda_1 + ... + lambda_j) / |lambda_(j+1)|, the last j with a sum not below 0.

    Parameters
    ----------
    exponents : (k,), in any order; k may be smaller than the number of states.
    stderr : (k,) standard errors, propagated as if the exponents were independent.
    covariance : (k, k), used instead of `stderr` where it is known.

    Returns
    -------
    Measure "Kaplan-Yorke dimension": 0 when all exponents are negative (fixed point). If the largest exponent is
    within two standard errors of zero, it and those that follow it count as zero as long as each of them and their
    sum is within two of its own: a limit cycle has dimension 1, a torus that of its independent frequencies. When
    the sum of all given exponents is not negative the value is k, with a note: the attractor fills the space, or more
    exponents are needed.

    Source: Kaplan & Yorke 1979; Frederickson et al., doi:10.1016/0022-0396(83)90011-6.
    """
    values, spread = in_falling_order(exponents, stderr, covariance)
    name, settings = "Kaplan-Yorke dimension", {"exponents": int(values.size)}
    if not values.size or np.isnan(values).any():
        return Measure(name, math.nan, settings=settings, note="no finite spectrum")
    size = float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        values, spread = values / size, spread / size / size  # the dimension has no unit
        values[: _neutral(values, np.nan_to_num(spread))] = 0.0
    sums = np.cumsum(values)
    if sums[-1] >= 0:
        note = "the exponents never sum to less than zero: a space-filling attractor, or too few exponents"
        return Measure(name, float(values.size), settings=settings, note=note)
    j = int(np.argmax(sums < 0))
    if j == 0:
        return Measure(name, 0.0, 0.0, 0.0, settings=settings)
    following, total = abs(values[j]), sums[j - 1]
    value = j + total / following
    slope = np.append(np.full(j, 1 / following), total / following / following)  # of D_KY in the first j + 1 exponents
    with np.errstate(over="ignore", invalid="ignore"):
        error = standard_error(slope @ spread[: j + 1, : j + 1] @ slope)
    return Measure(name, float(value), value - error, value + error, settings=settings)


def _neutral(values: np.ndarray, spread: np.ndarray) -> int:
    """How many leading exponents are not told from zero, neither singly nor in their sum."""
    errors = np.sqrt(np.maximum(np.diag(spread), 0.0))
    for j, value in enumerate(values):
        known = standard_error(spread[: j + 1, : j + 1].sum()) + EXACT * errors[j]
        if not (abs(value) <= 2 * errors[j] and abs(values[: j + 1].sum()) <= 2 * known):
            return j
    return values.size
