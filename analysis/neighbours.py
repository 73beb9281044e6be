"""Nearest neighbours in state that are not neighbours in time."""

from __future__ import annotations

import numpy as np


def nearest_neighbours(
    points: np.ndarray, reference: np.ndarray, window: int, *, distinct: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbour of each reference row among rows more than `window` steps away in time.

    points : (time, dim). reference : (references,) row numbers. distinct : skip neighbours at distance zero.
    Returns (neighbour, distance), both (references,); neighbour is -1 and distance inf where there is none.
    Exact: the number of candidates grows until one is far enough in time.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    near = np.full(len(reference), -1)
    distance = np.full(len(reference), np.inf)
    open_ = np.arange(len(reference))
    count = 8
    while open_.size:
        count = min(count, len(points))
        rows = reference[open_]
        d, j = tree.query(points[rows], k=count)
        d, j = d.reshape(open_.size, -1), j.reshape(open_.size, -1)
        valid = np.abs(j - rows[:, None]) > window
        if distinct:
            valid &= d > 0
        hit, first = valid.any(1), valid.argmax(1)
        near[open_[hit]] = j[hit, first[hit]]
        distance[open_[hit]] = d[hit, first[hit]]
        open_ = open_[~hit]
        if count == len(points):
            break
        count *= 4
    return near, distance
