"""Attractor of the truth beside the free run, on the same axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dsr.series import TimeSeries

from .coordinates import coordinates, short
from .stretches import drawn_rows, joined
from .style import DOUBLE, FAINT, RECONSTRUCTION, TRUTH, canvas, no_free_run, say, styled

MARGIN = 0.05
MOST_POINTS = 10_000  # more of them fill the attractor and hide the orbit
FINE_POINTS = 5000  # more points than this are drawn smaller
FEW, CELLS = 20, 1000  # so few cells, of so many along each axis, are marked
BEYOND = 0.5  # how far past the truth the axes may grow to show a run that leaves it, in ranges of the truth


@styled
def attractor(
    truth: TimeSeries,
    generated: TimeSeries | None,
    *,
    diverged_at: int | None = None,
    into: SubFigure | None = None,
) -> Figure:
    """Truth on the left, free run on the right over the truth in light grey, equal axes.

    One column: delay plot, the delay from the mutual information of the truth. Two columns: the plane.
    Three: a 3-D view. More: the planes of the three leading principal components of the standardised
    truth, one row each for truth and free run.

    Both panels show the first rows, as many as the titles say; rows of a free run further than half a range
    outside the truth are not drawn, and the title counts them. `diverged_at` is the step at which the free
    run was lost.
    """
    rows = drawn_rows(truth, MOST_POINTS)
    values = [s.values for s in (truth, generated) if s is not None]
    values, labels = coordinates(truth, values)
    clouds = [v[rows] for v in values]
    low, high = _limits(clouds)
    if len(clouds) > 1:
        clouds[1], lost = _inside(clouds[1], low, high)
    titles = [f"truth, {_span(truth, rows)}", no_free_run(diverged_at)]
    if generated is not None:
        titles[1] = f"free run, {_span(generated, rows)}" + (f" ({lost:.1%} outside the axes)" if lost else "")
        if diverged_at is not None:
            titles[1] = f"free run, diverged at step {diverged_at:,}\n" + titles[1].removeprefix("free run, ")
    line = joined(truth)
    if len(labels) == 3 and truth.dim == 3:
        figure: Any = Figure(figsize=(DOUBLE, 3.2)) if into is None else into
        panels = [figure.add_subplot(1, 2, i + 1, projection="3d") for i in range(2)]
        if into is None:
            figure.subplots_adjust(left=0.02, right=0.93, bottom=0.04, top=0.95, wspace=0.14)
        views: list[tuple[int, ...]] = [(0, 1, 2)]
    else:
        views = list(itertools.combinations(range(len(labels)), 2))
        figure = canvas(into, DOUBLE, 3.1 if len(views) == 1 else 4.7)
        shape = (1, 2) if len(views) == 1 else (2, len(views))
        panels = list(figure.subplots(*shape).ravel())
    for i, view in enumerate(views):
        top, bottom = panels[i], panels[i + len(views)]
        for axes in (top, bottom):
            _frame(axes, view, labels, low, high)
        _draw(top, clouds[0], view, TRUTH, line)
        if i == 0:
            height = 0.94 if top.name == "3d" else None
            top.set_title(titles[0], y=height)
            bottom.set_title("" if generated is None else titles[1], y=height)
        if generated is None:
            say(bottom, titles[1] if i == len(views) // 2 else "")
            continue
        _draw(bottom, clouds[0], view, FAINT, line)
        _draw(bottom, clouds[1], view, RECONSTRUCTION, line)
        places = _resting(clouds[1], low, high)
        if len(places):
            columns = [places[:, k] for k in view]
            bottom.plot(*columns, color=RECONSTRUCTION, ls="none", marker="o", ms=4)
    return figure


def _span(series: TimeSeries, rows: slice) -> str:
    end = min(rows.stop, len(series))
    if series.time_unit == "iterations":
        return f"{end:,} iterations"
    duration = (end - 1) * series.dt
    return f"{f'{duration:,.0f}' if duration >= 100 else f'{duration:.3g}'} {series.time_unit}"


def _limits(clouds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    low, high = clouds[0].min(0), clouds[0].max(0)
    span = np.where(high > low, high - low, 1.0)
    for cloud in clouds[1:]:
        if len(cloud):
            low = np.maximum(np.minimum(low, cloud.min(0)), clouds[0].min(0) - BEYOND * span)
            high = np.minimum(np.maximum(high, cloud.max(0)), clouds[0].max(0) + BEYOND * span)
    return low - MARGIN * span, high + MARGIN * span


def _inside(cloud: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, float]:
    """The cloud with rows outside the box blanked (3-D axes do not clip), and their share."""
    outside = np.asarray(((cloud < low) | (cloud > high)).any(1))
    return np.where(outside[:, None], np.nan, cloud), float(outside.mean()) if len(cloud) else 0.0


def _draw(axes: Axes, cloud: np.ndarray, view: tuple[int, ...], colour: str, line: bool) -> None:
    columns = [cloud[:, k] for k in view]
    if line:
        axes.plot(*columns, color=colour, lw=0.35, alpha=0.8, rasterized=True)
    else:
        size = 2.0 if len(cloud) <= FINE_POINTS else 1.2
        axes.plot(*columns, color=colour, ls="none", marker=".", ms=size, mew=0, rasterized=True)


def _resting(cloud: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The few places a run stays at (fixed point, short cycle of a map), which fine dots would hide; or no rows."""
    late = cloud[len(cloud) // 2 :]
    late = late[np.isfinite(late).all(1)]
    _, first = np.unique(np.round((late - low) / (high - low) * CELLS), axis=0, return_index=True)
    return late[first] if len(first) <= FEW < len(late) else late[:0]


def _frame(axes: Any, view: tuple[int, ...], labels: list[str], low: np.ndarray, high: np.ndarray) -> None:
    setters: list[Any] = [(axes.set_xlim, axes.set_xlabel), (axes.set_ylim, axes.set_ylabel)]
    if axes.name == "3d":
        setters.append((axes.set_zlim, axes.set_zlabel))
        axes.view_init(elev=18, azim=-55)
        axes.set_box_aspect((4, 4, 3), zoom=1.08)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.pane.set_visible(False)
            axis._axinfo["grid"].update(color="#e6e6e6", linewidth=0.4)
            axis.labelpad = -6
            axis.set_tick_params(pad=-3)
    across, *others = (labels[k] for k in view)
    names = [across, *map(short, others)]
    for (limit, label), k, name in zip(setters, view, names, strict=True):
        limit(low[k], high[k])
        label(name)
    axes.locator_params(nbins=5)
