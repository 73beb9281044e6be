"""Correlation dimension D2: how the share of close pairs of states grows with the radius."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, unknown
from dsr.measure import Measure

from ..jackknife import jackknife_error
from .correlation_sum import CorrelationSum, correlation_sum

ESTIMATORS = ("takens", "slope")
FEWEST, PER_BIN = 100, 50
SHORTEST_WINDOW = 0.3


@dataclass(frozen=True, eq=False)
class CorrelationDimension:
    """D2 with the curve behind it: draw `correlation_sum.local_slopes` and `measure` as a line.

    scaling_region : the radii between which the estimate was made.
    """

    measure: Measure
    correlation_sum: CorrelationSum
    scaling_region: tuple[float, float]


def correlation_dimension(
    x: Any,
    *,
    estimator: str = "takens",
    theiler: int | None = None,
    share: float | None = None,
    blocks: int = 20,
    seed: int = 0,
) -> CorrelationDimension:
    """D2 of the states `x` (time, dim); arguments and errors of the input as in `correlation_sum`.

    estimator : "takens", the maximum-likelihood estimate C(R) / integral of C(r) / r up to the largest radius R;
        "slope", the most frequent slope of ln C against ln r over all windows of the grid, weighted by their
        length over their residual (Deshmukh et al.).

    Returns
    -------
    CorrelationDimension. low and high of "takens" are -+ one standard error from leaving out one block of time after
    another: it covers at least what it states when the blocks are longer than the memory of the system, and is up to
    1.6 times too wide where the number of close pairs limits D2 rather than time (pairs of blocks are then counted
    twice). Those of "slope" are the half-width of the histogram of slopes at half its height: a spread over fit
    windows, not an error.

    When it misleads: the radius is finite, and the estimate with it off the limit (Lorenz-63: 2.08 at a share of
    0.005, 2.055 at 0.025, 2.04 at 0.04; Rössler: 1.8 at any length), so compare truth and reconstruction by this
    same estimator at equal length, dt and share. The time span is the resource, not the number of rows. Noise
    raises D2 towards the number of columns. No D2 above about 2 log10(rows) can be seen (Eckmann & Ruelle,
    doi:10.1016/0167-2789(92)90023-G). Source: Takens, doi:10.1007/BFb0075637; Theiler, doi:10.1364/JOSAA.7.001055;
    Deshmukh et al., doi:10.1063/5.0069365.
    """
    if estimator not in ESTIMATORS:
        raise unknown("estimator of D2", estimator, ESTIMATORS)
    sums = correlation_sum(x, theiler=theiler, share=share, blocks=blocks, seed=seed)
    if sums.counts[-1] < FEWEST:
        raise DataError(
            f"{sums.counts[-1]} close pairs at distinct states",
            f"at least {FEWEST}",
            "bring a longer series, or raise share",
        )
    settings = {"estimator": estimator, **sums.settings, "radius": float(sums.radii[-1])}
    settings["coincident_pairs"] = sums.coincident
    note = f"{sums.coincident} pairs of states coincide" if 100 * sums.coincident > sums.counts[-1] else ""
    if estimator == "slope":
        value, width, region = _most_frequent_slope(sums)
        if math.isnan(value):
            note = f"no window of the grid with {PER_BIN} pairs per bin"
        measure = Measure("D2", value, value - width, value + width, settings=settings, note=note)
        return CorrelationDimension(measure, sums, region)
    value = float(_takens(sums.counts, sums.radii))
    left_out = sums.counts - sums.by_block
    error = math.nan
    if left_out[:, -1].min() >= FEWEST // 2:
        error = float(jackknife_error(_takens(left_out, sums.radii)))
    measure = Measure("D2", value, value - error, value + error, settings=settings, note=note)
    return CorrelationDimension(measure, sums, (float(sums.radii[0]), float(sums.radii[-1])))


def _takens(counts: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """C(R) / integral of C d ln r along the last axis, exact where C is a power law within each bin.

    Below the grid the same power law is assumed: its part of the integral is C(first) / D.
    """
    low, high = counts[..., :-1].astype(float), counts[..., 1:].astype(float)
    growth = np.log(np.maximum(high, 1.0) / np.maximum(low, 1.0))
    straight = (growth < 1e-9) | (low == 0)
    mean = np.where(straight, (low + high) / 2, (high - low) / np.where(straight, 1.0, growth))
    return (counts[..., -1] - counts[..., 0]) / (mean * np.diff(np.log(radii))).sum(-1)


def _most_frequent_slope(sums: CorrelationSum) -> tuple[float, float, tuple[float, float]]:
    """(mode, half-width at half height, radii of the best window near the mode) of the slopes over all windows."""
    usable = np.append(False, np.diff(sums.counts) >= PER_BIN)
    first = int(sums.counts.size - np.argmin(usable[::-1])) if not usable[1:].all() else 1
    x, y = np.log(sums.radii[first:]), np.log(np.maximum(sums.counts[first:], 1))
    least = max(4, math.ceil(SHORTEST_WINDOW * x.size))
    if x.size < least:
        return math.nan, math.nan, (math.nan, math.nan)
    found = []
    for begin in range(x.size - least + 1):
        for end in range(begin + least, x.size + 1):
            dx, dy = x[begin:end] - x[begin:end].mean(), y[begin:end] - y[begin:end].mean()
            slope = dx @ dy / (dx @ dx)
            residual = math.sqrt(float(((dy - slope * dx) ** 2).mean()))
            found.append((slope, (x[end - 1] - x[begin]) / (residual + 1e-4), begin, end))
    slopes, weights = np.array([f[0] for f in found]), np.array([f[1] for f in found])
    grid = np.linspace(slopes.min() - 0.1, slopes.max() + 0.1, 2000)
    spread = math.sqrt(np.average((slopes - np.average(slopes, weights=weights)) ** 2, weights=weights))
    bandwidth = max(1.06 * spread * slopes.size**-0.2, 1e-3)
    density = np.exp(-0.5 * ((grid[:, None] - slopes) / bandwidth) ** 2) @ weights
    top = int(density.argmax())
    below = density < density[top] / 2
    left = int(top - np.argmax(below[top::-1]))
    right = int(top + np.argmax(below[top:]))
    near = np.abs(slopes - grid[top]) <= max(bandwidth, 1e-3)
    *_, begin, end = found[int(np.argmax(np.where(near, weights, 0.0)))]
    region = float(np.exp(x[begin])), float(np.exp(x[end - 1]))
    return float(grid[top]), float(grid[right] - grid[left]) / 2, region
