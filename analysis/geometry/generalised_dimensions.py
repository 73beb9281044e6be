"""Generalised dimensions D_q: how unevenly the invariant measure is spread over its support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..magnitude import of_order_one, window_or_default

RANKS = 12
LEAST_RANK, SHARE = 8, 0.01
LARGEST_ORDER = 6.0
FEWEST_BLOCKS = 4


@dataclass(frozen=True, eq=False)
class GeneralisedDimensions:
    """D_q of every q: draw `values` with `errors` against `orders`.

    orders, values, errors (orders,). ranks (ranks,): k, and mean_log_radius (ranks,): the mean of ln of the distance
    to the k-th neighbour, the curve behind D_1. measures: one per order.
    """

    orders: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    ranks: np.ndarray
    mean_log_radius: np.ndarray
    measures: tuple[Measure, ...]
    settings: Mapping[str, Any]

    @property
    def measure(self) -> Measure:
        """D_1, the information dimension, or the order nearest to it."""
        return self.measures[int(np.argmin(np.abs(self.orders - 1.0)))]


def generalised_dimensions(
    x: Any,
    *,
    orders: Sequence[float] = (0.0, 1.0, 2.0, 3.0, 4.0),
    theiler: int | None = None,
    share: float = SHARE,
    references: int = 4000,
    blocks: int = 8,
    seed: int = 0,
) -> GeneralisedDimensions:
    """D_q of the states `x` (time, dim) from the distances to the k-th neighbours (fixed mass).

    Parameters
    ----------
    x : Euclidean distance as they are: scale columns of different units first.
    orders : q from -2 to 6; 0 is the dimension of the support, 1 the information, 2 the correlation dimension.
    theiler : rows at most so many steps apart are no neighbours; `theiler_window` if None.
    share : the largest k is this share of the rows, the smallest 8.
    references : at most so many rows, drawn with `seed`, whose neighbours are found.
    blocks : stretches of time, each measured by itself, whose scatter gives the errors; fewer where they would be
        short, none below 4.

    Returns
    -------
    GeneralisedDimensions; values -+ one standard error. A value is NaN with a note where no dimension between 0 and
    three times the columns fits.

    The moment <r_k^g> with g = (1 - q) D_q grows as Gamma(k + 1 - q) / Gamma(k), which is exact for any k where the
    measure scales; D_q is the value that makes it so. D_1 is the slope of digamma(k) against <ln r_k>.

    When it misleads: the errors leave out the bias of a finite radius (0.03 on fractals of known D_q), and are up to
    twice too wide, because the stretches are short; q < 0 is ruled by the emptiest corners and by noise. For a single
    number use `correlation_dimension`. Source: Badii & Politi, doi:10.1007/BF01009897; Grassberger,
    doi:10.1016/0375-9601(85)90724-8.
    """
    q = np.asarray(list(orders), dtype=np.float64)
    if not q.size or not ((q >= -2) & (q <= LARGEST_ORDER)).all():
        raise SpecError(f"orders = {list(orders)}", f"numbers from -2 to {LARGEST_ORDER:g}", "change orders")
    if not 0 < share <= 0.5 or references < 10 or blocks < 0:
        raise SpecError(
            f"share = {share}, references = {references}, blocks = {blocks}",
            "share in (0, 0.5], references from 10, blocks from 0",
            "use the defaults",
        )
    points, exponent = of_order_one(x, rows=100)
    window = window_or_default(points, theiler)
    ranks, radii = _neighbour_distances(points, window, share, references, seed)
    values = _dimensions(radii, ranks, q, points.shape[1])
    errors = np.full(q.size, np.nan)
    parts = min(blocks, len(points) // int(max(100, 8 * window + 4 * LEAST_RANK + 4, 2 * LEAST_RANK / share)))
    if parts >= FEWEST_BLOCKS:
        found = []
        for stretch in np.array_split(points, parts):
            own_ranks, own = _neighbour_distances(stretch, window, share, max(10, references // parts), seed)
            found.append(_dimensions(own, own_ranks, q, points.shape[1]))
        errors = np.std(found, axis=0, ddof=1) / math.sqrt(parts)
    settings = {
        "theiler": window, "share": share, "references": len(radii), "length": len(points), "seed": seed,
        "blocks": parts if parts >= FEWEST_BLOCKS else 0,
    }  # fmt: skip
    measures = tuple(_measure(*row, settings) for row in zip(q, values, errors, strict=True))
    mean_log = np.log(radii).mean(0) + exponent * math.log(2)
    return GeneralisedDimensions(q, values, errors, ranks, mean_log, measures, settings)


def _neighbour_distances(
    points: np.ndarray, window: int, share: float, references: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(k (ranks,), distance to the k-th neighbour outside the window (references, ranks))."""
    from scipy.spatial import cKDTree

    rows = len(points)
    largest = max(2 * LEAST_RANK, int(share * rows))
    wanted = largest + 2 * window + 1
    if rows < 2 * wanted:
        raise DataError(
            f"{rows} rows with a Theiler window of {window}",
            f"at least {2 * wanted} rows",
            "bring a longer series, or remove a trend that makes the autocorrelation long",
        )
    ranks = np.unique(np.round(np.geomspace(LEAST_RANK, largest, RANKS)).astype(int))
    chosen = np.arange(rows)
    if rows > references:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, references, replace=False))
    tree, radii = cKDTree(points), np.empty((chosen.size, ranks.size))
    for part in np.array_split(np.arange(chosen.size), max(1, chosen.size * wanted // 2_000_000)):
        here = chosen[part]
        distance, neighbour = tree.query(points[here], k=wanted)
        apart = np.abs(neighbour - here[:, None]) > window
        place = np.argsort(~apart, axis=1, kind="stable")[:, ranks - 1]
        radii[part] = np.take_along_axis(distance, place, axis=1)
    if not (radii > 1e-150).all():
        coincide = int((radii[:, 0] <= 1e-150).sum())
        raise DataError(
            f"{coincide} of {chosen.size} states coincide with {LEAST_RANK} others",
            "states that do not repeat exactly",
            "this is a cycle, a fixed point or data of few distinct values: look at it before measuring",
        )
    return ranks, radii


def _dimensions(radii: np.ndarray, ranks: np.ndarray, q: np.ndarray, columns: int) -> np.ndarray:
    from scipy.optimize import brentq
    from scipy.special import digamma, gammaln, logsumexp

    logs = np.log(radii / np.exp(np.log(radii).mean()))
    found = np.full(q.size, np.nan)
    for i, order in enumerate(q):
        if abs(order - 1.0) < 1e-6:
            found[i] = 1 / _slope(digamma(ranks), logs.mean(0))
            continue
        expected = gammaln(ranks + 1 - order) - gammaln(ranks)

        def excess(dimension: float, expected: np.ndarray = expected, g: float = 1 - order) -> float:
            return _slope(expected, logsumexp(g * dimension * logs, axis=0)) - 1

        low, high = 1e-3, 3.0 * columns
        if excess(low) < 0 < excess(high):
            found[i] = brentq(excess, low, high, xtol=1e-6)
    return found


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    dx = x - x.mean()
    return float(dx @ y / (dx @ dx))


def _measure(order: float, value: float, error: float, settings: Mapping[str, Any]) -> Measure:
    name = f"D_{order:g}"
    if math.isnan(value):
        return Measure(name, value, settings=settings, note="no dimension fits: the measure does not scale here")
    return Measure(name, float(value), float(value - error), float(value + error), settings=settings)
