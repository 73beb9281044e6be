"""Nearest neighbours in state that are not neighbours in time."""

from __future__ import annotations

import numpy as np

CANDIDATES = 512
ROWS_PER_WINDOW = 64


def nearest_neighbours(
    points: np.ndarray, reference: np.ndarray, window: int, *, distinct: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbour of each reference row among rows more than `window` steps away in time.

    points : (time, dim). reference : (references,) row numbers. distinct : skip neighbours at distance zero.
    Returns (neighbour, distance), both (references,); neighbour is -1 and distance inf where none of the 512
    nearest will do (a series of few distinct values).

    With a window above 127 steps the candidates are thinned to 64 rows per window: rows so close in time are
    one neighbour, and a slowly varying series would otherwise cost window times more.
    """
    from scipy.spatial import cKDTree

    stride = max(1, window // ROWS_PER_WINDOW)
    tree = cKDTree(points[::stride])
    near = np.full(len(reference), -1)
    distance = np.full(len(reference), np.inf)
    open_ = np.arange(len(reference))
    count = 8
    while open_.size and count <= CANDIDATES:
        rows = reference[open_]
        d, j = tree.query(points[rows], k=min(count, tree.n))
        d, j = d.reshape(open_.size, -1), j.reshape(open_.size, -1) * stride
        valid = np.abs(j - rows[:, None]) > window
        if distinct:
            valid &= d > 0
        hit, first = valid.any(1), valid.argmax(1)
        near[open_[hit]] = j[hit, first[hit]]
        distance[open_[hit]] = d[hit, first[hit]]
        open_ = open_[~hit]
        count *= 4
    return near, distance
