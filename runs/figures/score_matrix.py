"""Models by systems as a picture: how far each reconstruction is from the truth, measure by measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from .style import DOUBLE, styled, typeset

# what a cell is, its colours from good to bad, and how it is written
PANELS = {
    "D_stsp": ("D_stsp / 95 % of its floor", 1.0, 100.0, False),
    "D_H": ("D_H / 95 % of its floor", 1.0, 20.0, False),
    "lambda_1": ("relative error of lambda_1", 0.01, 1.0, False),
    "valid prediction time": ("valid prediction time (Lyapunov times)", 0.1, 10.0, True),
}


@styled
def score_matrix(models: Sequence[str], systems: Sequence[str], scores: Mapping[tuple[str, str, str], float]) -> Figure:
    """A panel for each of D_stsp, D_H, lambda_1 and valid prediction time: systems along the rows, models along the
    columns, light where the reconstruction is good, logarithmic.

    scores : (model, system, measure) -> median over seeds: distances in units of the 95 % quantile of their floor,
    relative errors of exponents, times in Lyapunov times. Infinite where most runs were lost (a cross); without an
    entry, or NaN, where there is no number (blank). Models are in the order of their number of systems with the
    density at its floor.
    """
    order = sorted(models, key=lambda m: (-sum(scores.get((m, s, "D_stsp"), math.inf) <= 1 for s in systems), m))
    figure = Figure(figsize=(DOUBLE, 0.5 + 2 * (1.2 + 0.115 * len(systems))), layout="constrained")
    grid = figure.subplots(2, 2, sharey=True)
    for axes, (measure, (label, low, high, times)) in zip(grid.ravel(), PANELS.items(), strict=True):
        table = np.array([[scores.get((m, s, measure), math.nan) for m in order] for s in systems])
        shown = np.where(np.isfinite(table), np.clip(table, low, high), np.nan)
        image = axes.imshow(
            shown,
            norm=LogNorm(low, high),
            cmap="cividis" if times else "cividis_r",
            aspect="auto",
            interpolation="none",
        )
        for i, j in zip(*np.nonzero(np.isinf(table)), strict=True):
            axes.text(j, i, "\N{MULTIPLICATION SIGN}", ha="center", va="center", fontsize=6, color="#404040")
        axes.set_title(typeset(label))
        axes.set_xticks(range(len(order)), order, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(systems)), systems)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, extend="both")
    return figure
