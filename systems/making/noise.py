"""Noise of the measurement: it changes what is seen, not where the system goes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option
from dsr.series import TimeSeries

from .operation import OPERATIONS, Operation, require_setting


@OPERATIONS.register("additive_noise")
@dataclass(frozen=True)
class AdditiveNoise(Operation):
    """White Gaussian noise on every value; give one of the three sizes.

    The signal-to-noise ratio is 10 log10(variance of the column / variance of the noise), so 20 dB is a tenth of the
    standard deviation. A column that is constant gets no noise by `relative` or `snr_db`.
    """

    deviation: float | None = option(None, "standard deviation in the unit of the column")
    relative: float | None = option(None, "standard deviation over that of the column")
    snr_db: float | None = option(None, "signal-to-noise ratio in decibels")

    def __post_init__(self) -> None:
        given = [k for k in ("deviation", "relative", "snr_db") if getattr(self, k) is not None]
        if len(given) != 1:
            raise SpecError(
                f"AdditiveNoise with {' and '.join(given) or 'no size'}",
                "exactly one of deviation, relative, snr_db",
                "give for example snr_db=20.0",
            )
        for key in ("deviation", "relative"):
            value = getattr(self, key)
            require_setting(value is None or 0 <= value < np.inf, self, key, "0 or more", f"{key}=0.1")
        require_setting(
            self.snr_db is None or bool(np.isfinite(self.snr_db)), self, "snr_db", "decibels", "snr_db=20.0"
        )

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        size: np.ndarray | float
        if self.deviation is not None:
            size = self.deviation
        else:
            share = self.relative if self.relative is not None else 10.0 ** (-(self.snr_db or 0.0) / 20.0)
            size = share * series.values.std(axis=0)
        errors = rng.standard_normal(series.values.shape)
        return dataclasses.replace(series, values=series.values + size * errors)


@OPERATIONS.register("multiplicative_noise")
@dataclass(frozen=True)
class MultiplicativeNoise(Operation):
    """Every value times 1 + `share` times a Gaussian number of its own: an error that grows with what is read."""

    share: float = option(0.05, "standard deviation of the factor")

    def __post_init__(self) -> None:
        require_setting(0 <= self.share < np.inf, self, "share", "0 or more", "share=0.05")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        factors = 1.0 + self.share * rng.standard_normal(series.values.shape)
        return dataclasses.replace(series, values=series.values * factors)


@OPERATIONS.register("quantise")
@dataclass(frozen=True)
class Quantise(Operation):
    """Values rounded to the levels of a converter with `bits` bits that covers the range of each column.

    The error is at most half a level and, for many bits, of variance level^2 / 12. Repeated values upset estimators
    that look at nearest neighbours.
    """

    bits: int = option(8, "2^bits levels from the least to the greatest value")

    def __post_init__(self) -> None:
        require_setting(1 <= self.bits <= 32, self, "bits", "a whole number from 1 to 32", "bits=8")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        low, span = series.values.min(axis=0), np.ptp(series.values, axis=0)
        level = np.where(span > 0, span, 1.0) / (2**self.bits - 1)
        return dataclasses.replace(series, values=low + np.round((series.values - low) / level) * level)
