"""Sensor noise of a finely sampled series, told from the series itself."""

from __future__ import annotations

import math

import numpy as np

SMALL = 0.2  # standard deviations: above it the fourth difference of the signal itself cannot be told from noise


def sensor_noise(values: np.ndarray) -> np.ndarray | None:
    """Standard deviation (dim,) of white observation noise on values (time, dim), from fourth differences, which leave
    hardly anything of a smooth signal and 70 times the variance of the noise; None where the sampling is too coarse to
    tell, as on maps."""
    found = np.diff(values, 4, axis=0).std(0) / math.sqrt(70.0)
    return found if (found < SMALL * values.std(0)).all() else None
