"""A score against something that was swept - switching units, rows of data, noise - with its floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from dsr.measure import Floor

from .forest import BAND
from .style import FILLED, FORECAST, RECONSTRUCTION, SINGLE, say, styled


@styled
def score_sweep(
    swept: Sequence[float],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    swept_name: str,
    label: str,
    floor: Floor | Sequence[Floor] | None = None,
    lost: Sequence[int] | None = None,
    logarithmic: bool = False,
) -> Figure:
    """Values with their intervals joined by a line; grey band: 5 to 95 % of the floor, one or one per swept value.

    Parameters
    ----------
    swept, values, low, high : (n,); ascending or not. swept_name, label : of the axes, with units.
    lost : (n,) runs that diverged, collapsed or failed, whether the value has their numbers or not; a positive count
    stands at the upper edge, and the marker below it is hollow.
    logarithmic : the swept axis. The score's axis is logarithmic where the drawn values span more than a decade.
    """
    figure = Figure(figsize=(SINGLE, 2.5), layout="constrained")
    axes = figure.subplots()
    x = np.asarray(swept, dtype=float)
    order = np.argsort(x, kind="stable")
    x, (y, a, b) = x[order], (np.asarray(v, dtype=float)[order] for v in (values, low, high))
    known = np.isfinite(y)
    if not known.any():
        say(axes, "no run has a score")
        return figure
    floors = [] if floor is None else [floor] * len(x) if isinstance(floor, Floor) else [floor[i] for i in order]
    if floors:
        edges = _edges(x, logarithmic) if len({*floors}) == 1 else x
        lows, medians, highs = ([getattr(f, key) for f in floors] for key in ("low", "median", "high"))
        axes.fill_between(edges, lows, highs, color=BAND, lw=0, label="floor, 5 to 95 %")
        axes.plot(edges, medians, color=FILLED, lw=1.0)
    errors = np.nan_to_num([y - a, b - y]).clip(0)
    axes.errorbar(x[known], y[known], errors[:, known], color=RECONSTRUCTION, marker="o", ms=4, capsize=2, label="runs")
    counts = np.zeros(len(x), int) if lost is None else np.asarray(lost)[order]
    hollow = known & (counts > 0)
    if hollow.any():
        axes.plot(x[hollow], y[hollow], "o", color=RECONSTRUCTION, mfc="white", ms=4, ls="none", zorder=3)
    spanned = np.concatenate([y[known], [q for f in floors for q in (f.low, f.high)]])
    if spanned.min() > 0 and spanned.max() > 10 * spanned.min():
        axes.set_yscale("log")
    if logarithmic:
        axes.set_xscale("log")
    else:
        axes.margins(x=0.06)
    if len(x) <= 8:
        axes.set_xticks(x)
        axes.xaxis.set_major_formatter(ScalarFormatter() if x.max() < 1e4 else lambda v, _: f"{v:,.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    for place, count in zip(x, counts, strict=True):
        if count:
            axes.annotate(f"{count} lost", (place, 1.0), (0, 2), xycoords=("data", "axes fraction"), ha="center",
                          textcoords="offset points", fontsize=7, color=FORECAST, annotation_clip=False)  # fmt: skip
    axes.set_xlabel(swept_name)
    axes.set_ylabel(label)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def _edges(x: np.ndarray, logarithmic: bool) -> np.ndarray:
    """The swept values with the outer ones moved out, so that a constant band runs across the panel."""
    edges = x.copy()
    if len(x) > 1:
        if logarithmic:
            edges[0], edges[-1] = x[0] * (x[0] / x[-1]) ** 0.1, x[-1] * (x[-1] / x[0]) ** 0.1
        else:
            edges[0], edges[-1] = x[0] - 0.1 * (x[-1] - x[0]), x[-1] + 0.1 * (x[-1] - x[0])
    return edges
