"""Correlation sum: the share of pairs of states closer than r, for all r at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError

from ..compiled import compiled
from ..jackknife import block_of
from ..magnitude import of_order_one, window_or_default

SHARE, MOST_PAIRS = 0.025, 2e8
SAMPLE = 100_000
OCTAVES, PER_OCTAVE = 24, 4  # of the squared distance: 3.6 decades of the distance
BINS = OCTAVES * PER_OCTAVE
CHUNK = 512


@dataclass(frozen=True, eq=False)
class CorrelationSum:
    """C(r) on a grid of radii below the largest.

    Attributes
    ----------
    radii : (97,) ascending, about 27 per decade, in the units of the data; the last is the largest radius.
    counts : (97,) pairs closer than each radius, without those at distance zero.
    by_block : (blocks, 97) those of which at least one state lies in that block of time.
    pairs : all pairs outside the Theiler window, close or not.
    coincident : pairs at distance zero: quantised data, or an orbit that closes exactly.
    """

    radii: np.ndarray
    counts: np.ndarray
    by_block: np.ndarray
    pairs: float
    coincident: int
    settings: Mapping[str, Any]

    @property
    def values(self) -> np.ndarray:
        """C(r), (97,)."""
        return self.counts / self.pairs

    @property
    def local_slopes(self) -> np.ndarray:
        """d ln C / d ln r between neighbouring radii, (96,); NaN where fewer than 50 pairs are closer.

        A scaling region is a plateau of this curve; without one a dimension is only a number.
        """
        enough = self.counts[:-1] >= 50
        slopes = np.diff(np.log(np.maximum(self.counts, 1))) / np.diff(np.log(self.radii))
        return np.where(enough, slopes, np.nan)


def correlation_sum(
    x: Any, *, theiler: int | None = None, share: float | None = None, blocks: int = 20, seed: int = 0
) -> CorrelationSum:
    """Count the pairs of rows that are close in state and more than `theiler` steps apart in time.

    Parameters
    ----------
    x : (time, dim) states, Euclidean distance as they are: scale columns of different units first, and embed
        a single observable (`choose_embedding`).
    theiler : steps within which two rows are neighbours in time; `theiler_window` if None. For a flow 0 finds
        the dimension 1 of the trajectory itself.
    share : the largest radius is that below which this share of all pairs lies (estimated from 100,000 pairs
        drawn with `seed`); None: 0.025, or less where that were above 200 million pairs.
    blocks : blocks of time of which the errors are made.

    Returns
    -------
    CorrelationSum. The work is done in boxes of the size of the largest radius, so it grows with the number of
    close pairs; memory with the number of rows.

    Raises `DataError` for a series too short for its window, or of which so many pairs coincide (quantised data,
    a fixed point, a cycle) that the largest radius is zero. Source: Grassberger & Procaccia,
    doi:10.1016/0167-2789(83)90298-1; boxes: Theiler, doi:10.1103/PhysRevA.36.4456.
    """
    points, exponent = of_order_one(x, rows=50)
    rows = len(points)
    window = window_or_default(points, theiler)
    if rows < 4 * window:
        raise DataError(
            f"{rows} rows with a Theiler window of {window}",
            f"at least {4 * window} rows",
            "bring a longer series, or remove a trend that makes the autocorrelation long",
        )
    share = min(SHARE, MOST_PAIRS / (0.5 * rows**2)) if share is None else share
    if not 0 < share <= 1:
        raise SpecError(f"share = {share}", "a share of all pairs, 0 < share <= 1", "use the default")
    largest = radius_of_share(points, share, window, seed)
    order, start, columns = _boxes(points, largest)
    block = block_of(rows, blocks)[order]
    tables = compiled(_count)(
        _three(points[order] / largest), order, block, start, columns, window, blocks, BINS, PER_OCTAVE
    )
    counts = tables.sum((0, 1))
    by_block = tables.sum(0) + tables.sum(1) - tables[np.arange(blocks), np.arange(blocks)]
    settings = {"theiler": window, "share": share, "length": rows, "blocks": blocks, "seed": seed}
    return CorrelationSum(
        np.ldexp(largest * _grid(), exponent),
        counts[1:].cumsum(),
        by_block[:, 1:].cumsum(1),
        0.5 * (rows - window - 1.0) * (rows - window),
        int(counts[0]),
        settings,
    )


def radius_of_share(points: np.ndarray, share: float, window: int, seed: int, *, supremum: bool = False) -> float:
    """The distance below which `share` of the pairs outside the window lie, from a sample of pairs.

    Raises `DataError` where it is zero: that share of the pairs coincides.
    """
    i, j = np.random.default_rng(seed).integers(0, len(points), (2, SAMPLE))
    apart = np.abs(i - j) > window
    difference = points[i[apart]] - points[j[apart]]
    distance = np.abs(difference).max(1) if supremum else np.sqrt(np.einsum("ij,ij->i", difference, difference))
    rank = min(distance.size - 1, math.ceil(share * distance.size))
    radius = float(np.partition(distance, rank)[rank])
    if radius <= 1e-150:
        raise DataError(
            f"more than {100 * share:.3g} % of the pairs of states coincide",
            "states that do not repeat exactly",
            "this is a cycle, a fixed point or data of few distinct values: look at it before measuring",
        )
    return radius


def _grid() -> np.ndarray:
    """Radii as shares of the largest. Squared they are the powers of two and quarters in between: the bin of a
    squared distance is then read off the bits of the number, without a logarithm."""
    fractions = 2.0 ** -np.arange(OCTAVES, 0, -1)[:, None] * (1 + np.arange(PER_OCTAVE) / PER_OCTAVE)
    return np.sqrt(np.append(fractions.ravel(), 1.0))


def _boxes(points: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows in the order of their boxes on the two leading principal axes, where each box starts, boxes per row."""
    centred = points - points.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    plane = centred @ axes[:, -2:]
    plane -= plane.min(0)
    side = max(side, float(plane.max()) / math.sqrt(len(points)))
    index = (plane / side).astype(np.int64)
    columns = int(index[:, -1].max()) + 1
    lines = 1 if index.shape[1] == 1 else int(index[:, 0].max()) + 1
    cell = index[:, -1] if index.shape[1] == 1 else index[:, 0] * columns + index[:, 1]
    order = np.argsort(cell, kind="stable")
    return order, np.searchsorted(cell[order], np.arange(lines * columns + 1)), columns


