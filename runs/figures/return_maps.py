"""Return maps of successive maxima, truth under reconstruction."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ...analysis import ReturnMap
from .overlay import overlay
from .style import SINGLE, canvas, no_free_run, say, shortened, styled

LETTERS, FEW_LETTERS = 14, 8  # of the name of a column: room for it, and for it beside other words
BEYOND = 0.25  # how far past the truth's maxima the axes may grow, in their range


@styled
def return_maps(
    truth: ReturnMap,
    generated: ReturnMap | None,
    *,
    name: str = "x",
    diverged_at: int | None = None,
    into: SubFigure | None = None,
) -> Figure:
    """Each maximum of the column `name` against the next; the thin line is the diagonal, whose crossings are periodic
    orbits with one maximum. Equal axes. The legend counts the maxima."""
    figure = canvas(into, SINGLE, 3.1)
    axes = figure.subplots()
    draw_return_maps(axes, truth, generated, name)
    if len(truth.pairs):
        figure.legend(loc="outside upper left", ncols=1)
    if generated is None:
        figure.supxlabel(no_free_run(diverged_at), fontsize=7, x=0.99, ha="right")
    return figure


def draw_return_maps(axes: Axes, truth: ReturnMap, generated: ReturnMap | None, name: str) -> None:
    """The same on axes of a larger figure, without a legend."""
    if not len(truth.pairs):
        say(axes, f"{name} has no two maxima")
        return
    counts = [f", {len(r.maxima.values):,} maxima" for r in (truth, generated) if r is not None] + [""]
    pairs = None if generated is None else generated.pairs
    overlay(axes, truth.pairs, pairs, names=(f"truth{counts[0]}", f"free run{counts[1]}"))
    low, high = truth.pairs.min(), truth.pairs.max()
    span = (high - low) or 1.0
    if pairs is not None and len(pairs):
        low, high = max(low - BEYOND * span, min(low, pairs.min())), min(high + BEYOND * span, max(high, pairs.max()))
    margin = 0.06 * ((high - low) or 1.0)
    axes.plot([low, high], [low, high], color="black", lw=0.5, zorder=0)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.set_aspect("equal")
    axes.locator_params(nbins=4)
    between = "\n" if len(name) > FEW_LETTERS else " "
    axes.set_xlabel(f"maximum of{between}{shortened(name, LETTERS)}")
    axes.set_ylabel(f"next maximum of{between}{shortened(name, LETTERS)}")
