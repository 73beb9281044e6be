"""Figures that need an analysis of the recorded and generated series first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsr.fate import FIXED_POINT
from dsr.series import TimeSeries

from ... import analysis
from ...analysis.scorecard.forecasts import forecasts
from ...analysis.temporal.prediction import windows
from .. import figures
from .reason import NotApplicable, analysed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .material import RunMaterial

STARTS, SPAN = 100, 15  # forecasts, Lyapunov times of each
SKEWED = 1.0  # a column more lopsided than this (spikes) makes a poor section
MOST_ROWS = 20_000  # of correlation sums
FIELD = 8  # columns from which a flow counts as a field


def growth(run: RunMaterial) -> analysis.ErrorGrowth:
    """Error growth from 100 starts spread over the test series, over at most 15 Lyapunov times each."""
    test, context = run.test, run.model.min_context
    longest = 1000 if run.lyapunov_time is None else round(SPAN * run.lyapunov_time / test.dt)
    n = max(1, min(longest, (len(test) - context) // 2))
    rows = np.linspace(context - 1, len(test) - 1 - n, STARTS).astype(int)
    past = test.values[rows[:, None] + np.arange(1 - context, 1)]
    return analysis.error_growth(
        windows(test.values, rows, n), forecasts(run.model, past, n), dt=test.dt, lyapunov_exponent=run.rate,
        sd=test.values.std(0), time_unit=test.time_unit,
    )  # fmt: skip


def error_growth(run: RunMaterial) -> Figure:
    return figures.error_growth(growth(run), time_unit=run.test.time_unit, exponent=run.exponent)


def _moving(run: RunMaterial) -> None:
    """Refuses a run that came to rest: the tail of a decay has maxima, crossings and a scaling of its own."""
    outcome = run.measures["outcome"]
    if outcome["name"] == FIXED_POINT:
        raise NotApplicable(outcome["sentence"])


def maps_of_maxima(run: RunMaterial) -> tuple[analysis.ReturnMap, analysis.ReturnMap | None, str]:
    """Return maps of truth and free run, and the name of their column."""
    if run.test.time_unit == "iterations":
        raise NotApplicable("a map: its attractor is its return map")
    k = section_column(run.test)
    true = analysis.return_map(run.test.values[:, k], dt=run.test.dt, time_unit=run.test.time_unit)
    if len(true.pairs) < 2:
        raise NotApplicable(f"{run.test.names[k]} of the truth has fewer than three maxima")
    found = None
    if run.generated is not None:
        with analysed():
            found = analysis.return_map(run.generated.values[:, k], dt=run.test.dt)
    return true, found, run.test.names[k]


def return_maps(run: RunMaterial) -> Figure:
    _moving(run)
    true, found, name = maps_of_maxima(run)
    return figures.return_maps(true, found, name=name, diverged_at=run.lost)


def poincare_sections(run: RunMaterial) -> Figure:
    _moving(run)
    if run.test.time_unit == "iterations":
        raise NotApplicable("a map has no section")
    if run.test.dim < 3:
        raise NotApplicable(f"a section needs three columns, the series has {run.test.dim}")
    k = section_column(run.test)
    offset = float(run.test.values[:, k].mean())
    true, found = (
        None if s is None else analysis.poincare_section(s.values, dt=s.dt, normal=k, offset=offset)
        for s in (run.test, run.generated)
    )
    if true is None or len(true.points) < 2:
        raise NotApplicable(f"the truth hardly crosses {run.test.names[k]} = {offset:.3g}")
    i, j = (c for c in range(run.test.dim) if c != k) if run.test.dim == 3 else (c for c in range(3) if c != min(k, 2))
    return figures.poincare_sections(true, found, names=run.test.names, columns=(i, j), diverged_at=run.lost)


def section_column(series: TimeSeries) -> int:
    """The last of up to three columns, or where that is lopsided (it spikes) the most symmetric of them."""
    if series.dim > 3:
        return 0
    standard = (series.values - series.values.mean(0)) / series.values.std(0)
    skewness = np.abs((standard**3).mean(0))
    return series.dim - 1 if skewness[-1] < SKEWED else int(skewness.argmin())


def correlation_sums(run: RunMaterial) -> Figure:
    _moving(run)
    sd = run.test.values.std(0)
    if run.test.dim == 1:
        embedding = analysis.choose_embedding(run.test.values[:MOST_ROWS])
        clouds = [None if s is None else embedding.apply(s.values[:MOST_ROWS] / sd) for s in (run.test, run.generated)]
    else:
        clouds = [None if s is None else s.values[:MOST_ROWS] / sd for s in (run.test, run.generated)]
    true = analysis.correlation_dimension(clouds[0])
    theiler = true.correlation_sum.settings["theiler"]
    found = None
    if clouds[1] is not None and run.lost is None:
        found = analysis.correlation_dimension(clouds[1], theiler=theiler)
    return figures.correlation_sums(true, found, unit="sd of each column of the truth")


def space_time(run: RunMaterial) -> Figure:
    if run.test.time_unit == "iterations" or run.test.dim < FIELD:
        raise NotApplicable(f"{run.test.dim} column{'s' if run.test.dim > 1 else ''} are no field")
    return figures.space_time(run.test, run.generated, lyapunov_time=run.lyapunov_time, diverged_at=run.lost)
