"""Forest plot: one value with its interval per line, against a floor."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dsr.measure import Floor

from .style import FAINT, FILLED, RECONSTRUCTION, SINGLE, say, styled

LINE = 0.2  # inches
BAND = "#dcdcdc"


@styled
def forest(
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    label: str,
    floor: Floor | None = None,
    truth: tuple[float, float] | None = None,
    remarks: Sequence[str] = (),
    logarithmic: bool = False,
) -> Figure:
    """One line per name, in the order given: a dot at the value, a bar from `low` to `high`. Where these are NaN (a
    single run) the dot is hollow.

    Parameters
    ----------
    label : of the axis, with the unit. floor : its 5 to 95 % quantiles are the grey band, its median the line in it.
    truth : value and standard error of the truth, drawn as a line with a band of one standard error.
    remarks : one text per line, at the right ("2 of 10 diverged"); empty for none.
    logarithmic : for positive scores that span decades.

    A line without a finite value keeps its name and remark, and has no dot.
    """
    figure = Figure(figsize=(SINGLE, 0.75 + LINE * max(len(names), 1)), layout="constrained")
    axes = figure.subplots()
    if not len(names):
        say(axes, "nothing to compare")
        return figure
    draw_forest(axes, names, values, low, high)
    if logarithmic:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    if floor is not None:
        axes.axvspan(floor.low, floor.high, color=BAND, lw=0, zorder=0, label="floor, 5 to 95 %")
        axes.axvline(floor.median, color=FILLED, lw=1.0, zorder=0.5)
    if truth is not None:
        axes.axvspan(truth[0] - truth[1], truth[0] + truth[1], color=FAINT, lw=0, zorder=0)
        axes.axvline(truth[0], color="black", lw=0.8, zorder=0.5, label="truth")
    for place, remark in enumerate(remarks):
        axes.annotate(remark, (1.0, place), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", fontsize=7, annotation_clip=False)  # fmt: skip
    axes.set_xlabel(label)
    if floor is not None or truth is not None:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def draw_forest(
    axes: Axes, names: Sequence[str], values: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> None:
    """Dots and bars on axes of a larger figure; names on the left, the first at the top."""
    for place, (value, a, b) in enumerate(zip(values, low, high, strict=True)):
        if not math.isfinite(value):
            continue
        known = np.isfinite([a, b]).all()
        fill = {"mew": 0} if known else {"mew": 1, "mfc": "white"}
        axes.plot(value, place, "o", ms=4, color=RECONSTRUCTION, **fill)
        if known:
            axes.plot([a, b], [place, place], color=RECONSTRUCTION, lw=1.2, solid_capstyle="butt")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
