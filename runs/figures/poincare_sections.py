"""Poincaré sections, truth under reconstruction."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...analysis import PoincareSection
from .overlay import overlay
from .style import SINGLE, no_free_run, say, signed, styled

ARROWS = {1: "upwards", -1: "downwards", 0: "both ways"}


@styled
def poincare_sections(
    truth: PoincareSection,
    generated: PoincareSection | None,
    *,
    names: Sequence[str],
    columns: tuple[int, int],
    diverged_at: int | None = None,
) -> Figure:
    """Crossings of the plane in two of the columns, `names` being those of all; the title names the plane.

    Both axes span the crossings of the truth with a margin of 15 %.
    """
    figure = Figure(figsize=(SINGLE, 2.7), layout="constrained")
    axes = figure.subplots()
    pick = list(columns)
    if not len(truth.points):
        say(axes, "the truth does not cross this plane")
        return figure
    cloud, found = truth.points[:, pick], None if generated is None else generated.points[:, pick]
    counts = [f", {len(s.points):,} crossings" for s in (truth, generated) if s is not None] + [""]
    overlay(axes, cloud, found, names=(f"truth{counts[0]}", f"free run{counts[1]}"))
    low, high = cloud.min(0), cloud.max(0)
    margin = [0.15 * (b - a) or 1.0 for a, b in zip(low, high, strict=True)]
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    axes.set_xlabel(names[pick[0]])
    axes.set_ylabel(names[pick[1]])
    axes.set_title(_plane(truth, names))
    figure.legend(loc="outside upper left", ncols=1)
    if generated is None:
        figure.supxlabel(no_free_run(diverged_at), fontsize=7, x=0.99, ha="right")
    return figure


def _plane(section: PoincareSection, names: Sequence[str]) -> str:
    normal, offset = section.settings["normal"], section.settings["offset"]
    used = [i for i, weight in enumerate(normal) if weight]
    terms = names[used[0]] if len(used) == 1 and normal[used[0]] == 1 else "normal · state"
    return f"section {terms} = {signed(f'{offset:.3g}')}, {ARROWS[section.settings['direction']]}"
