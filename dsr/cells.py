"""Visits of two trajectories to the cells of one grid, kept sparse: the ground of every binned comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError, SpecError
from .points import as_columns_that_vary, as_points


@dataclass(frozen=True, eq=False)
class CellCounts:
    """Visits to the cells that at least one of two trajectories occupies.

    Attributes
    ----------
    true, generated : int64 (occupied,), visits of either trajectory to the same cells.
    cells : number of all cells, empty ones and the overflow layer included, (bins + 2) ** dim as a float.
    outside_fraction : share of generated points outside the box of the true data.
    """

    true: np.ndarray
    generated: np.ndarray
    cells: float
    outside_fraction: float


def default_bins(dim: int) -> int:
    """30 per dimension up to three, 8 above (as published for the ECG): finer grids are all floor."""
    return 30 if dim <= 3 else 8


def cell_counts(x_true: Any, x_gen: Any, *, bins: int, padding: float = 0.1) -> CellCounts:
    """Count visits on a grid of `bins` cells per dimension over the box of the TRUE data.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    bins : cells per dimension inside the box.
    padding : the box is [min - padding * sd, max + padding * sd] of each true column.

    Points outside the box are counted in one extra layer of cells on each side instead of being dropped, so
    leaving the attractor costs. Memory grows with the number of points, never with bins ** dim.
    """
    if bins < 1 or padding < 0:
        raise SpecError(
            f"bins = {bins}, padding = {padding}", "bins >= 1 and padding >= 0", "change that setting"
        )
    true, gen = as_columns_that_vary(x_true, "x_true"), as_points(x_gen, "x_gen", rows=1)
    if true.shape[1] != gen.shape[1]:
        raise DataError(
            f"{true.shape[1]} columns against {gen.shape[1]}",
            "the same columns in both",
            "select the same columns",
        )
    margin = padding * true.std(axis=0, ddof=1)
    low, high = true.min(0) - margin, true.max(0) + margin
    both = np.concatenate([true, gen])
    index = np.clip(np.floor((both - low) / (high - low) * bins), -1, bins).astype(np.int64)
    index[both == high] = bins - 1  # the upper edge belongs to the box
    outside = ((index < 0) | (index == bins)).any(axis=1)[len(true) :]
    cell, count = _labels(index + 1, bins + 2)
    return CellCounts(
        np.bincount(cell[: len(true)], minlength=count),
        np.bincount(cell[len(true) :], minlength=count),
        float(bins + 2) ** true.shape[1],
        float(outside.mean()),
    )


def kl_divergence(counts: CellCounts, smoothing: float = 1e-5) -> float:
    """Kullback-Leibler divergence of generated from true visits, in nats; equals the sum over the dense grid.

    Both histograms get `smoothing` added to every cell. The empty cells all contribute the same term, so
    their sum is known in closed form.
    """
    if smoothing <= 0:
        raise SpecError(f"smoothing = {smoothing}", "a positive number", "use the default 1e-5")
    norm_p = counts.true.sum() + smoothing * counts.cells
    norm_q = counts.generated.sum() + smoothing * counts.cells
    p = (counts.true + smoothing) / norm_p
    q = (counts.generated + smoothing) / norm_q
    empty = (counts.cells - counts.true.size) * (smoothing / norm_p) * np.log(norm_q / norm_p)
    return float(np.sum(p * np.log(p / q)) + empty)


def hellinger_distance(counts: CellCounts) -> float:
    """Hellinger distance of the two histograms, in [0, 1], without smoothing.

    Weighs cells that only one trajectory visits far less than the divergence does, hence has a lower floor
    for short runs.
    """
    p, q = counts.true / counts.true.sum(), counts.generated / counts.generated.sum()
    return float(np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)))


def _labels(index: np.ndarray, base: int) -> tuple[np.ndarray, int]:
    """Consecutive labels of equal rows, relabelled on the way so that no key overflows."""
    label = np.zeros(len(index), dtype=np.int64)
    count = 1
    for column in index.T:
        if count > 2**62 // base:
            label, count = _relabel(label)
        label, count = label * base + column, count * base
    return _relabel(label)


def _relabel(label: np.ndarray) -> tuple[np.ndarray, int]:
    found, label = np.unique(label, return_inverse=True)
    return label, found.size
