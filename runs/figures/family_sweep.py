"""Scores of several model families against something that was swept - noise, rows, sites - with the floor as a band."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from dsr.measure import Floor

from .forest import BAND
from .style import DOUBLE, FILLED, TRUTH, say, styled, typeset

# Okabe & Ito, in the order in which neighbours differ most; markers tell them apart in grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#404040")
MARKERS = "osD^vPX"
CLOSEST = 1 / 15


class Line(NamedTuple):
    """One family, sequences of one length: where, medians, quartiles, runs that were lost, floors, truths or NaN."""

    at: Sequence[float | str]
    median: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    lost: Sequence[int]
    floors: Sequence[Floor | None]
    truth: Sequence[float]


@styled
def family_sweep(panels: Mapping[str, Mapping[str, Line]], *, swept_name: str) -> Figure:
    """A panel for each measure, in it a line for each family: medians over seeds with their quartiles.

    Numbers are logarithmic where they span more than a decade; words stand at equal distances, and so do numbers of
    which some would touch. Grey band: 5 to 95 % of the floor; black line: truth. A hollow marker says that runs were
    lost there; those without a number are not in the median, and where no other is left it stands at the upper edge.
    """
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(DOUBLE, 2.3 * rows + 0.3), layout="constrained")
    grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    names = sorted({name for lines in panels.values() for name in lines})
    looks = {n: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, n in enumerate(names)}
    places = _places([x for lines in panels.values() for line in lines.values() for x in line.at])
    for axes, (measure, lines) in zip(grid, panels.items(), strict=False):
        if not lines:
            say(axes, f"no run has {measure}")
            continue
        _panel(axes, lines, looks, places)
        axes.set_ylabel(typeset(measure).replace(" (", "\n("))
        _ticks(axes, places, swept_name)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles = [grid[0].plot([], [], color=c, marker=m, ms=3.5, label=n)[0] for n, (c, m) in looks.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(names), 8))
    return figure


def _panel(
    axes: Axes, lines: Mapping[str, Line], looks: Mapping[str, tuple[str, str]], places: Mapping[float | str, float]
) -> None:
    values = [v for line in lines.values() for v in line.median if math.isfinite(v)]
    first = max(lines.values(), key=lambda line: len(line.at))
    at = [places[x] for x in first.at]
    floors = _wide([(x, f) for x, f in zip(at, first.floors, strict=True) if f is not None])
    if floors:
        edge = [p for p, _ in floors]
        axes.fill_between(edge, [f.low for _, f in floors], [f.high for _, f in floors], color=BAND, lw=0, zorder=0)
        axes.plot(edge, [f.median for _, f in floors], color=FILLED, lw=1.0, zorder=0)
        values += [f.low for _, f in floors if f.low > 0]
    truth = _wide([(x, t) for x, t in zip(at, first.truth, strict=True) if math.isfinite(t)])
    if truth:
        axes.plot(*zip(*truth, strict=True), color=TRUTH, lw=1.2, zorder=1)
    elif values and min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if max(values) < 300 * min(values) else (1.0,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    span, words = list(places.values()), any(isinstance(x, str) for x in places)  # words are no steps of a way
    width = (max(span) - min(span)) / 80 if len(span) > 1 else 0.0
    for i, (name, line) in enumerate(lines.items()):
        colour, marker = looks[name]
        x = np.array([places[p] for p in line.at]) + width * (i - (len(lines) - 1) / 2)  # none hides another
        y, low, high = (np.array(v, dtype=float) for v in (line.median, line.low, line.high))
        known = np.isfinite(y)
        errors = np.nan_to_num([y - low, high - y]).clip(0)
        axes.errorbar(x[known], y[known], errors[:, known], color=colour, lw=0 if words else 0.9, capsize=1.5,
                      elinewidth=0.7)  # fmt: skip
        some = np.array(line.lost) > 0
        for mask, face in ((known & ~some, colour), (known & some, "white")):
            axes.plot(x[mask], y[mask], marker, color=colour, mfc=face, ms=3.5, ls="none")
        gone = x[~known]
        if len(gone):  # an empty line that is not clipped counts as a point at the corner of the page in its layout
            axes.plot(gone, np.ones(len(gone)), marker, color=colour, mfc="white", ms=3.5, ls="none",
                      transform=axes.get_xaxis_transform(), clip_on=False)  # fmt: skip


def _wide(points: list[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """One point as a short line, others as they are: a band over a single place would not be seen."""
    return [(x + d, y) for x, y in points for d in (-0.5, 0.5)] if len(points) == 1 else points


def _places(found: Sequence[float | str]) -> dict[float | str, float]:
    """Where each swept value stands: words one apart, numbers by themselves, or by their logarithm if they span more
    than a decade, or one apart if two are closer than `CLOSEST` of their range."""
    if any(isinstance(x, str) for x in found):
        return {x: float(i) for i, x in enumerate(dict.fromkeys(found))}
    numbers = sorted({float(x) for x in found})
    if len(numbers) > 1 and numbers[0] > 0 and numbers[-1] > 10 * numbers[0]:
        return {x: math.log10(x) for x in numbers}
    if len(numbers) > 1 and min(np.diff(numbers)) < CLOSEST * (numbers[-1] - numbers[0]):
        return {x: float(i) for i, x in enumerate(numbers)}
    return {x: x for x in numbers}


def _ticks(axes: Axes, places: Mapping[float | str, float], swept_name: str) -> None:
    texts = [x if isinstance(x, str) else f"{x:,g}" for x in places]
    axes.set_xticks(list(places.values()), texts)
    axes.set_xlabel(swept_name)
