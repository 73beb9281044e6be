"""Fixed points and cycles of truth and reconstruction: where they lie, and how stable they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .style import DOUBLE, FAINT, RECONSTRUCTION, TRUTH, signed, styled

MARKERS = {0: "o", 1: "^", 2: "s"}  # by the number of unstable directions
FOCI = {0: "h", 1: "v", 2: "D"}  # the same where motion turns
MOST_POINTS = 20_000
LETTERS = 113  # of a legend that fit beside each other
REACH = 0.5  # how far the plane may grow beyond the attractor, in its ranges


class PlacedOrbit(NamedTuple):
    """A fixed point or cycle to draw: points (period, 2) in the plane; kind, as of `stability_type`; number of unstable
    directions; rates (k,) complex per unit of time (logarithms of the multipliers over the period)."""

    points: np.ndarray
    kind: str
    unstable: int
    rates: np.ndarray


@styled
def fixed_points_and_cycles(
    cloud: Any,
    truth: Sequence[PlacedOrbit],
    found: Sequence[PlacedOrbit],
    *,
    labels: tuple[str, str],
    unit: str,
    cloud_name: str = "truth",
    unknown: str = "",
) -> Figure:
    """Left: the attractor (time, 2) in grey; open marks are the truth's, filled ones the reconstruction's; their shape
    is the number of unstable directions, and whether it is a focus. Cycles are closed lines. Right: the rates in the
    complex plane.

    labels : of the two coordinates. unit : of rates, such as "per time unit". unknown : a sentence where the truth's
    are not known. Orbits outside the plane, and rates left of three times the truth's largest, are counted below.
    """
    figure = Figure(figsize=(DOUBLE, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    points = np.asarray(cloud, dtype=float)
    left.plot(*points[:MOST_POINTS].T, color=FAINT, ls="none", marker=".", ms=1.2, mew=0, rasterized=True, zorder=0)
    beyond = _limits(left, points, [*truth, *found])
    _mark(left, truth, TRUTH, False)
    _mark(left, found, RECONSTRUCTION, True)
    left.set_xlabel(labels[0])
    left.set_ylabel(labels[1])
    left.set_title(f"grey: {cloud_name}")
    far = _rates(right, truth, found)
    right.set_xlabel(f"growth rate ({unit})")
    right.set_ylabel(f"rotation ({signed(unit).replace('per ', 'rad per ')})")
    notes = [unknown] if unknown else []
    notes += [f"{beyond} outside the left panel"] if beyond else []
    notes += [f"{far} contracting faster than shown on the right"] if far else []
    if notes:
        figure.supxlabel("; ".join(notes), fontsize=7, x=0.01, ha="left")
    handles = _legend(truth, found, bool(unknown))
    longest = max(len(str(handle.get_label())) for handle in handles)
    beside = min(3, LETTERS // (longest + 5))
    figure.legend(handles=handles, loc="outside upper left", ncols=beside, columnspacing=1.2)
    return figure


def _limits(axes: Axes, cloud: np.ndarray, orbits: Sequence[PlacedOrbit]) -> int:
    """Axes around the cloud and the orbits near it; how many orbits lie outside."""
    low, high = cloud.min(0), cloud.max(0)
    span = np.where(high > low, high - low, 1.0)
    furthest = low - REACH * span, high + REACH * span
    beyond = 0
    for orbit in orbits:
        if ((orbit.points < furthest[0]) | (orbit.points > furthest[1])).any():
            beyond += 1
            continue
        low, high = np.minimum(low, orbit.points.min(0)), np.maximum(high, orbit.points.max(0))
    low, high = low - 0.06 * span, high + 0.06 * span
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    return beyond


def _mark(axes: Axes, orbits: Sequence[PlacedOrbit], colour: str, filled: bool) -> None:
    for orbit in orbits:
        if len(orbit.points) > 1:
            closed = np.vstack([orbit.points, orbit.points[:1]])
            axes.plot(*closed.T, color=colour, lw=0.9, ls="-" if filled else "--")
        else:
            axes.plot(*orbit.points.T, **_look(orbit.unstable, orbit.kind, colour, filled), ls="none")


def _look(unstable: int, kind: str, colour: str, filled: bool) -> dict[str, Any]:
    size = 4.5 if filled else 8.5
    marker = FOCI.get(unstable, "P") if "focus" in kind else MARKERS.get(unstable, "X")
    return {"marker": marker, "ms": size, "mfc": colour if filled else "none", "mec": colour,
            "mew": 1.1, "zorder": 3 + filled}  # fmt: skip


def _rates(axes: Axes, truth: Sequence[PlacedOrbit], found: Sequence[PlacedOrbit]) -> int:
    axes.axvline(0, color="black", lw=0.5)
    axes.axhline(0, color="black", lw=0.3, ls=":")
    known = np.concatenate([o.rates for o in (truth or found)]) if (truth or found) else np.zeros(1, complex)
    known = known[np.isfinite(known)]
    size = float(np.abs(known.real).max()) if known.size else 1.0
    edge, far = -3.0 * (size or 1.0), 0
    for orbits, colour, filled in ((truth, TRUTH, False), (found, RECONSTRUCTION, True)):
        for orbit in orbits:
            near = orbit.rates.real > edge
            far += int((~near).sum())
            shown = orbit.rates[near]
            axes.plot(shown.real, shown.imag, **_look(orbit.unstable, orbit.kind, colour, filled), ls="none")
    axes.margins(0.08)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return far


def _legend(truth: Sequence[PlacedOrbit], found: Sequence[PlacedOrbit], unknown: bool) -> list[Line2D]:
    handles = []
    for name, orbits, colour, filled in (
        ("truth", truth, TRUTH, False),
        ("reconstruction", found, RECONSTRUCTION, True),
    ):
        kinds = sorted({(o.unstable, o.kind, len(o.points) > 1) for o in orbits})
        for unstable, kind, cycle in kinds:
            count = sum((o.unstable, o.kind, len(o.points) > 1) == (unstable, kind, cycle) for o in orbits)
            look = {} if cycle else _look(unstable, kind, colour, filled)
            line = ("-" if filled else "--") if cycle else "none"
            what = f"{kind} cycle" if cycle else kind
            if sum((k, c) == (kind, cycle) for _, k, c in kinds) > 1:
                what += f", {unstable} unstable"
            handles.append(Line2D([], [], color=colour, ls=line, label=f"{name}: {what} ({count})", **look))
        if not orbits:
            none = "unknown" if unknown and name == "truth" else "none found"
            handles.append(Line2D([], [], ls="none", label=f"{name}: {none}"))
    return handles
