"""Reference rows and their neighbours in state that are not neighbours in time."""

from __future__ import annotations

import numpy as np

from dsr.errors import DataError

REFERENCES = 5000


def reference_rows(length: int, seed: int) -> np.ndarray:
    """At most 5000 of the rows 0 .. length - 1, in order: (references,)."""
    if length <= REFERENCES:
        return np.arange(length)
    return np.sort(np.random.default_rng(seed).choice(length, REFERENCES, replace=False))


def rows_for_delays(rows: int, delays: int, window: int, what: str) -> int:
    """Rows left after `delays`; raises `DataError` where they hold no neighbours beyond the Theiler window."""
    length, least = rows - delays, 2 * window + 10
    if length < least:
        raise DataError(
            f"{rows} rows for {what}", f"at least {delays + least} rows", "bring a longer series or lower that limit"
        )
    return length


def neighbourhoods(points: np.ndarray, reference: np.ndarray, window: int, count: int) -> np.ndarray:
    """The `count` nearest rows of each reference row, more than `window` steps away in time: (references, count).

    points : (time, dim), at least 2 window + 1 + count rows. Euclidean distances, nearest first; exact repetitions
    count as neighbours.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    near = np.empty((len(reference), count), dtype=np.int64)
    open_ = np.arange(len(reference))
    asked, most = 2 * count, min(2 * window + 1 + count, len(points))  # so many hold `count` that are valid
    while open_.size:
        asked = min(asked, most)
        rows = reference[open_]
        found = tree.query(points[rows], k=asked)[1].reshape(open_.size, asked)
        valid = np.abs(found - rows[:, None]) > window
        enough = valid.sum(1) >= count
        order = np.argsort(~valid[enough], axis=1, kind="stable")[:, :count]
        near[open_[enough]] = np.take_along_axis(found[enough], order, axis=1)
        open_ = open_[~enough]
        asked *= 4
    return near
