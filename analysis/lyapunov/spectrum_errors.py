"""Exponents with the covariance of their errors, in falling order, as derived quantities need them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import DataError


def in_falling_order(exponents: Any, stderr: Any, covariance: Any) -> tuple[np.ndarray, np.ndarray]:
    """Exponents (k,) and covariance (k, k): that given, else independent errors, else NaN.

    Raises `DataError` for shapes that do not fit, or an exponent of +inf.
    """
    values = np.asarray(exponents, dtype=np.float64)
    shapes = [(stderr, (values.size,)), (covariance, (values.size, values.size))]
    if values.ndim != 1 or any(given is not None and np.shape(given) != wanted for given, wanted in shapes):
        got = f"exponents of shape {values.shape} with errors of shape {np.shape(stderr)}, {np.shape(covariance)}"
        raise DataError(got, "(k,) exponents, (k,) stderr, (k, k) covariance", "pass one spectrum")
    if (values == np.inf).any():
        raise DataError("an exponent of +inf", "finite exponents, or -inf", "look for the member that diverged")
    spread = np.full((values.size, values.size), np.nan)
    if covariance is not None:
        spread = np.asarray(covariance, dtype=np.float64)
    elif stderr is not None:
        spread = np.diag(np.asarray(stderr, dtype=np.float64) ** 2)
    order = np.argsort(-values)
    return values[order], spread[np.ix_(order, order)]


def standard_error(variance: float) -> float:
    """Its square root; rounding below zero counts as zero, and what is unknown stays NaN."""
    return math.nan if math.isnan(variance) else math.sqrt(max(0.0, variance))
