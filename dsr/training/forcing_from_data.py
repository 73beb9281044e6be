"""Forcing interval and forcing strength estimated from a time series, before any model exists."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from ..errors import DataError
from ..series import TimeSeries
from ..timescales import autocorrelation_time, mutual_information_delay
from .arguments import require_series
from .data_exponent import DataExponent

LONGEST = 100  # steps: no interval that is read off correlations is longer
FEWEST = 5  # rows that have an interval
WEAKEST, STRONGEST = 0.02, 0.9  # forcing strength


def forcing_strength(series: TimeSeries, *, points: int = 500, seed: int = 0) -> float:
    """alpha = 1 - 1/s, s the geometric mean of the spectral norms of the one-step Jacobians, here fitted to the
    data by local linear regression over 200 neighbours of `points` random rows; clipped to [0.02, 0.9]. Rows that
    repeat exactly, as on a stable cycle of a map, have the norm 0: nothing grows, and alpha is 0.02.

    The bound keeps the Jacobian product of the forced model from growing (Hess et al., arXiv:2306.04406, proposition
    3). On clean Lorenz-63 data (dt 0.01), 10,000 to 100,000 rows, 40 to 1600 neighbours give 0.08 to 0.12. With 5 %
    observation noise 200 give 0.04 at 10,000 rows and 0.08 at 100,000, but 40 give 0.15 and 0.3, because noise across
    so small a neighbourhood looks like expansion.
    """
    require_series(series, "data to estimate a forcing from")
    _require_rows(series, series.dim + 3)
    series.require_variation()
    values = (series.values - series.values.mean(0)) / series.values.std(0)
    now, nxt = values[:-1], values[1:]
    neighbours = min(max(200, 8 * series.dim), max(len(now) // 10, series.dim + 2))
    rows = np.random.default_rng(seed).choice(len(now), min(points, len(now)), replace=False)
    _, index = cKDTree(now).query(now[rows], k=neighbours)
    norms = []
    for near in index:
        centred = now[near] - now[near].mean(0)
        fit = np.linalg.lstsq(centred, nxt[near] - nxt[near].mean(0), rcond=1e-3)[0]
        norms.append(np.linalg.norm(fit, 2))
    if not all(norms):
        return WEAKEST
    return float(np.clip(1.0 - np.exp(-np.mean([np.log(norm) for norm in norms])), WEAKEST, STRONGEST))


def forcing_interval(series: TimeSeries, rule: str) -> int:
    """Steps between full forcings, by a rule of `TAU_RULES`:

    autocorrelation : the autocorrelation has fallen to 1/e. mutual_information : first minimum of the delayed mutual
        information. earliest : the earlier of these two. All three are medians over the columns, at most 100 steps.
    predictability : ln 2 / lambda_1, the time in which errors double (Mikhaeil et al., arXiv:2110.07238), with
        lambda_1 estimated from the data. On Lorenz-63 at dt 0.01 that is 77 steps: found are 67 to 92 from 10,000 clean
        rows and 72 to 82 from 100,000, but 92 to 124 and 101 to 112 with 5 % noise, which hides part of the growth.
        Raises `DataError` for data that show no growth.

    The first three know nothing of chaos; on the same data, clean or noisy, they give 21 to 24, 16, and 15 or 16 steps.
    """
    require_series(series, "data to estimate a forcing from")
    _require_rows(series, FEWEST)
    return TAU_RULES[rule](series)


def _require_rows(series: TimeSeries, fewest: int) -> None:
    if len(series) < fewest:
        raise DataError(
            f"{len(series)} rows to estimate a forcing from",
            f"{fewest} rows or more",
            "bring a longer series, or give the forcing its numbers",
        )


def _autocorrelation(series: TimeSeries) -> int:
    return _median(autocorrelation_time(series.values), series)


def _mutual_information(series: TimeSeries) -> int:
    return _median(_information_delays(series), series)


def _earliest(series: TimeSeries) -> int:
    return _median(np.minimum(autocorrelation_time(series.values), _information_delays(series)), series)


def _predictability(series: TimeSeries) -> int:
    exponent = DataExponent([series]).value
    if not exponent > 0:
        raise DataError(
            "a series in which close states do not part exponentially, as far as it can tell",
            "chaotic data that return often",
            "give forcing.tau, or set forcing.tau_rule = 'earliest'",
        )
    return max(1, round(math.log(2) / (exponent * series.dt)))


def _information_delays(series: TimeSeries) -> np.ndarray:
    return np.array([mutual_information_delay(column, max_lag=_longest(series)) for column in series.values.T])


def _longest(series: TimeSeries) -> int:
    return min(LONGEST, len(series) // 4)


def _median(lags: np.ndarray, series: TimeSeries) -> int:
    return int(np.clip(np.median(lags), 1, _longest(series)))


TAU_RULES: dict[str, Callable[[TimeSeries], int]] = {
    "autocorrelation": _autocorrelation,
    "mutual_information": _mutual_information,
    "earliest": _earliest,
    "predictability": _predictability,
}
