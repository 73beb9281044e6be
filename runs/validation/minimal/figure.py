"""The best minimal reconstruction of each system: its regions on the attractor, its fixed points, its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....analysis import embedded_chain
from ...drawing.dynamics import region_middles
from ...figures import region_attractor, transition_graph
from ...figures.style import DOUBLE, TRUTH, styled
from ...spec import SystemData
from ...weights import load_model
from .collect import EXPERIMENTS, model_file
from .record import free_run, itinerary
from .table import Record, best
from .truth import truth_of

if TYPE_CHECKING:
    from ...store import RunFolder

ROWS = 20_000  # of the free run that is drawn
PLANES = {"lorenz63": (0, 2), "rossler": (0, 1)}
HEIGHT = 3.3  # inches of a row
ROOM = 0.15  # around the attractor, in its ranges


def minimal_figure(output: RunFolder, collected: Mapping[str, Sequence[Record]]) -> Figure | None:
    """A row for each system: left the free run coloured by linear region, with fixed points of the equations (open) and
    of the model (filled: real; crosses: virtual); right the graph of the regions. None without a run to draw.

    output : the folder of the page, where `keep` has left the models.
    """
    chosen = {}
    for name in EXPERIMENTS:
        if (found := best(collected.get(name, ()))) is not None and len(found["regions"]["shares"]) > 1:
            chosen[name] = found
    return _drawn(output, chosen) if chosen else None


@styled
def _drawn(output: RunFolder, chosen: Mapping[str, Record]) -> Figure:
    figure = Figure(figsize=(DOUBLE, HEIGHT * len(chosen)), layout="constrained")
    parts = figure.subfigures(len(chosen), 2, squeeze=False, width_ratios=(1.15, 1))
    for (name, record), (left, right) in zip(chosen.items(), parts, strict=True):
        truth, model = truth_of(SystemData(**record["data"])), load_model(output / model_file(name))
        states, seen = free_run(model, truth, ROWS)
        if states is None:
            continue
        symbols, (i, j) = itinerary(model, states, truth.dt), PLANES[truth.system]
        orbit = seen[:, [i, j]]
        region_attractor(orbit, symbols, labels=(truth.names[i], truth.names[j]), into=left)
        _mark(left.axes[0], record, (i, j), orbit)
        left.suptitle(f"{truth.system}: {record['relu_units']} rectified, seed {record['seed']}", fontsize=8)
        transition_graph(
            embedded_chain(symbols, blocks=None), symbols, positions=region_middles(orbit, symbols), into=right
        )
    return figure


def _mark(axes: Axes, record: Record, plane: tuple[int, int], orbit: np.ndarray) -> None:
    """Fixed points near the attractor; those further out would shrink it."""
    low, high = orbit.min(0), orbit.max(0)
    room = ROOM * (high - low)
    look: dict[str, Any] = {"ls": "none", "mec": TRUTH, "zorder": 5}
    for point in record["truth"]["points"]:
        axes.plot(*(point["point"][k] for k in plane), marker="o", ms=10, mfc="none", mew=1.4, **look)
    for point in record["points"]:
        marker, size = ("o", 4.5) if point["real"] else ("X", 6)
        axes.plot(*(point["point"][k] for k in plane), marker=marker, ms=size, mfc="white", **look)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