def _three(points: np.ndarray) -> np.ndarray:
    """At least three columns, zeros added: the loop has the first three written out."""
    return np.ascontiguousarray(np.pad(points, ((0, 0), (0, max(0, 3 - points.shape[1])))))


def _count(points, time, block, start, columns, window, blocks, bins, per_octave):
    """Pairs closer than 1, per pair of blocks and bin of the squared distance: (blocks, blocks, bins + 2).

    Bin 0 holds distance zero, bin 1 all below the grid. Each pair is met once, from its earlier box; the first
    pass over a chunk of candidates has no branch, and a chunk stays in the cache.
    """
    pairs = np.zeros((blocks, blocks, bins + 2), np.int64)
    dim, cells = points.shape[1], start.size - 1
    square, near = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    bits = square.view(np.int64)
    shift = 52
    while (1 << (52 - shift)) < per_octave:
        shift -= 1
    one = (1023 << 52) >> shift  # the bits of 1.0: all close pairs lie below
    for cell in range(cells):
        line, column = cell // columns, cell % columns
        below = start[min(cell + 2, (line + 1) * columns)]
        first, last = 0, 0
        if (line + 1) * columns < cells:
            first = start[(line + 1) * columns + max(column - 1, 0)]
            last = start[(line + 1) * columns + min(column + 1, columns - 1) + 1]
        for p in range(start[cell], start[cell + 1]):
            x, y, z, own = points[p, 0], points[p, 1], points[p, 2], pairs[block[p]]
            for part in range(2):
                begin, end = (p + 1, below) if part == 0 else (first, last)
                for chunk in range(begin, end, CHUNK):
                    n = 0
                    for q in range(chunk, min(end, chunk + CHUNK)):
                        u, v, w = points[q, 0] - x, points[q, 1] - y, points[q, 2] - z
                        s = u * u + v * v + w * w
                        square[n], near[n] = s, q
                        n += s < 1.0
                    for i in range(n):
                        q, s = near[i], square[i]
                        for d in range(3, dim):
                            s += (points[q, d] - points[p, d]) ** 2
                        if s >= 1.0 or abs(time[p] - time[q]) <= window:
                            continue
                        square[i] = s
                        k = 0 if s <= 0.0 else max(1, bins + 2 + (bits[i] >> shift) - one)
                        own[block[q], k] += 1
    return pairs
