"""Visits of two trajectories to the cells of one grid, kept sparse: the ground of every binned comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError, SpecError
from .points import as_columns_that_vary, as_points, require_same_columns


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
    """Count visits on a grid of `bins` cells per dimension over the box of the TRUE data: see `cell_visits`."""
    return cell_visits(x_true, x_gen, bins=bins, padding=padding).counts()


@dataclass(frozen=True, eq=False)
class CellVisits:
    """Which cell each row of two trajectories visits.

    Attributes
    ----------
    true, generated : int64 (time,), labels 0 .. occupied - 1 of the cells that either trajectory occupies.
    occupied : number of those cells. cells, outside_fraction : as in `CellCounts`.
    """

    true: np.ndarray
    generated: np.ndarray
    occupied: int
    cells: float
    outside_fraction: float

    def counts(self) -> CellCounts:
        """Visits per cell, the order in time forgotten."""
        true, generated = (np.bincount(x, minlength=self.occupied) for x in (self.true, self.generated))
        return CellCounts(true, generated, self.cells, self.outside_fraction)


def cell_visits(x_true: Any, x_gen: Any, *, bins: int, padding: float = 0.1) -> CellVisits:
    """Visits to a grid of `bins` cells per dimension over the box of the TRUE data.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    bins : cells per dimension inside the box.
    padding : the box is [min - padding * sd, max + padding * sd] of each true column.

    Points outside the box are counted in one extra layer of cells on each side instead of being dropped, so
    leaving the attractor costs. Memory grows with the number of points, never with bins ** dim.
    """
    if padding < 0:
        raise SpecError(f"padding = {padding}", "padding >= 0", "use the default 0.1")
    true, gen = same_columns(x_true, x_gen, bins)
    with np.errstate(over="ignore", invalid="ignore"):
        margin = padding * true.std(axis=0, ddof=1)
        low, high = true.min(0) - margin, true.max(0) + margin
        position = grid_position(np.concatenate([true, gen]), low, high, bins)
    index = np.clip(np.floor(position), -1, bins).astype(np.int64)
    index[: len(true)][true == high] = bins - 1  # the upper edge belongs to the box
    index[len(true) :][gen == high] = bins - 1
    outside = ((index < 0) | (index == bins)).any(axis=1)[len(true) :]
    return label_visits(index + 1, len(true), bins + 2, float(outside.mean()))


def same_columns(x_true: Any, x_gen: Any, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Both trajectories as float64 (time, dim), the true columns not constant; `DataError` where that fails."""
    if bins < 1:
        raise SpecError(f"bins = {bins}", "bins >= 1", "use the default")
    true, gen = as_columns_that_vary(x_true, "x_true"), as_points(x_gen, "x_gen", rows=1)
    require_same_columns(true, gen)
    return true, gen


def grid_position(points: np.ndarray, low: np.ndarray, high: np.ndarray, bins: int) -> np.ndarray:
    """Where each point lies in units of cells, 0 at `low` and `bins` at `high`: (time, dim)."""
    if not (np.isfinite(high - low).all() and (high > low).all()):
        raise DataError(
            "true columns whose range cannot be told in double precision",
            "values below 1e150 in size that vary",
            "rescale the columns, or leave the offending one out",
        )
    return (points - low) / (high - low) * bins


def label_visits(index: np.ndarray, rows_true: int, base: int, outside_fraction: float) -> CellVisits:
    """Visits from the cell indices 0 .. base - 1 (rows, dim) of the true rows and the generated ones below."""
    if index.shape[1] * np.log10(base) > 300:
        raise DataError(
            f"{index.shape[1]} columns, a grid with more cells than there are numbers",
            "fewer columns",
            "compare the leading principal components, or use the variant with Gaussian mixtures",
        )
    cells = float(base) ** index.shape[1]
    label, occupied = _labels(index, base)
    return CellVisits(label[:rows_true], label[rows_true:], occupied, cells, outside_fraction)


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


def jensen_shannon_divergence(counts: CellCounts) -> float:
    """Jensen-Shannon divergence of the two histograms, in bits, in [0, 1], without smoothing."""
    p, q = counts.true / counts.true.sum(), counts.generated / counts.generated.sum()
    return float(0.5 * np.sum(_against_the_mean(p, q) + _against_the_mean(q, p)))


def hellinger_distance(counts: CellCounts) -> float:
    """Hellinger distance of the two histograms, in [0, 1], without smoothing.

    Weighs cells that only one trajectory visits far less than the divergence does, hence has a lower floor
    for short runs.
    """
    p, q = counts.true / counts.true.sum(), counts.generated / counts.generated.sum()
    return float(np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)))


def _against_the_mean(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return p * np.log2(np.where(p > 0, 2 * p / np.where(p + q > 0, p + q, 1.0), 1.0))


def _labels(index: np.ndarray, base: int) -> tuple[np.ndarray, int]:
    """Consecutive labels of equal rows, relabelled on the way so that no key overflows."""
    label = np.zeros(len(index), dtype=np.int64)
    count = 1
    for column in index.T:
        if count > 2**62 // base:
            label, count = _relabel(label, count)
        label, count = label * base + column, count * base
    return _relabel(label, count)


def _relabel(label: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Labels 0, 1, ... in the order of the keys 0 .. count - 1; by a table where one is no longer than the keys."""
    if count <= label.size:
        seen = np.bincount(label, minlength=count) > 0
        return (np.cumsum(seen) - 1)[label], int(seen.sum())
    found, label = np.unique(label, return_inverse=True)
    return label, found.size
