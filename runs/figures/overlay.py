"""Points of truth and reconstruction in one panel: wide light dots under fine dark ones, so that neither hides the
other."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .style import FAINT, RECONSTRUCTION

MOST_POINTS = 20_000
WIDE, FINE, LARGE = 4.5, 1.6, 2.4  # size in points: of the truth, of the reconstruction, of one with few dots
FEW = 300  # dots below this number are drawn larger


def overlay(axes: Axes, truth: np.ndarray, generated: np.ndarray | None, *, names: tuple[str, str]) -> None:
    """Both clouds (points, 2), the first 20,000 points of each; `names` for the legend."""
    few = truth if generated is None else generated
    fine = FINE if len(few) >= FEW else LARGE
    _dots(axes, truth, "#ABABAB" if len(truth) < FEW else FAINT, WIDE, names[0])
    if generated is not None:
        _dots(axes, generated, RECONSTRUCTION, fine, names[1])
    axes.margins(0.05)


def _dots(axes: Axes, cloud: np.ndarray, colour: str, size: float, name: str) -> None:
    x, y = cloud[:MOST_POINTS].T
    axes.plot(x, y, color=colour, ls="none", marker="o", ms=size, mew=0, rasterized=True, label=name)
