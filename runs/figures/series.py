"""Time series of the truth with a prediction from its first state, beside a stretch of the free run."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dsr.series import TimeSeries
from dsr.timescales import autocorrelation_time

from ...analysis import valid_prediction_time
from .stretches import MOST_POINTS, joined, thinned
from .style import DOUBLE, FORECAST, RECONSTRUCTION, TRUTH, canvas, no_free_run, say, shortened, styled, time_label

MOST_COLUMNS = 6
LYAPUNOV_TIMES = 10
ITERATIONS = 60
LETTERS = 14  # of the name of a column
SPAN = 100, 300  # autocorrelation times: drawn without a Lyapunov time, and drawn at most


@styled
def series(
    truth: TimeSeries,
    generated: TimeSeries | None,
    forecast: Any = None,
    lyapunov_time: float | None = None,
    *,
    diverged_at: int | None = None,
    most: int = MOST_COLUMNS,
    into: SubFigure | None = None,
) -> Figure:
    """Left: truth and, if given, the prediction that starts from its first row. Right: the free run.

    Parameters
    ----------
    forecast : (n, dim), row i is i + 1 steps after the first row of `truth`. The valid prediction time (error
        above 0.4, as in `valid_prediction_time`) is marked and named.
    lyapunov_time : 1 / lambda_1 of the truth; with it the time axis is in Lyapunov times, and 10 are drawn.
    diverged_at : the step at which the free run was lost. most : columns drawn; the valid time is of all columns.

    The free run is not aligned with the truth in time: only shapes and rhythms compare. One row of panels
    per column.
    """
    shown = min(truth.dim, most)
    unit = lyapunov_time or 1.0
    valid = 0 if forecast is None else _valid_steps(truth, np.asarray(forecast, dtype=np.float64))
    rows = _rows(truth, lyapunov_time, valid)
    figure = canvas(into, DOUBLE, 0.75 + 1.0 * shown)
    panels = figure.subplots(shown, 2, sharex="col", sharey="row", squeeze=False)
    style: dict[str, Any] = {} if joined(truth) else {"marker": ".", "ms": 3, "lw": 0.4}
    for k in range(shown):
        left, right = panels[k]
        _line(left, truth.values[:rows, k], truth.dt / unit, color=TRUTH, label="truth", **style)
        if forecast is not None:
            predicted = np.asarray(forecast)[: rows - 1, k]
            predicted = np.concatenate([truth.values[:1, k], predicted])
            _line(left, predicted, truth.dt / unit, color=FORECAST, label="prediction", **style)
            left.axvline(valid * truth.dt / unit, color="black", lw=0.6, ls=":")
        if generated is not None:
            _line(
                right,
                generated.values[:rows, k],
                truth.dt / unit,
                color=RECONSTRUCTION,
                label="free run",
                **style,
            )
        left.set_ylabel(shortened(truth.names[k], LETTERS))
        _limit(left, truth, generated, rows, k)
    _title(panels[0], truth, forecast, valid, unit, lyapunov_time)
    if generated is None:
        for axes in panels[:, 1]:
            say(axes, "")
        say(panels[shown // 2, 1], no_free_run(diverged_at))
        panels[0, 1].set_title("")
    elif diverged_at is not None:
        panels[0, 1].set_title(f"free run, diverged at step {diverged_at:,}")
    label = "time (Lyapunov times)" if lyapunov_time else time_label(truth.time_unit)
    for axes in panels[-1]:
        axes.set_xlabel(label)
        axes.set_xlim(0, (rows - 1) * truth.dt / unit)
    entries = [axes.get_legend_handles_labels() for axes in panels[0]]
    figure.legend(entries[0][0] + entries[1][0], entries[0][1] + entries[1][1], loc="outside upper left", ncols=3)
    if truth.dim > shown:
        count = truth.dim - shown
        hidden = "1 further column is" if count == 1 else f"{count} further columns are"
        figure.supxlabel(f"{hidden} not shown", fontsize=7, x=0.99, ha="right")
    return figure


def _title(top: np.ndarray, truth: TimeSeries, forecast: Any, valid: int, unit: float, lyapunov: Any) -> None:
    top[1].set_title("free run (not aligned in time)")
    if forecast is None:
        top[0].set_title("truth")
        return
    capped = "at least " if valid >= len(forecast) else ""
    name = "Lyapunov times" if lyapunov else truth.time_unit
    top[0].set_title(f"prediction, valid for {capped}{valid * truth.dt / unit:.3g} {name}")


def _valid_steps(truth: TimeSeries, forecast: np.ndarray) -> int:
    n = min(len(forecast), len(truth) - 1)
    true = truth.values[None, 1 : n + 1]
    return round(valid_prediction_time(true, forecast[None, :n], dt=1.0, sd=truth.values.std(0)).value)


def _rows(truth: TimeSeries, lyapunov_time: float | None, valid: int) -> int:
    if not joined(truth):
        rows = ITERATIONS
    else:
        correlated = float(np.median(autocorrelation_time(truth.values[:MOST_POINTS])))
        rows = round(SPAN[0] * correlated)
        if lyapunov_time:
            rows = min(round(LYAPUNOV_TIMES * lyapunov_time / truth.dt), round(SPAN[1] * correlated))
    rows = max(rows, 20, round(1.3 * valid))
    return min(rows + 1, len(truth))


def _line(axes: Axes, column: np.ndarray, step: float, **style: Any) -> None:
    times = np.arange(len(column)) * step
    axes.plot(thinned(times, MOST_POINTS), thinned(column, MOST_POINTS), **style)


def _limit(axes: Axes, truth: TimeSeries, generated: TimeSeries | None, rows: int, k: int) -> None:
    low, high = truth.values[:, k].min(), truth.values[:, k].max()
    span = (high - low) or 1.0
    if generated is not None:
        low = max(low - 0.5 * span, min(low, generated.values[:rows, k].min()))
        high = min(high + 0.5 * span, max(high, generated.values[:rows, k].max()))
    axes.set_ylim(low - 0.05 * span, high + 0.05 * span)
