"""Orbit diagram above the Lyapunov exponents, over the same parameter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...analysis.units import rate_unit
from ..orbit_diagram.orbit_diagram import OrbitDiagram
from ..orbit_diagram.verdict import ESCAPES, FIXED, PERIODIC, REFUSED
from .style import FAINT, FORECAST, RECONSTRUCTION, SINGLE, SURROGATE, TRUTH, say, styled

COLOURS = (RECONSTRUCTION, FORECAST, SURROGATE, "#CC79A7")
DASHES = ("-", "--", "-.", ":")
DOT = 0.55  # points: one value's dots of a cycle join to a line, and those of chaos stay apart
DENSE, FAINTEST = 20_000, 0.25  # dots beyond which those of chaos are drawn fainter
DEEPEST = 2.0  # the axis of exponents goes so many times its height below zero; superstable cycles go on to -infinity
GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
).split()  # fmt: skip


@styled
def orbit_diagram(found: OrbitDiagram) -> Figure:
    """Points of the orbit at each value above; below the two leading exponents, and any other that becomes positive.

    Bands are one standard error. Values at which the orbit escapes or the system refuses are shaded. The exponents'
    axis is cut where they run off to minus infinity. Dots are pixels also in vector files.
    """
    figure = Figure(figsize=(SINGLE, 3.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    order = np.argsort(found.values, kind="stable")
    if not any(p.size for p in found.points):
        say(upper, "no orbit stays bounded" if ESCAPES in found.verdicts else "no point to show")
    else:
        _points(upper, found)
        upper.set_ylabel(found.shown)
    _exponents(lower, found, order)
    lower.set_xlabel(symbol(found.parameter))
    if len(found) > 1:
        lower.set_xlim(found.values.min(), found.values.max())
    _shade((upper, lower), found, order)
    return figure


def symbol(name: str) -> str:
    """A parameter's name as a figure has it: Greek letters as such, single letters in italics."""
    if name.lower() in GREEK:
        return f"$\\{name}$"
    return f"${name}$" if len(name) == 1 else name


def _points(axes: Axes, found: OrbitDiagram) -> None:
    regular = np.isin(found.verdicts, (FIXED, PERIODIC))
    faint = max(FAINTEST, math.sqrt(DENSE / max(DENSE, sum(p.size for p in found.points))))
    for which, alpha in ((regular, 1.0), (~regular, faint)):
        points = [p for p, chosen in zip(found.points, which, strict=True) if chosen]
        if points:
            x, y = np.repeat(found.values[which], [p.size for p in points]), np.concatenate(points)
            axes.plot(x, y, "o", ms=DOT, mew=0, color=TRUTH, alpha=alpha, rasterized=True)
    axes.margins(y=0.04)


def _exponents(axes: Axes, found: OrbitDiagram, order: np.ndarray) -> None:
    axes.axhline(0, color="black", lw=0.5)
    x, rates, errors = found.values[order], found.exponents[order], np.nan_to_num(found.stderr[order])
    known = np.isfinite(rates)
    if not known.any():
        say(axes, "no exponents")
        return
    with np.errstate(invalid="ignore"):
        positive = (rates > np.maximum(3 * errors, 1e-3 * np.abs(rates[known]).max())).any(0)
    drawn = [i for i in range(rates.shape[1]) if i < 2 or positive[i]]
    for i in drawn:
        colour = COLOURS[i % len(COLOURS)]
        line = np.where(known[:, i], rates[:, i], np.nan)
        axes.plot(
            x, line, DASHES[i % len(DASHES)], color=colour, lw=0.7, label=f"$\\lambda_{{{i + 1}}}$", zorder=3 - 0.1 * i
        )
        axes.fill_between(x, line - errors[:, i], line + errors[:, i], color=colour, alpha=0.3, lw=0)
    shown = rates[:, drawn][known[:, drawn]]
    top = max(shown.max(), 0.0)
    bottom = min(shown.min(), 0.0)
    cut = top > 0 and bottom < -DEEPEST * top and bool((rates[:, 0] > 0).any())
    if cut:
        bottom = -DEEPEST * top
    margin = 0.06 * max(top - bottom, 1e-12)
    axes.set_ylim(bottom if cut else bottom - margin, top + 2 * margin)
    what = "Lyapunov exponents" if len(drawn) > 1 else "Lyapunov exponent"
    axes.set_ylabel(f"{what}\n({rate_unit(found.time_unit)})")
    if len(drawn) > 1:  # above the axes: inside, some curve would always run through it
        place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.97)}
        axes.legend(ncols=len(drawn), handlelength=1.8, borderpad=0.1, columnspacing=1.0, **place)


def _shade(panels: tuple[Axes, ...], found: OrbitDiagram, order: np.ndarray) -> None:
    """Grey where there is no orbit, half-way to the neighbouring values."""
    if len(found) < 2:
        return
    x, lost = found.values[order], np.isin(np.array(found.verdicts)[order], (ESCAPES, REFUSED))
    edges = np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]])
    for axes in panels:
        for i in np.flatnonzero(lost):
            axes.axvspan(edges[i], edges[i + 1], color=FAINT, alpha=0.5, lw=0, zorder=0)
