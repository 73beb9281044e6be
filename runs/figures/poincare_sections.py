"""Poincaré sections, truth under reconstruction."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...analysis import PoincareSection
from .overlay import overlay
from .style import SINGLE, no_free_run, say, shortened, signed, styled

TITLE, LABEL = 46, 32  # letters that there is room for
BEYOND = 1.0  # how far past the truth's crossings the axes may grow, in their range
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

    Both axes span the crossings of the truth and those of the free run that lie within once their range beyond them,
    with a margin of 15 %; the legend counts what lies outside.
    """
    figure = Figure(figsize=(SINGLE, 2.7), layout="constrained")
    axes = figure.subplots()
    pick = list(columns)
    if not len(truth.points):
        say(axes, "the truth does not cross this plane")
        return figure
    cloud, found = truth.points[:, pick], None if generated is None else generated.points[:, pick]
    low, high = cloud.min(0), cloud.max(0)
    span = np.where(high > low, high - low, 1.0)
    told = ""
    if found is not None:
        near = ((found >= low - BEYOND * span) & (found <= high + BEYOND * span)).all(1)
        shown = np.concatenate([cloud, found[near]])
        low, high = shown.min(0), shown.max(0)
        told = f", {len(found):,} crossings" + (f", {(~near).sum():,} outside" if not near.all() else "")
    overlay(axes, cloud, found, names=(f"truth, {len(cloud):,} crossings", f"free run{told}"))
    margin = 0.15 * np.where(high > low, high - low, 1 / 0.15)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    axes.locator_params(nbins=5)
    axes.set_xlabel(shortened(names[pick[0]], LABEL))
    axes.set_ylabel(shortened(names[pick[1]], LABEL))
    axes.set_title(textwrap.fill(_plane(truth, names), TITLE))
    figure.legend(loc="outside upper left", ncols=1)
    if generated is None:
        figure.supxlabel(no_free_run(diverged_at), fontsize=7, x=0.99, ha="right")
    return figure


def _plane(section: PoincareSection, names: Sequence[str]) -> str:
    normal, offset = section.settings["normal"], section.settings["offset"]
    used = [i for i, weight in enumerate(normal) if weight]
    terms = names[used[0]] if len(used) == 1 and normal[used[0]] == 1 else "normal · state"
    return f"section {terms} = {signed(f'{offset:.3g}')}, {ARROWS[section.settings['direction']]}"
