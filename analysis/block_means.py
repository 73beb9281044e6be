"""The error of a mean over time from the means of successive blocks, neighbours included."""

from __future__ import annotations

import math

import numpy as np

BLOCKS, FEWEST = 20, 4


def covariance_of_mean(blocks: np.ndarray, stretches: int = 1) -> np.ndarray:
    """Covariance (k, k) of the mean of `blocks` (stretches * members, k), all members of one stretch after the other;
    NaN for fewer than two blocks.

    With one stretch the blocks count as independent. With more, the covariance of a block with the one that follows it
    is added twice: what fluctuates within bounds enters a block at one end and its neighbour with the opposite sign at
    the other, and leaves the mean (a neutral exponent of a flow is nothing else). What is added is corrected for the
    mean being that of the blocks themselves, and takes no more than all but 1 / stretches off: the two ends of the
    whole remain. A block must be longer than half the correlation time.

    Cf. Newey & West, doi:10.2307/1913610 (who damp the covariances of neighbours where here a least error is kept).
    """
    count, k = blocks.shape
    if count < 2:
        return np.full((k, k), np.nan)
    apart = np.atleast_2d(np.cov(blocks, rowvar=False))
    if stretches > 1 and np.isfinite(apart).all():
        deviation = (blocks - blocks.mean(0)).reshape(stretches, -1, k)
        beside = np.einsum("nmi,nmj->ij", deviation[:-1], deviation[1:]) / (count - 1) + apart / count
        least = apart / stretches
        excess, axes = np.linalg.eigh(apart + beside + beside.T - least)
        apart = least + (axes * np.maximum(excess, 0.0)) @ axes.T
    return apart / count


def error_of_mean(values: np.ndarray) -> float:
    """Standard error of the mean of successive values (n,) from at most 20 blocks of two or more, neighbours included;
    NaN for fewer than four values."""
    if values.size < FEWEST:
        return math.nan
    parts = np.array([part.mean() for part in np.array_split(values, min(BLOCKS, values.size // 2))])
    return math.sqrt(covariance_of_mean(parts[:, None], parts.size)[0, 0])
