"""Autocorrelation and mutual information against lag, with errors from blocks of time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure
from dsr.points import only_column
from dsr.timescales import autocorrelation, first_minimum, mutual_information, quantile_classes

from ..magnitude import of_order_one

BLOCKS = 8


@dataclass(frozen=True, eq=False)
class LagCurve:
    """A function of the lag, of one observable.

    lags (lags,) in units of time. values (lags,). errors (lags,): the standard error over blocks of time; NaN where
    the blocks are too short for the lags. measure: the time scale read off the curve.
    """

    lags: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    measure: Measure


def autocorrelation_curve(
    x: Any, *, dt: float, max_lag: int, blocks: int = BLOCKS, time_unit: str = "time units"
) -> LagCurve:
    """Autocorrelation of one column (time,) at lags 0 .. max_lag steps.

    Returns
    -------
    LagCurve; `measure` is the "autocorrelation time", the first lag with a value below 1/e, linear between lags. NaN
    with a note where the curve does not fall so far.

    When it misleads: two-point only, the same for a phase surrogate. The estimate is biased towards zero at lags that
    are not small against the series, and more so in the blocks of the error.
    """

    def curve(column: np.ndarray) -> np.ndarray:
        return autocorrelation(column)[: max_lag + 1, 0]

    def scale(values: np.ndarray) -> float:
        below = np.flatnonzero(values < math.exp(-1.0))
        if not below.size:
            return math.nan
        k = int(below[0])
        return k - 1 + float((values[k - 1] - math.exp(-1.0)) / (values[k - 1] - values[k]))

    note = f"the autocorrelation stays above 1/e up to lag {max_lag}"
    return _lag_curve("autocorrelation time", x, dt, max_lag, blocks, time_unit, curve, scale, note, {})


def mutual_information_curve(
    x: Any, *, dt: float, max_lag: int, bins: int = 32, blocks: int = BLOCKS, time_unit: str = "time units"
) -> LagCurve:
    """Mutual information of x(t) and x(t + lag) in nats of one column (time,) at lags 0 .. max_lag steps.

    bins : quantile classes, fewer where values coincide. The bias of a finite record, (pairs of classes that occur -
        classes that occur first - second + 1) / (2 pairs of rows), is subtracted at lags above 0.

    Returns
    -------
    LagCurve; `measure` is the "mutual information delay", the lag of the first minimum (as
    `mutual_information_delay`, which does the embedding).

    When it misleads: the size of the values moves with `bins` (a continuous noise-free series has no finite value at
    lag 0); their course does not. With fewer than four rows to a cell (bins^2) pairs are missed by chance, and 0.01
    nats of bias remain, 0.25 with one row to a cell. Source: Fraser & Swinney, doi:10.1103/PhysRevA.33.1134; the bias:
    Roulston, doi:10.1016/S0167-2789(98)00269-3.
    """
    if bins < 2:
        raise SpecError(f"bins = {bins}", "2 and more", "use the default 32")

    def curve(column: np.ndarray) -> np.ndarray:
        return mutual_information(column, max_lag, bins) - _information_bias(column, max_lag, bins)

    def scale(values: np.ndarray) -> float:
        return float(first_minimum(values)) if values.size > 2 else math.nan

    note = "a minimum needs three lags"
    settings = {"bins": bins}
    return _lag_curve("mutual information delay", x, dt, max_lag, blocks, time_unit, curve, scale, note, settings)


def _information_bias(column: np.ndarray, max_lag: int, bins: int) -> np.ndarray:
    """Expected excess (max_lag + 1,) of the information over the true one, from the cells that are occupied."""
    codes, bias = quantile_classes(column, bins), np.zeros(max_lag + 1)
    for lag in range(1, max_lag + 1):
        first, second = codes[:-lag], codes[lag:]
        pairs, ones, others = (np.unique(c).size for c in (first * bins + second, first, second))
        bias[lag] = (pairs - ones - others + 1) / 2 / first.size
    return bias


def _lag_curve(
    name: str,
    x: Any,
    dt: float,
    max_lag: int,
    blocks: int,
    unit: str,
    curve: Callable[[np.ndarray], np.ndarray],
    scale: Callable[[np.ndarray], float],
    note: str,
    settings: dict[str, Any],
) -> LagCurve:
    column = only_column(of_order_one(x, rows=4)[0])
    if not 1 <= max_lag < len(column) - 1 or blocks < 0:
        raise SpecError(
            f"max_lag = {max_lag} for {len(column)} rows, blocks = {blocks}",
            "max_lag 1 .. rows - 2, blocks from 0",
            "choose a smaller max_lag",
        )
    column = (column - column.min()) / (column.max() - column.min())
    values = curve(column)
    stretches = np.array_split(column, blocks) if blocks >= 2 else []
    usable = [s for s in stretches if s.size > 2 * max_lag and s.size > 8 and s.max() > s.min()]
    parts = len(usable) if len(usable) == len(stretches) else 0
    errors, error, value = np.full(max_lag + 1, np.nan), math.nan, scale(values)
    if parts > 1:
        curves = [curve(s) for s in usable]
        errors = np.std(curves, axis=0, ddof=1) / math.sqrt(parts)
        error = float(np.std([scale(c) for c in curves], ddof=1)) / math.sqrt(parts)
    settings = {"max_lag": max_lag, "length": column.size, "blocks": parts, **settings}
    low, high = (value + s * error for s in (-1, 1))
    note = note if math.isnan(value) else ""
    measure = Measure(name, value * dt, low * dt, high * dt, unit, settings, note=note)
    return LagCurve(dt * np.arange(max_lag + 1), values, errors, measure)
