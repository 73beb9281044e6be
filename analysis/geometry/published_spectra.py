"""The D_H of MTF, whose spectra are cut off and not normalised: for numbers comparable with that paper."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.points import as_columns_that_vary

BINS, SMOOTHING = 100, 1


def leading_bins_hellinger(x_true: Any, x_gen: Any) -> np.ndarray:
    """sqrt(1 - integral sqrt(p q)) over the first 100 frequency bins, per column: (dim,).

    Columns are z-scored, an odd last row is dropped, 2 |rfft|^2 / time^2 is smoothed with a Gaussian of one bin,
    cut at five, beyond the ends zero. The power above bin 100 is not counted, so that equal series score above
    zero unless all their power is below; where the sum rounds above one the distance is 0.

    Raises `DataError` for other shapes, fewer than 200 rows, or a constant column.
    Source: Brenner et al., arXiv:2212.07892.
    """
    true, gen = (as_columns_that_vary(x, name, rows=2 * BINS) for x, name in ((x_true, "x_true"), (x_gen, "x_gen")))
    if true.shape != gen.shape:
        raise DataError(
            f"series of shapes {true.shape} and {gen.shape}",
            "two series of equal length and columns",
            "cut both to their common length",
        )
    overlap = np.trapezoid(np.sqrt(_leading_bins(true) * _leading_bins(gen)), axis=0)
    return np.sqrt(np.maximum(1.0 - overlap, 0.0))


def _leading_bins(points: np.ndarray) -> np.ndarray:
    from scipy.ndimage import convolve1d

    points = np.ldexp(points, -np.frexp(np.abs(points).max(0))[1])  # squares of large numbers stay in range
    scaled = ((points - points.mean(0)) / points.std(0))[: len(points) // 2 * 2]
    power = 2 * np.abs(np.fft.rfft(scaled, axis=0)) ** 2 / len(scaled) ** 2
    at = np.arange(-5 * SMOOTHING, 5 * SMOOTHING + 1)
    kernel = np.exp(-0.5 * (at / SMOOTHING) ** 2)
    return convolve1d(power, kernel / kernel.sum(), axis=0, mode="constant")[:BINS]
