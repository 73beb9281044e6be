"""What can be said of a series without a model."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from dsr.errors import DsrError
from dsr.measure import Measure
from dsr.series import TimeSeries
from dsr.spectra import power_spectrum
from dsr.timescales import autocorrelation_time

from ..embedding.choose_embedding import choose_embedding
from ..geometry.correlation_dimension import correlation_dimension
from ..geometry.power_spectrum_error import power_spectrum_error
from ..geometry.state_space_divergence import state_space_divergence
from ..lyapunov.from_data import NAME as FROM_DATA
from ..lyapunov.from_data import max_lyapunov_from_data
from ..surrogates import gaussian_noise, phase_surrogate
from ..temporal.permutation_entropy import permutation_entropy
from ..temporal.sample_entropy import sample_entropy
from ..temporal.zero_one_test import zero_one_test
from .floor import HALVES

DELAY = "mutual-information delay"
FEW_PERIODS = 20
ENTROPY_ROWS = 10_000  # its time grows with the square of the rows


def describe(series: TimeSeries, *, seed: int = 0) -> list[Measure]:
    """Length, time scales, embedding, largest exponent and dimension from data, entropies, chaos, stationarity.

    The delay, the embedding dimension, the 0-1 test and the entropies are those of the first column (sample entropy: of
    its first 10,000 rows); a single column is embedded for the exponent and the dimension, for which every column is
    divided by its standard deviation: neither depends on the units of the columns. D_stsp and D_H are taken
    between the two halves of the record; settings hold the same scores between the first half and two baselines made
    from it. A D_stsp near that of the phase surrogate means a record that is not stationary, or too short. What
    cannot be computed has a note, not an exception; only a constant column is refused (`DataError`).
    """
    series.require_variation()
    x, dt, unit = series.values, series.dt, series.time_unit
    scales = autocorrelation_time(x) * dt
    found = [
        Measure(
            "length",
            float(len(series)),
            unit="rows",
            settings={"duration": series.duration, "columns": series.dim},
        ),
        Measure("autocorrelation time", float(scales.max()), unit=unit, settings={"columns": scales.tolist()}),
        dominant_period(x, dt, unit),
    ]
    where, column = {"column": series.names[0]}, x[:, 0]
    embedding = functools.cache(lambda: choose_embedding(column))  # what needs it repeats why there is none

    scaled = x / np.abs(x).max(0)  # so that no square overflows or vanishes
    scaled /= scaled.std(0)

    def points() -> np.ndarray:
        return embedding().apply(scaled) if series.dim == 1 else scaled

    def dimension() -> Measure:
        chosen = embedding()
        return Measure("embedding dimension", float(chosen.dimension), settings=where, note=chosen.note)

    return [
        *found,
        _or_note(DELAY, lambda: Measure(DELAY, embedding().delay * dt, unit=unit, settings=where)),
        _or_note("embedding dimension", dimension),
        _or_note(FROM_DATA, lambda: max_lyapunov_from_data(points(), dt, seed=seed, time_unit=unit)),
        _or_note("D2", lambda: correlation_dimension(points(), seed=seed).measure),
        _or_note("0-1 test K", lambda: zero_one_test(column, seed=seed).measure),
        _or_note("permutation entropy", lambda: permutation_entropy(column, delay=embedding().delay).measure),
        _or_note("sample entropy", lambda: sample_entropy(column[:ENTROPY_ROWS], delay=embedding().delay)),
        _between_halves(x, state_space_divergence, seed),
        _between_halves(x, power_spectrum_error, seed),
    ]


def dominant_period(x: np.ndarray, dt: float, unit: str) -> Measure:
    """Period of the highest peak of the power spectra, each smoothed over 2 bins."""
    spectrum = power_spectrum(x, smoothing=2.0)[1:]
    peak, column = np.unravel_index(np.argmax(spectrum), spectrum.shape)
    settings = {"column": int(column) + 1, "share_of_power": float(spectrum[peak, column])}
    periods = int(peak) + 1
    few = f"{periods} in the record: too few to trust exponents and dimensions" if periods < FEW_PERIODS else ""
    return Measure("dominant period", len(x) * dt / periods, unit=unit, settings=settings, note=few)


def _between_halves(x: np.ndarray, score: Callable[[np.ndarray, np.ndarray], Measure], seed: int) -> Measure:
    half = len(x) // 2
    first, second = x[:half], x[half : 2 * half]
    name = "D_stsp" if score is state_space_divergence else "D_H"

    def compute() -> Measure:
        measure, surrogate = score(first, second), score(first, phase_surrogate(first, seed))
        gaussian = score(first, gaussian_noise(first, half, seed))
        settings = {
            **measure.settings,
            "between": HALVES,
            "surrogate": surrogate.value,
            "gaussian": gaussian.value,
        }
        note = f"{HALVES}; phase surrogate {surrogate.value:.3g}, Gaussian {gaussian.value:.3g}"
        return Measure(name, measure.value, unit=measure.unit, settings=settings, note=note)

    return _or_note(name, compute)


def _or_note(name: str, compute: Callable[[], Measure]) -> Measure:
    try:
        return compute()
    except DsrError as problem:
        return Measure(name, math.nan, note=f"not computed: {problem.got}")
