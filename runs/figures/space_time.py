"""Space-time plot of a field: truth above, free run below, on one colour scale."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from dsr.series import TimeSeries

from .style import SINGLE, no_free_run, say, styled, time_label

MOST_ROWS = 1500
LYAPUNOV_TIMES, PERIODS = 10, 400  # drawn; rows without a Lyapunov time


@styled
def space_time(
    truth: TimeSeries,
    generated: TimeSeries | None,
    *,
    lyapunov_time: float | None = None,
    quantity: str = "field",
    diverged_at: int | None = None,
) -> Figure:
    """Columns of the series as places from bottom to top, time to the right, ten Lyapunov times of each.

    The free run is not aligned with the truth in time: patterns compare, not places. Colours span the truth and are
    told apart in grey; a free run beyond them has the colour of the end.
    """
    rows = len(truth)
    if lyapunov_time is not None:
        rows = min(rows, max(20, round(LYAPUNOV_TIMES * lyapunov_time / truth.dt)) + 1)
    else:
        rows = min(rows, PERIODS)
    step = max(1, rows // MOST_ROWS)
    unit = lyapunov_time or 1.0
    low, high = truth.values[:rows].min(), truth.values[:rows].max()
    figure = Figure(figsize=(SINGLE, 3.3), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, name, series in zip(panels, ("truth", "free run (not aligned in time)"), (truth, generated), strict=True):
        axes.set_title(name)
        if series is None:
            say(axes, no_free_run(diverged_at))
            continue
        values = series.values[:rows:step].T
        times = np.arange(values.shape[1] + 1) * truth.dt * step / unit
        mesh = axes.pcolormesh(
            times, np.arange(truth.dim + 1) + 0.5, values, cmap="cividis", vmin=low, vmax=high, rasterized=True
        )
        axes.set_ylabel("column")
    panels[0].set_xlim(0, (rows - 1) * truth.dt / unit)
    panels[1].set_xlabel("time (Lyapunov times)" if lyapunov_time else time_label(truth.time_unit))
    bar = figure.colorbar(mesh, ax=list(panels), aspect=30, pad=0.02)
    bar.set_label(quantity)
    bar.ax.tick_params(labelsize=7, width=0.6)
    return figure
