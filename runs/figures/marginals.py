"""Marginal densities of each column, of truth and reconstruction on the same bins."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dsr.series import TimeSeries

from .style import FILLED, RECONSTRUCTION, SINGLE, canvas, no_free_run, styled

MOST_COLUMNS, BEYOND = 6, 0.5
PEAK, KEPT = 8.0, 3.0  # a free run that peaks so many times higher than the truth is cut at so many times its height


@styled
def marginals(
    truth: TimeSeries,
    generated: TimeSeries | None,
    *,
    bins: int = 60,
    diverged_at: int | None = None,
    into: SubFigure | None = None,
) -> Figure:
    """Histograms with area 1, one panel per column (6 at most): truth as a grey area, free run as a line.

    The bins cover the truth and the free run as far as it lies within half a range of the truth; rows further out are
    counted below the panel, and are missing from the area. Where the spike of a free run that comes to rest would
    flatten the truth it is cut, and its height is told there.
    """
    shown = min(truth.dim, MOST_COLUMNS)
    wide = 1 if shown <= 3 else 2
    lines = -(-shown // wide)
    figure = canvas(into, SINGLE, 0.45 + 1.05 * lines)
    panels = figure.subplots(lines, wide, squeeze=False).ravel()
    for k, axes in enumerate(panels):
        if k >= shown:
            axes.set_axis_off()
            continue
        _draw(axes, truth, generated, k, bins, between=", " if wide == 1 else "\n")
    figure.supylabel("density (area 1)", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    remarks = [f"{truth.dim - shown} further columns are not shown"] if truth.dim > shown else []
    remarks += [no_free_run(diverged_at)] if generated is None else []
    if remarks:
        figure.supxlabel("; ".join(remarks), fontsize=7, x=0.99, ha="right")
    return figure


def _draw(axes: Axes, truth: TimeSeries, generated: TimeSeries | None, k: int, bins: int, between: str) -> None:
    """Both densities of column `k`; `between` its name and the remarks on it."""
    columns = [truth.values[:, k]] + ([] if generated is None else [generated.values[:, k]])
    low, high = columns[0].min(), columns[0].max()
    reach = BEYOND * ((high - low) or 1.0)
    if generated is not None:
        low = max(low - reach, min(low, columns[1].min()))
        high = min(high + reach, max(high, columns[1].max()))
    edges = np.linspace(low, high, bins + 1)
    width, top, told = edges[1] - edges[0], None, [truth.names[k]]
    density = [np.histogram(column, edges)[0] / (column.size * width) for column in columns]
    axes.stairs(density[0], edges, fill=True, color=FILLED, lw=0, label="truth")
    if generated is not None:
        axes.stairs(density[1], edges, color=RECONSTRUCTION, lw=1.0, label="free run")
        outside = 1.0 - density[1].sum() * width
        told += [f"free run {100 * outside:.3g}% outside"] if outside > 5e-4 else []
        if density[1].max() > PEAK * density[0].max():
            top = KEPT * density[0].max()
            told.append(f"free run up to {density[1].max():.3g}")
    axes.set_xlabel(between.join(told))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, top)
    axes.locator_params(axis="y", nbins=2)
