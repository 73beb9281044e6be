"""Sums of a function of distance over all pairs of rows, by blocks of time, so that leaving a block out is cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OfDistance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class PairSums:
    """sums (blocks, blocks) : over the pairs of a block of rows and a block of columns. rows, columns (blocks,) : how
    many each block has. own : what one row paired with itself adds, where rows and columns are the same sample and
    such pairs shall not count; 0 elsewhere."""

    sums: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    own: float | None = None

    def mean(self, row: int | None = None, column: int | None = None) -> float:
        """Of all pairs, those of one block of rows or of columns left out."""
        keep_row, keep_column = (np.arange(len(n)) != i for n, i in ((self.rows, row), (self.columns, column)))
        total = self.sums[np.ix_(keep_row, keep_column)].sum()
        n, m = int(self.rows[keep_row].sum()), int(self.columns[keep_column].sum())
        if self.own is None:
            return float(total / (n * m))
        return float((total - n * self.own) / (n * (n - 1)))


def pair_sums(
    x: np.ndarray, y: np.ndarray, of_distance: OfDistance, *, blocks: int, own: float | None = None
) -> PairSums:
    """Over the pairs of `x` (rows, dim) and `y` (columns, dim), both cut into `blocks` stretches."""
    from scipy.spatial.distance import cdist

    parts_x, parts_y = np.array_split(x, max(1, blocks)), np.array_split(y, max(1, blocks))
    sums = np.array([[of_distance(cdist(a, b)).sum() for b in parts_y] for a in parts_x])
    return PairSums(sums, np.array([len(a) for a in parts_x]), np.array([len(b) for b in parts_y]), own)


def two_sample_values(xx: PairSums, xy: PairSums, yy: PairSums, blocks: int) -> tuple[float, list[float], list[float]]:
    """E[xx] + E[yy] - 2 E[xy]; the same without each block of x, and without each block of y."""

    def value(i: int | None = None, j: int | None = None) -> float:
        return xx.mean(i, i) + yy.mean(j, j) - 2 * xy.mean(i, j)

    return value(), [value(i=b) for b in range(blocks)], [value(j=b) for b in range(blocks)]
