"""A run on one page: the other figures, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from dsr.measure import Measure
from dsr.series import TimeSeries

from ...analysis import ErrorGrowth, LyapunovSpectrum, ReturnMap, Row
from .attractor import attractor
from .error_growth import error_growth
from .lyapunov_bars import lyapunov_bars
from .marginals import marginals
from .return_maps import return_maps
from .scorecard import scorecard
from .series import series
from .style import DOUBLE, say, styled

HEIGHTS = (2.75, 1.65, 2.45, 2.8, 2.1)  # inches: attractor, series, two rows of pairs, scores
TITLE = 0.4


@styled
def run_summary(
    *,
    title: str,
    outcome: str,
    truth: TimeSeries,
    generated: TimeSeries | None,
    forecast: Any,
    lyapunov_time: float | None,
    growth: ErrorGrowth,
    maps: tuple[ReturnMap, ReturnMap | None, str] | None,
    truth_spectrum: LyapunovSpectrum | None,
    spectrum: LyapunovSpectrum | None,
    rows: Sequence[Row],
    diverged_at: int | None = None,
    exponent: Measure | None = None,
) -> Figure:
    """One page of two columns' width; every part is the figure of that name and says what it says there.

    Of the series one column is shown, of the densities up to three. maps : return maps of truth and free run, and the
    name of their column; None where there is none (maps).
    """
    figure = Figure(figsize=(DOUBLE, sum(HEIGHTS) + TITLE), layout="constrained")
    figure.suptitle(f"{title}\n{outcome}", x=0.01, ha="left", fontsize=8)
    parts: Any = figure.subfigures(5, 1, height_ratios=HEIGHTS)
    top, stretch, middle, lower, bottom = parts
    attractor(truth, generated, diverged_at=diverged_at, into=top)
    series(truth, generated, forecast, lyapunov_time, diverged_at=diverged_at, most=1, into=stretch)
    left, right = middle.subfigures(1, 2)
    marginals(_columns(truth, 3), _columns(generated, 3), diverged_at=diverged_at, into=left)
    if maps is None:
        say(right.subplots(), "no return map of maxima")
    else:
        return_maps(maps[0], maps[1], name=maps[2], diverged_at=diverged_at, into=right)
    left, right = lower.subfigures(1, 2)
    error_growth(growth, time_unit=truth.time_unit, exponent=exponent, into=left)
    lyapunov_bars(truth_spectrum, spectrum, diverged_at=diverged_at, into=right)
    scorecard(rows, into=bottom)
    return figure


def _columns(series: Any, count: int) -> Any:
    """The first columns of a series."""
    if series is None or series.dim <= count:
        return series
    return TimeSeries(series.values[:, :count], series.dt, series.time_unit, series.names[:count])
