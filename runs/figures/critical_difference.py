"""Critical-difference diagram: mean ranks of models on one axis, those that a test cannot tell apart joined by bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import RECONSTRUCTION, SINGLE, say, styled

STEP, BAR = 0.36, 0.17  # of the height unit: between two names, between two bars
INCH = 0.5  # per height unit


@styled
def critical_difference(
    names: Sequence[str],
    ranks: Sequence[float],
    groups: Sequence[Sequence[int]],
    *,
    difference: float | None = None,
    label: str = "mean rank (1: best)",
) -> Figure:
    """Mean ranks (1 is best, at the left) as marks on an axis, names below at both sides, the better half on the left.

    groups : of positions in `names` that are not told apart; each of two or more is a thick bar below the axis, or,
    where others rank between its members, a thin one with a dot for each member.
    difference : the critical difference, drawn as a bracket above the axis where the test has one (Nemenyi).
    Source: Demšar, JMLR 7 (2006) 1-30.
    """
    count = len(names)
    if count < 2:
        figure = Figure(figsize=(SINGLE, 1.0), layout="constrained")
        say(figure.subplots(), "a ranking needs two models")
        return figure
    values = np.asarray(ranks, dtype=float)
    order = np.argsort(values, kind="stable")
    place_of = np.argsort(order)
    bars = sorted(sorted(place_of[list(g)]) for g in groups if len(g) > 1)
    half = -(-count // 2)
    depth = BAR * len(bars) + 0.3
    height = depth + STEP * half
    top = 0.95 if difference is not None else 0.55
    figure = Figure(figsize=(SINGLE, INCH * (height + top) + 0.1), layout="constrained")
    axes = figure.subplots()
    room = 0.02 * (count - 1)
    for place, i in enumerate(order):
        left = place < half
        row = place if left else count - 1 - place
        level = -depth - STEP * (row + 0.5)
        side = 1.0 - room if left else count + room
        axes.plot([values[i], values[i], side], [0, level, level], color="black", lw=0.7)
        axes.plot(values[i], 0, "o", ms=3.5, mew=0, color=RECONSTRUCTION, clip_on=False)
        axes.annotate(f"{names[i]} ({values[i]:.2f})", (side, level), (-3 if left else 3, 0),
                      textcoords="offset points", ha="right" if left else "left", va="center", fontsize=7.5,
                      annotation_clip=False)  # fmt: skip
    for k, places in enumerate(bars):
        level, members = -0.2 - BAR * k, values[order[places]]
        ends = [members[0] - room, members[-1] + room]
        solid = places[-1] - places[0] < len(places)  # nobody else in between
        axes.plot(ends, [level, level], color="black", lw=3 if solid else 0.8, solid_capstyle="butt", gid="group")
        if not solid:
            axes.plot(members, np.full(len(members), level), "o", color="black", ms=3.5, mew=0)
    axes.plot([1, count], [0, 0], color="black", lw=0.8)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, 0.1], color="black", lw=0.7)
        axes.text(tick, 0.14, str(tick), ha="center", va="bottom", fontsize=7)
    if difference is not None:
        axes.plot([1, 1 + difference], [0.62, 0.62], color="black", lw=1.2, gid="difference", marker="|", ms=5)
        axes.text(1 + difference, 0.62, f"  critical difference {difference:.2f}", va="center", fontsize=7)
    axes.set_title(label)
    axes.set_xlim(1 - room, count + room)
    axes.set_ylim(-height, top - 0.3)
    axes.set_axis_off()
    return figure
