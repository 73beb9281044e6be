"""Attractor of a piecewise-linear model, coloured by the linear region its state is in."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ...analysis import SymbolSequence
from .region_look import COLOURS, by_occupancy, colour_of
from .style import SINGLE, canvas, styled

MOST_POINTS = 20_000


@styled
def region_attractor(
    orbit: Any, symbols: SymbolSequence, *, labels: tuple[str, str], into: SubFigure | None = None
) -> Figure:
    """The free run (time, 2) with one colour per region, numbered by the share of time, which the legend gives.

    The eight regions visited longest have colours and numbers, the rest is grey. The number stands at the point of its
    region that is nearest to the region's middle. `labels`: of the two coordinates. `into`: part of a larger figure.
    """
    figure = canvas(into, SINGLE, 3.1)
    axes = figure.subplots()
    points = np.asarray(orbit, dtype=float)
    order, share = by_occupancy(symbols)
    for rank in reversed(range(min(len(order), len(COLOURS)))):
        inside = points[symbols.symbols == order[rank]]
        name = f"{rank + 1}: {share[rank]:.1%}"
        _dots(axes, inside, colour_of(rank), name)
    if len(order) > len(COLOURS):
        rest = points[np.isin(symbols.symbols, order[len(COLOURS) :])]
        _dots(
            axes, rest, colour_of(len(COLOURS)), f"{len(order) - len(COLOURS)} more: {share[len(COLOURS) :].sum():.1%}"
        )
    for rank in range(min(len(order), len(COLOURS))):
        _number(axes, points[symbols.symbols == order[rank]], rank)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.set_title(f"{len(order)} linear region{'s' if len(order) != 1 else ''} visited")
    handles, names = axes.get_legend_handles_labels()
    ranked = sorted(zip(names, handles, strict=True), key=lambda e: ("more" in e[0], e[0]))
    figure.legend(
        [h for _, h in ranked], [n for n, _ in ranked], loc="outside lower left", ncols=3, markerscale=6,
        handletextpad=0.1, columnspacing=1.0, title="number and share of time", title_fontsize=7.5, alignment="left",
    )  # fmt: skip
    return figure


def _dots(axes: Axes, cloud: np.ndarray, colour: str, name: str) -> None:
    thin = cloud[:: max(1, -(-len(cloud) // MOST_POINTS))]
    axes.plot(*thin.T, color=colour, ls="none", marker=".", ms=1.4, mew=0, rasterized=True, label=name)


def _number(axes: Axes, cloud: np.ndarray, rank: int) -> None:
    spread = np.where(cloud.std(0) > 0, cloud.std(0), 1.0)
    x, y = cloud[np.square((cloud - np.median(cloud, 0)) / spread).sum(1).argmin()]
    text = axes.text(x, y, str(rank + 1), ha="center", va="center", fontsize=9, fontweight="bold", color="black")
    text.set_path_effects([patheffects.withStroke(linewidth=2.2, foreground="white")])
