"""Pesin entropy: the rate at which a chaotic system creates information, from its positive exponents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.measure import Measure

from ..units import rate_unit
from .spectrum_errors import in_falling_order, standard_error

NAME = "Pesin entropy"


def pesin_entropy(
    exponents: Any, stderr: Any = None, *, covariance: Any = None, time_unit: str = "time units"
) -> Measure:
    """h = the sum of the positive exponents, in nats per unit of time.

    Parameters
    ----------
    exponents : (k,), in any order.
    stderr, covariance : (k,) or (k, k), propagated as in `kaplan_yorke_dimension`.
    time_unit : of the exponents.

    Returns
    -------
    Measure "Pesin entropy". Exponents within two standard errors of zero count as zero: the neutral direction of
    a flow creates no information, and the sign of its rounding must not decide. 0 with error 0 where no exponent is
    clearly positive. Where all given exponents are positive there may be more, and the note calls the value a lower
    bound; NaN with a note without a finite spectrum.

    It equals the Kolmogorov-Sinai entropy for systems with an SRB measure and bounds it from above otherwise
    (Ruelle): entropies of symbols on a generating partition must not exceed it. Source: Pesin 1977,
    doi:10.1070/RM1977v032n04ABEH001639; Ruelle, doi:10.1007/BF02584795.
    """
    values, spread = in_falling_order(exponents, stderr, covariance)
    settings, unit = {"exponents": int(values.size)}, rate_unit(time_unit)
    if not values.size or np.isnan(values).any():
        return Measure(NAME, math.nan, unit=unit, settings=settings, note="no finite spectrum")
    known = np.nan_to_num(np.diag(spread))
    positive = values > 2 * np.sqrt(np.maximum(known, 0.0))
    value = float(values[positive].sum())
    if not positive.any():
        return Measure(NAME, 0.0, 0.0, 0.0, unit, settings)
    error = standard_error(spread[np.ix_(positive, positive)].sum())
    note = "all exponents given are positive: a lower bound if there are more" if positive.all() else ""
    return Measure(NAME, value, value - error, value + error, unit, settings, note=note)
