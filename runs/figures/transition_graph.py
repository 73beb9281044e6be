"""Symbolic transition graph: which region follows which, and how often."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Circle, FancyArrowPatch

from dsr.errors import DataError

from ...analysis import SymbolSequence, TransitionMatrix
from .region_look import by_occupancy, colour_of
from .style import SINGLE, canvas, styled

MOST_NODES = 16
LEAST_SHOWN = 0.5  # share of the time; a graph of less would hide more than it shows
FAINTEST = 0.02  # probability below which an arrow is not drawn
ROOM = 0.22  # around the circles, for arrows and loops
THICK = 2.6  # points, at probability 1
DARK = ("#0072B2", "#404040", "#D55E00", "#009E73")  # on which a number is white


@styled
def transition_graph(
    matrix: TransitionMatrix, symbols: SymbolSequence, *, positions: Any = None, into: SubFigure | None = None
) -> Figure:
    """Regions as circles with areas by their share of time, numbered as in `region_attractor`; arrows as thick as the
    probability of their transition.

    Parameters
    ----------
    matrix : of the same alphabet as `symbols`; of a flow take the `embedded_chain`, without self-transitions.
    positions : (alphabet, 2), where the regions lie in the plane: they are put on a circle in the order of their
        angles, so that a rotation on the attractor is one in the graph. None: in the order of their numbers.
    into : part of a larger figure.

    The 16 regions visited longest are drawn, and arrows of at least 2 % probability; the text below counts the rest.

    Raises `DataError` where these 16 hold less than half of the time.
    """
    order, share = by_occupancy(symbols)
    shown = order[:MOST_NODES]
    held = share[:MOST_NODES].sum()
    if held < LEAST_SHOWN:
        raise DataError(
            f"the {MOST_NODES} regions visited longest, of {len(order)}, hold {held:.0%} of the time",
            f"{LEAST_SHOWN:.0%} or more, or the graph hides more than it shows",
            "draw region_attractor, or train a model with fewer regions",
        )
    places = _places(shown, None if positions is None else np.asarray(positions, dtype=float))
    figure = canvas(into, SINGLE, 3.4)
    axes = figure.subplots()
    radius = {int(region): 0.07 + 0.22 * np.sqrt(s) for region, s in zip(shown, share, strict=False)}
    number = {name: i for i, name in enumerate(symbols.alphabet)}
    faint = 0
    for edge in matrix.edges:
        a, b = number[edge.source], number[edge.target]
        if a not in radius or b not in radius:
            continue
        if edge.probability < FAINTEST:
            faint += 1
            continue
        _arrow(axes, places[a], places[b], radius[a], radius[b], edge.probability, gid=f"{a}>{b}")
    for rank, region in enumerate(shown):
        colour, (x, y) = colour_of(rank), places[int(region)].tolist()
        axes.add_patch(Circle((x, y), radius[int(region)], fc=colour, ec="black", lw=0.6, zorder=3))
        axes.text(x, y, str(rank + 1), ha="center", va="center", fontsize=7.5, zorder=4,
                  color="white" if colour in DARK else "black")  # fmt: skip
    axes.set_aspect("equal")
    corners = [places[r] + sign * (radius[r] + ROOM) for r in radius for sign in (-1, 1)]
    axes.set_xlim(min(c[0] for c in corners), max(c[0] for c in corners))
    axes.set_ylim(min(c[1] for c in corners), max(c[1] for c in corners))
    axes.set_axis_off()
    notes = [f"{len(order)} regions; arrows as thick as their probability"]
    if len(order) > len(shown):
        notes.append(f"{len(order) - len(shown)} regions ({share[MOST_NODES:].sum():.1%} of the time) not shown")
    if faint:
        notes.append(f"{faint} transition{'s' * (faint > 1)} below {FAINTEST:.0%} not shown")
    figure.supxlabel("\n".join(notes), fontsize=7, x=0.01, ha="left")
    return figure


def _places(shown: np.ndarray, positions: np.ndarray | None) -> dict[int, np.ndarray]:
    """Points of the unit circle, by region."""
    if positions is not None:
        centred = positions[shown] - positions[shown].mean(0)
        centred /= np.where(centred.std(0) > 0, centred.std(0), 1.0)
        shown = shown[np.argsort(np.arctan2(centred[:, 1], centred[:, 0]), kind="stable")]
    angles = np.pi / 2 + 2 * np.pi * np.arange(len(shown)) / max(len(shown), 1)
    return {int(region): np.array([np.cos(t), np.sin(t)]) for region, t in zip(shown, angles, strict=True)}


def _arrow(
    axes: Axes, start: np.ndarray, end: np.ndarray, leave: float, reach: float, probability: float, gid: str
) -> None:
    look: dict[str, Any] = {"lw": max(THICK * probability, 0.3), "color": "#606060", "zorder": 2, "gid": gid}
    if (start == end).all():
        x, y = (start * (1 + 0.8 * leave + 0.06)).tolist()
        loop = Circle((x, y), 0.6 * leave + 0.06, fill=False, **look)
        axes.add_patch(loop)
        return
    along = (end - start) / np.linalg.norm(end - start)
    tail, head = start + along * (leave + 0.02), end - along * (reach + 0.02)
    size = 4 + 6 * probability
    axes.add_patch(
        FancyArrowPatch(tail, head, arrowstyle="-|>", mutation_scale=size, connectionstyle="arc3,rad=0.14",
                        shrinkA=0, shrinkB=0, **look)
    )  # fmt: skip
