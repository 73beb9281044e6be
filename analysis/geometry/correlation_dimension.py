"""Correlation dimension D2: how the share of close pairs of states grows with the radius."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, unknown
from dsr.measure import Measure
from dsr.points import as_columns_that_vary

from ..jackknife import jackknife_error
from .correlation_sum import CorrelationSum, correlation_sum

ESTIMATORS = ("takens", "slope")
FEWEST, PER_BIN = 100, 50
SHORTEST_WINDOW = 0.3
LEAST_STEPS = 4  # of quantised values, in the largest radius


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

    Values in steps (quantised, rounded) are blurred evenly over their step, and only pairs further apart than a step
    count, for "takens" by the likelihood truncated at both radii. Where the largest radius is below 4 steps, D2 is NaN
    and the note says so.

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
    coincident, radius = sums.coincident, float(sums.radii[-1])
    settings = {"estimator": estimator, **sums.settings, "radius": radius, "coincident_pairs": coincident}
    notes = [f"{coincident} pairs of states coincide"] if 100 * coincident > sums.counts[-1] else []
    points = as_columns_that_vary(x)
    steps = _steps(points)
    step, first = steps.max(), 0
    if radius < LEAST_STEPS * step:
        note = f"not computed: values in steps of {step:.2g} for a radius of {radius:.2g}, below {LEAST_STEPS} steps"
        return CorrelationDimension(Measure("D2", math.nan, settings=settings, note=note), sums, (radius, radius))
    if step > sums.radii[0]:
        blurred = points + steps * (np.random.default_rng([seed, 1]).random(points.shape) - 0.5)
        sums = correlation_sum(blurred, theiler=sums.settings["theiler"], share=share, blocks=blocks, seed=seed)
        first, radius = int(np.searchsorted(sums.radii, step)), float(sums.radii[-1])
        settings |= {"radius": radius, "smallest_radius": float(sums.radii[first])}
        notes.append(f"values in steps of {step:.2g}: from pairs further apart than that")
    pairs = int(sums.counts[-1] - (sums.counts[first] if first else 0))
    if pairs < FEWEST:
        raise DataError(
            f"{pairs} close pairs at distinct states",
            f"at least {FEWEST}",
            "bring a longer series, or raise share",
        )
    note = "; ".join(notes)
    if estimator == "slope":
        value, width, region = _most_frequent_slope(sums, first)
        if math.isnan(value):
            note = f"no window of the grid with {PER_BIN} pairs per bin"
        measure = Measure("D2", value, value - width, value + width, settings=settings, note=note)
        return CorrelationDimension(measure, sums, region)
    estimate = _truncated if first else _takens
    value = float(estimate(sums.counts[first:], sums.radii[first:]))
    left_out = (sums.counts - sums.by_block)[:, first:]
    error = math.nan
    if (left_out[:, -1] - (left_out[:, 0] if first else 0)).min() >= FEWEST // 2:
        error = float(jackknife_error(estimate(left_out, sums.radii[first:])))
    measure = Measure("D2", value, value - error, value + error, settings=settings, note=note)
    return CorrelationDimension(measure, sums, (float(sums.radii[first]), radius))


def _steps(points: np.ndarray) -> np.ndarray:
    """The step of each column (time, dim) of which most rows repeat a value; 0 for the others."""
    values = [np.unique(column) for column in points.T]
    return np.array([np.diff(v).min() if 2 * v.size <= len(points) else 0.0 for v in values])


def _takens(counts: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """C(R) / integral of C d ln r along the last axis.

    Below the grid the same power law is assumed: its part of the integral is C(first) / D.
    """
    return (counts[..., -1] - counts[..., 0]) / _integral(counts, radii)


def _truncated(counts: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The exponent D of largest likelihood for distances between the first and the last radius, along the last axis:
    1 / D - L / (exp(D L) - 1) = <ln(R / r)> with L = ln(R / first)."""
    from scipy.optimize import brentq

    inside = counts - counts[..., :1]
    length = math.log(radii[-1] / radii[0])
    means = _integral(inside, radii) / inside[..., -1] / length

    def exponent(mean: float) -> float:
        return brentq(lambda u: 1 / u - 1 / math.expm1(u) - mean, -300.0, 500.0) / length

    return np.vectorize(exponent, otypes=[float])(means)


def _integral(counts: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Integral of C d ln r along the last axis, exact where C is a power law within each bin."""
    low, high = counts[..., :-1].astype(float), counts[..., 1:].astype(float)
    growth = np.log(np.maximum(high, 1.0) / np.maximum(low, 1.0))
    straight = (growth < 1e-9) | (low == 0)
    mean = np.where(straight, (low + high) / 2, (high - low) / np.where(straight, 1.0, growth))
    return (mean * np.diff(np.log(radii))).sum(-1)


def _most_frequent_slope(sums: CorrelationSum, least: int) -> tuple[float, float, tuple[float, float]]:
    """(mode, half-width at half height, radii of the best window near the mode) of the slopes over all windows of the
    grid from index `least` on."""
    usable = np.append(False, np.diff(sums.counts) >= PER_BIN)
    first = int(sums.counts.size - np.argmin(usable[::-1])) if not usable[1:].all() else 1
    first = max(first, least)
    x, y = np.log(sums.radii[first:]), np.log(np.maximum(sums.counts[first:], 1))
    shortest = max(4, math.ceil(SHORTEST_WINDOW * x.size))
    if x.size < shortest:
        return math.nan, math.nan, (math.nan, math.nan)
    found = []
    for begin in range(x.size - shortest + 1):
        for end in range(begin + shortest, x.size + 1):
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
