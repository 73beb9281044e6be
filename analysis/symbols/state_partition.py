"""A common partition of state space: symbols for any two trajectories, whatever model they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError, unknown
from dsr.points import as_columns_that_vary, as_points

from .sequence import SymbolSequence

OUTSIDE = "outside"
KINDS = ("voronoi", "quantile")
SAME = 1e-20  # squared distance, in variances, of rows that differ by rounding
REACH = 2.0  # a point this many cell radii from its centre is outside


@dataclass(frozen=True, eq=False)
class StatePartition:
    """Cells of state space that were laid out on the truth.

    kind : "voronoi" or "quantile". names : of the cells, then "outside".
    mean, scale : (dim,) by which columns are made comparable.
    centres, radius : (cells, dim) and (cells,), scaled; Voronoi only, else empty.
    edges, codes : quantile borders (dim, bins - 1) and the int64 codes of the cells that the truth visits; quantile
    only, else empty.
    """

    kind: str
    names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    centres: np.ndarray
    radius: np.ndarray
    edges: np.ndarray
    codes: np.ndarray

    def symbols(self, x: Any, *, dt: float = 1.0) -> SymbolSequence:
        """The cells that a trajectory (time, dim) visits; "outside" where the truth never was.

        Raises `DataError` for other columns than those of the truth, or for points that are not finite.
        """
        points = as_points(x, "x", rows=1)
        if points.shape[1] != self.mean.size:
            raise DataError(
                f"{points.shape[1]} columns", f"{self.mean.size} as in the truth", "select the same columns"
            )
        if not np.isfinite(dt) or dt <= 0:
            raise DataError(f"dt = {dt}", "a positive number", "give the time per row")
        limit = np.finfo(np.float64).max ** 0.25  # far outside is outside: squares stay finite
        scaled = np.clip(points / self.scale - self.mean / self.scale, -limit, limit)
        outside = len(self.names) - 1
        if self.kind == "quantile":
            code = _box(scaled, self.edges)
            place = np.minimum(np.searchsorted(self.codes, code), self.codes.size - 1)
            cell = np.where(self.codes[place] == code, place, outside)
        else:
            distance, cell = _nearest(self.centres, scaled)
            cell = np.where(distance <= REACH * self.radius[cell], cell, outside)
        return SymbolSequence(cell.astype(np.int64), self.names, np.arange(len(points)) * float(dt))


def fit_partition(truth: Any, cells: int = 32, *, kind: str = "voronoi", seed: int = 0) -> StatePartition:
    """Lay out cells on the truth, for `partition.symbols(truth)` and `partition.symbols(model_run)`.

    Parameters
    ----------
    truth : (time, dim), at least as many rows as cells. Columns are scaled to unit variance.
    cells : "voronoi": number of cells, each of the points nearest to one of `cells` rows of the truth; "quantile":
        at most that many, from equally many equally filled classes per column, floor(cells^(1/dim)) >= 2 of them.
    seed : picks the rows; each next centre is drawn from 10 candidates, the one farthest from the others, which
        spreads them.

    Points where the truth never was get the symbol "outside": beyond twice the radius of their Voronoi cell, or in
    a box that the truth leaves empty. Raises `DataError` for constant columns or too few different rows.

    When it misleads: such a partition does not generate, so its entropies are no invariants, and they change with
    cells and seed. Compare truth and model on the same partition, over several seeds, and against the floor. Apply
    it at a lag near the autocorrelation time, or words only repeat one symbol.
    """
    if kind not in KINDS:
        raise unknown("partition", kind, KINDS)
    if cells < 2:
        raise SpecError(f"{cells} cells", "2 or more", "use the default 32")
    points = as_columns_that_vary(truth, "truth", rows=max(2, cells))
    span = np.abs(points).max(0)
    mean = (points / span).mean(0) * span
    scale = (points / span).std(0) * span  # squares of huge values stay finite
    if not (scale > 0).all():
        raise DataError("a column varies by less than its rounding", "columns that vary", "leave that column out")
    scaled = points / scale - mean / scale
    none = np.empty(0)
    if kind == "quantile":
        bins = max(2, int(np.floor(cells ** (1 / points.shape[1]) + 1e-9)))
        if bins ** points.shape[1] > 2**62:
            raise SpecError(f"{points.shape[1]} columns in boxes", "at most 62", 'use kind="voronoi"')
        edges = np.quantile(scaled, np.linspace(0, 1, bins + 1)[1:-1], axis=0).T
        codes = np.unique(_box(scaled, edges))
        names = (*(f"box {c}" for c in codes), OUTSIDE)
        return StatePartition(kind, names, mean, scale, none, none, edges, codes)
    centres = _spread_rows(scaled, cells, np.random.default_rng(seed))
    distance, cell = _nearest(centres, scaled)
    radius = np.zeros(cells)
    np.maximum.at(radius, cell, distance)
    names = (*(f"cell {i}" for i in range(cells)), OUTSIDE)
    return StatePartition(kind, names, mean, scale, centres, radius, none, none.astype(np.int64))


def _box(scaled: np.ndarray, edges: np.ndarray) -> np.ndarray:
    code = np.zeros(len(scaled), dtype=np.int64)
    for column, borders in zip(scaled.T, edges, strict=True):
        code = code * (borders.size + 1) + np.searchsorted(borders, column, side="right")
    return code


def _nearest(centres: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    return cKDTree(centres).query(points)


def _spread_rows(points: np.ndarray, cells: int, rng: np.random.Generator) -> np.ndarray:
    rows = [int(rng.integers(len(points)))]
    gap = ((points - points[rows[0]]) ** 2).sum(1)
    while len(rows) < cells:
        candidates = rng.integers(len(points), size=10)
        best = int(candidates[np.argmax(gap[candidates])])
        if gap[best] <= SAME:
            best = int(np.argmax(gap))
        if gap[best] <= SAME:
            raise DataError(
                f"{len(rows)} different rows for {cells} cells", "more different rows", "ask for fewer cells"
            )
        rows.append(best)
        gap = np.minimum(gap, ((points - points[best]) ** 2).sum(1))
    return points[rows]
