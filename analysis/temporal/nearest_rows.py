"""The nearest rows of one record to each row of another: a tree in few dimensions, all distances in many."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled

FEW = 8  # columns up to which a tree is faster; beyond, it opens nearly every leaf of an attractor that fills them
CELLS = 1 << 24  # distances held at once


def nearest_rows(points: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """Row numbers (queries, count) of the `count` nearest `points` (rows, dim) to each of `queries` (queries, dim), the
    nearest first. Of rows at equal distance any may come first.
    """
    if points.shape[1] <= FEW:
        from scipy.spatial import cKDTree

        return cKDTree(points).query(queries, k=count)[1].reshape(len(queries), count)
    centre = points.mean(0)
    points, queries = points - centre, queries - centre  # large means would cost digits
    squares, found = (points**2).sum(1), np.empty((len(queries), count), dtype=np.int64)
    block = max(1, CELLS // len(points))
    for first in range(0, len(queries), block):
        part = queries[first : first + block]
        found[first : first + block] = compiled(_least)(squares - 2 * (part @ points.T), count)
    return found


def _least(table: np.ndarray, count: int) -> np.ndarray:
    """Columns of the `count` least entries of each row, the least first."""
    rows, columns = table.shape
    found = np.zeros((rows, count), dtype=np.int64)
    least = np.empty(count)
    for i in range(rows):
        least[:] = np.inf
        for j in range(columns):
            x = table[i, j]
            if x < least[count - 1]:
                place = count - 1
                while place > 0 and least[place - 1] > x:
                    least[place], found[i, place] = least[place - 1], found[i, place - 1]
                    place -= 1
                least[place], found[i, place] = x, j
    return found
