"""Invariant densities of truth and reconstruction in a plane, on one colour scale."""

from __future__ import annotations

import re

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

from dsr.series import TimeSeries

from .coordinates import plane
from .style import SINGLE, no_free_run, say, styled

PADDING = 0.1
NARROW = 300.0  # ratio of densities below which a third of a decade is labelled, too


@styled
def invariant_density(
    truth: TimeSeries, generated: TimeSeries | None, *, bins: int = 60, diverged_at: int | None = None
) -> Figure:
    """Share of time per cell and area, of the truth on the left and the free run on the right.

    The plane is that of two columns, of two delay coordinates of one column, or of two principal components of the
    truth; the cells cover the box of the truth. The logarithmic colours are light where the density is high, told
    apart in grey too; empty cells are white. What a free run does outside the box is counted in its title.
    """
    values = [truth.values] + ([] if generated is None else [generated.values])
    clouds, labels = plane(truth, values)
    low, high = clouds[0].min(0), clouds[0].max(0)
    margin = PADDING * np.where(high > low, high - low, 1.0)
    edges = [np.linspace(a, b, bins + 1) for a, b in zip(low - margin, high + margin, strict=True)]
    area = (edges[0][1] - edges[0][0]) * (edges[1][1] - edges[1][0])
    shares = [np.histogram2d(cloud[:, 0], cloud[:, 1], bins=edges)[0] / len(cloud) for cloud in clouds]
    top, faintest = float(shares[0].max() / area), 1 / (max(len(cloud) for cloud in clouds) * area)
    figure = Figure(figsize=(SINGLE, 2.3), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    least = min(faintest, top / 2)
    norm = LogNorm(least, top)
    for axes, name, share in zip(panels, ("truth", "free run"), shares, strict=False):
        density = np.ma.masked_equal(share.T / area, 0.0)
        mesh = axes.pcolormesh(*edges, density, norm=norm, cmap="cividis", rasterized=True)
        outside = 1.0 - share.sum()
        axes.set_title(name + (f" ({outside:.1%} outside)" if outside > 5e-4 else ""))
    across, up = (re.sub(r" of truth \(.*", "", label) for label in labels)  # two panels in one column of a page
    for axes in panels:
        axes.set_xlabel(across)
        axes.locator_params(nbins=4)
    panels[0].set_ylabel(up)
    if generated is None:
        say(panels[1], no_free_run(diverged_at).replace(": ", ":\n"))
    bar = figure.colorbar(mesh, ax=list(panels), location="bottom", aspect=40, pad=0.03, extend="max")
    bar.set_label("probability density (per unit area)")
    narrow = top / least < NARROW
    bar.set_ticks(LogLocator(subs=(1.0, 3.0) if narrow else (1.0,)))
    bar.formatter = LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf))
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    bar.ax.tick_params(labelsize=7, width=0.6)
    return figure
