"""The matrix as a heat map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..figures.style import DOUBLE, styled
from .matrix import Matrix

MOST = 100.0  # ratios beyond are as dark


@styled
def heat_map(matrices: Mapping[str, Matrix]) -> Figure:
    """One panel per system: rows are what was done to the truth, columns scores, colour the score over the median of
    its floor (logarithmic, 1 to 100); bold: above all 20 true pairs."""
    count = len(matrices)
    columns = min(2, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(DOUBLE, 3.9 * rows), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    image = None
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        labels, scores = list(matrix.values), list(matrix.floors)
        ratios = np.array([[matrix.ratio(label, score) for score in scores] for label in labels])
        image = axes.imshow(np.clip(ratios, 1, MOST), norm=LogNorm(1, MOST), cmap="cividis_r", aspect="auto")
        for i, label in enumerate(labels):
            seen = matrix.separated(label)
            for j, score in enumerate(scores):
                ink = "white" if ratios[i, j] > 12 else "black"
                weight = "bold" if score in seen else "normal"
                axes.text(
                    j,
                    i,
                    matrix.text(label, score),
                    ha="center",
                    va="center",
                    fontsize=5.5,
                    color=ink,
                    fontweight=weight,
                )
        axes.set_title(f"{name}, {matrix.length:,} rows")
        axes.set_xticks(range(len(scores)), scores, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    for axes in panels[count:]:
        axes.set_axis_off()
    if image is not None:
        label = "score / median of its floor"
        figure.colorbar(image, ax=list(panels), label=label, shrink=0.3, aspect=30, location="bottom")
    return figure
