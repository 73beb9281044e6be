"""Confidence interval of a median over few seeds, by the bootstrap."""

from __future__ import annotations

import functools

import numpy as np

LEVEL = 0.95
RESAMPLES, SEED = 20_000, 0


def median_interval(values: np.ndarray, *, level: float = LEVEL) -> tuple[float, float]:
    """Percentile bootstrap interval of the median of `values` (n,); (NaN, NaN) below two.

    The median of a resample depends on the data only through ranks, so the ranks are drawn once for each n, from a
    generator of fixed seed: equal input gives equal bytes. The bootstrap of a median needs no correction for bias and
    acceleration (BCa): its jackknife is not consistent (Efron & Tibshirani 1993, DOI 10.1007/978-1-4899-4541-9, section
    11.6).

    When it misleads: with few values it is the range, whose coverage is `reachable_coverage(n)`: 93.8 % with 5, 75 %
    with 3, whatever the level asked for. With 20 it covers 93.6 %, with 50 95 % (10,000 normal, log-normal and Cauchy
    samples: `pytest -m slow -k coverage -s`).
    """
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    pairs, weights = _middle_ranks(n)
    ordered = np.sort(values)
    medians = (ordered[pairs[:, 0]] + ordered[pairs[:, 1]]) / 2
    order = np.argsort(medians, kind="stable")
    below = np.cumsum(weights[order])
    tail = (1 - level) / 2
    places = np.searchsorted(below, [tail, 1 - tail], side="left")
    low, high = medians[order[np.minimum(places, len(order) - 1)]]
    return float(low), float(high)


def reachable_coverage(n: int) -> float:
    """Largest coverage that any interval between two of n independent values has for the median: that of their range,
    1 - 2^(1 - n)."""
    return 1.0 - 2.0 ** (1 - n) if n > 0 else 0.0


@functools.lru_cache(maxsize=256)
def _middle_ranks(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Ranks (k, 2) of the two middle values of resamples of n (equal where n is odd), and the share of each.

    A resample takes the ranks floor(n u) of n uniform numbers; of these only the middle ones are drawn, as order
    statistics.
    """
    generator = np.random.default_rng([SEED, n])
    m = (n + 1) // 2
    lower = generator.beta(m, n + 1 - m, RESAMPLES)
    upper = lower if n % 2 else lower + (1 - lower) * generator.beta(1, n - m, RESAMPLES)
    drawn = np.minimum((n * np.column_stack([lower, upper])).astype(int), n - 1)
    pairs, counts = np.unique(drawn, axis=0, return_counts=True)
    return pairs, counts / RESAMPLES
