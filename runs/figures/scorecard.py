"""Scores of a free run in units of their floors, beside those of what is known to be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ...analysis import Row
from ...analysis.scorecard.normalised import ceiling, verdict
from .style import DOUBLE, FORECAST, RECONSTRUCTION, SURROGATE, canvas, say, styled, typeset

ROW = 0.26  # inches
BAND = "#dcdcdc"
MARKS = (
    ("reconstruction", "o", RECONSTRUCTION),
    ("surrogate", "^", SURROGATE),
    ("gaussian", "s", FORECAST),
)
NAMES = {"reconstruction": "free run", "surrogate": "phase surrogate", "gaussian": "Gaussian noise"}


@styled
def scorecard(rows: Sequence[Row], *, into: SubFigure | None = None) -> Figure:
    """One line for each row that is a distance to the truth and has a floor: the grey band are the 5 and 95 % quantiles
    of the floor, the axis is the score over the floor's median, logarithmic.

    A score of zero is drawn at the left edge. On the right the score itself, and "= truth" where it lies below the 95 %
    quantile of at least 20 pairs, or there "tells nothing" where the baselines lie below it, too. A free run without a
    score (diverged) leaves its line without a dot.
    """
    shown = [row for row in rows if _scale(row) is not None]
    if not shown:
        figure = canvas(into, DOUBLE, 1.0)
        say(figure.subplots(), "no score with a floor")
        return figure
    figure = canvas(into, DOUBLE, 1.1 + ROW * len(shown))
    axes = figure.subplots()
    left, right = _limits(shown)
    for place, row in enumerate(shown):
        _draw(axes, row, place, left)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [typeset(row.name) for row in shown])
    axes.set_xlabel("score / median of its floor")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.xaxis.set_major_formatter("{x:g}")
    handles = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=4)
    return figure


def _scale(row: Row) -> float | None:
    """The median of the floor, None where there is no floor to compare with."""
    floor = row.reconstruction.floor
    if floor is None or floor.chance or not floor.median > 0:
        return None
    return floor.median


def _values(row: Row) -> list[float]:
    measures = (getattr(row, key) for key, _, _ in MARKS)
    scale = _scale(row) or math.nan
    return [math.nan if m is None else m.value / scale for m in measures]


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    floors = [f for row in rows if (f := row.reconstruction.floor) is not None]
    found = [v for row in rows for v in _values(row) if v > 0 and math.isfinite(v)]
    found += [q / f.median for f in floors for q in (f.low, f.high) if q > 0]
    return min([0.5, *found]) / 1.5, max([2.0, *found]) * 1.5


def _draw(axes: Axes, row: Row, place: int, left: float) -> None:
    floor, scale = row.reconstruction.floor, _scale(row)
    if floor is None or scale is None:
        return
    low, high = max(floor.low / scale, left), floor.high / scale
    axes.barh(place, high - low, left=low, height=0.62, color=BAND, label="floor, 5 to 95 %")
    axes.plot([1, 1], [place - 0.31, place + 0.31], color="white", lw=1.2)
    for value, (key, marker, colour) in zip(_values(row), MARKS, strict=True):
        if not math.isnan(value):
            axes.plot(max(value, left), place, marker, color=colour, ms=5, mew=0, label=NAMES[key], clip_on=False)
    measure = row.reconstruction
    text = "none" if math.isnan(measure.value) else f"{measure.value:.3g} {measure.unit}".rstrip()
    said = verdict(measure, ceiling((row.surrogate, row.gaussian)))
    text += f", {said}" if said else ""
    axes.annotate(text, (1.0, place), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                  va="center", fontsize=7, annotation_clip=False)  # fmt: skip
