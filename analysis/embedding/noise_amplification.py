"""Uzal's cost of an embedding: how much it spreads what it should tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dsr.errors import DataError

from ..compiled import compiled
from .references import neighbourhoods

NEIGHBOURS = 3


@dataclass(frozen=True, eq=False)
class NoiseAmplification:
    """spread : mean of E^2 / eps^2 at horizons of 1, 2, ... steps; size : alpha^2, the harmonic mean of eps^2."""

    spread: np.ndarray
    size: float

    def cost(self, known: Iterable[int] = ()) -> np.ndarray:
        """L = log10(sigma alpha) with sigma^2 averaged over the horizons up to 2, 3, ... that are not in `known`."""
        counts = np.ones(len(self.spread))
        counts[[0, *(horizon - 1 for horizon in known if 0 < horizon <= len(counts))]] = 0
        used = counts > 0
        return 0.5 * np.log10(np.cumsum(self.spread[used]) / np.arange(1, used.sum() + 1) * self.size)


def noise_amplification(points: np.ndarray, reference: np.ndarray, window: int, horizon: int) -> NoiseAmplification:
    """The parts of Uzal's L statistic of an embedding; lower is better.

    points : (time, dim), standardised. reference : rows that have `horizon` more after them. eps^2 is the mean squared
    distance within the three nearest neighbours and the row, E^2 the variance of where these are later. Rows with
    neighbours at distance zero say nothing and are left out; raises `DataError` when fewer than half are left.

    When it misleads: where one coordinate of a delay vector arrives at the time of another, it is known, and even noise
    looks predictable; name these horizons to `cost`, which never uses a single step. Source: Uzal, Grinblat, Verdes,
    doi:10.1103/PhysRevE.84.016223.
    """
    near = neighbourhoods(points[: len(points) - horizon], reference, window, NEIGHBOURS)
    spread, inverse, used = compiled(spreads)(np.ascontiguousarray(points), reference, near, horizon)
    if used < len(reference) / 2:
        raise DataError(
            f"{len(reference) - used} of {len(reference)} rows that repeat others exactly",
            "values of finer resolution",
            "add noise of the size of the rounding, or bring the unrounded data",
        )
    return NoiseAmplification(spread / used, used / inverse)


def spreads(points, reference, near, horizon):
    """Sums over reference rows of E^2 / eps^2 (horizon,) and of 1 / eps^2, and the number of rows; compiled."""
    dim, count = points.shape[1], near.shape[1] + 1
    total = np.zeros(horizon)
    inverse, used, size = 0.0, 0, 0.0
    group = np.empty(count, dtype=np.int64)
    for row in range(reference.shape[0]):
        group[0] = reference[row]
        group[1:] = near[row]
        for ahead in range(horizon + 1):
            variance = 0.0
            for j in range(dim):
                mean = 0.0
                for member in range(count):
                    mean += points[group[member] + ahead, j]
                mean /= count
                for member in range(count):
                    variance += (points[group[member] + ahead, j] - mean) ** 2
            variance /= count
            if ahead == 0:
                size = variance * 2 * count / (count - 1)  # the mean squared distance over the pairs of the group
                if size == 0.0:
                    break
                inverse += 1.0 / size
                used += 1
            else:
                total[ahead - 1] += variance / size
    return total, inverse, used
