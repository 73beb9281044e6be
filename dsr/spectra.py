"""Smoothed power spectra and the Hellinger distance between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DataError
from .points import as_points

STILL = 1e-9
ROUNDING = 1e-12  # equal spectra, computed from different series, differ by less


def power_spectrum(x: Any, *, smoothing: float) -> np.ndarray:
    """Power spectrum of each column of `x` (time, dim), normalised to sum 1: (time // 2 + 1, dim).

    Each column is z-scored with its own mean and standard deviation (amplitude errors are invisible),
    |rfft|^2 is smoothed with a Gaussian of `smoothing` bins (0: none). A bin is 1 / (time * dt) wide, so the
    meaning of `smoothing` changes with length. A constant column has all its mass at zero frequency.
    """
    from scipy.ndimage import gaussian_filter1d

    points = as_points(x)
    sd = points.std(0)
    constant = sd <= 1e-12 * np.abs(points).max(0)
    scaled = (points - points.mean(0)) / np.where(constant, 1.0, sd)
    power = np.abs(np.fft.rfft(scaled, axis=0)) ** 2
    if smoothing > 0:
        power = np.maximum(gaussian_filter1d(power, smoothing, axis=0, mode="mirror"), 0.0)
    power[:, constant] = 0.0
    power[0, constant] = 1.0
    return power / power.sum(0)


def spectral_hellinger(x_true: Any, x_gen: Any, *, smoothing: float = 20.0) -> np.ndarray:
    """Hellinger distance of the power spectra, per column: (dim,), each in [0, 1].

    Raises `DataError` unless both series have the same shape. A generated column that is constant (a fixed
    point) is all mass at zero frequency, so its distance is close to 1 and never NaN. Phase surrogates and
    reversed series have distance 0: the score sees two-point correlations only.
    """
    true, gen = as_points(x_true, "x_true"), as_points(x_gen, "x_gen")
    if true.shape != gen.shape:
        raise DataError(
            f"series of shapes {true.shape} and {gen.shape}",
            "two series of equal length and columns",
            "cut both to their common length",
        )
    # A decay towards a fixed point leaves a tail far below the truth whose shape says nothing.
    gen = np.where(gen.std(0) <= STILL * true.std(0), gen.mean(0), gen)
    p, q = power_spectrum(true, smoothing=smoothing), power_spectrum(gen, smoothing=smoothing)
    distance = np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=0))
    return np.where(distance < ROUNDING, 0.0, distance)
