"""Power spectra, smoothed or averaged over segments, and the Hellinger distance between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DataError, SpecError
from .points import as_points

STILL = 1e-9
ROUNDING = 1e-12  # equal spectra, computed from different series, differ by less
SEGMENTS_AT_ONCE = 256


def power_spectrum(x: Any, *, smoothing: float, ends: str = "mirror") -> np.ndarray:
    """Power spectrum of each column of `x` (time, dim), normalised to sum 1: (time // 2 + 1, dim).

    Each column is z-scored with its own mean and standard deviation (amplitude errors are invisible),
    |rfft|^2 is smoothed with a Gaussian of `smoothing` bins (0: none). A bin is 1 / (time * dt) wide, so the
    meaning of `smoothing` changes with length. A constant column has all its mass at zero frequency. `ends` is
    scipy's mode: beyond either end the spectrum goes on as its mirror image, with the last bin once ("mirror")
    or twice ("reflect").
    """
    from scipy.ndimage import gaussian_filter1d

    scaled, constant = _standardised(as_points(x))
    power = np.abs(np.fft.rfft(scaled, axis=0)) ** 2
    if smoothing > 0:
        power = np.maximum(gaussian_filter1d(power, smoothing, axis=0, mode=ends), 0.0)
    return _of_sum_one(power, constant)


def welch_spectrum(x: Any, *, segment: int) -> np.ndarray:
    """Spectrum averaged over overlapping segments of `segment` rows (Welch), of sum 1: (segment // 2 + 1, dim).

    Each column of `x` (time, dim) is z-scored as a whole, so slow motion stays in the lowest bins. The segments,
    under a Hann window, overlap by half or a little more, reach from the first row to the last, and are the same
    for the reversed series. A bin is 1 / (segment * dt) wide whatever the length, and the spectrum converges as
    the series gets longer. A constant column has all its mass at zero frequency.

    Raises `SpecError` for a segment longer than the series or under 8 rows.
    Source: Welch, doi:10.1109/TAU.1967.1161901.
    """
    power = welch_powers(x, segment=segment)[0]
    return power / power.sum(0)


def welch_powers(x: Any, *, segment: int, blocks: int = 1) -> np.ndarray:
    """As `welch_spectrum`, summed over blocks of consecutive segments: (blocks, segment // 2 + 1, dim)."""
    scaled, constant = _standardised(as_points(x))
    starts = segment_starts(len(scaled), segment)
    if not 1 <= blocks <= starts.size:
        raise SpecError(f"{blocks} blocks of {starts.size} segments", f"1 .. {starts.size}", "choose fewer blocks")
    window = np.sin(np.pi * (np.arange(segment) + 0.5) / segment)[:, None] ** 2
    powers = np.zeros((blocks, segment // 2 + 1, scaled.shape[1]))
    for power, block in zip(powers, np.array_split(starts, blocks), strict=True):
        for chunk in np.array_split(block, -(-block.size // SEGMENTS_AT_ONCE)):
            pieces = scaled[chunk[:, None] + np.arange(segment)] * window
            power += (np.abs(np.fft.rfft(pieces, axis=1)) ** 2).sum(0)
    powers[:, :, constant] = 0.0
    powers[:, 0, constant] = 1.0
    return powers


def segment_starts(length: int, segment: int) -> np.ndarray:
    """First rows of segments that overlap by half or a little more and lie symmetric in 0 .. length - 1."""
    if not 8 <= segment <= length:
        raise SpecError(
            f"segments of {segment} rows in a series of {length}",
            f"8 .. {length}",
            "choose shorter segments or bring a longer series",
        )
    last = length - segment
    count = 1 + -(-last // (segment // 2))
    if count % 2 and last % 2:
        count += 1  # the middle one of an odd number would start at half a row
    before = np.round(np.linspace(0, last, count)[: count // 2]).astype(np.int64)
    middle = np.full(count % 2, last // 2)
    return np.concatenate([before, middle, last - before[::-1]])


def spectral_hellinger(x_true: Any, x_gen: Any, *, smoothing: float = 20.0, ends: str = "mirror") -> np.ndarray:
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
    gen = without_decay(true, gen)
    p = power_spectrum(true, smoothing=smoothing, ends=ends)
    return hellinger_of_spectra(p, power_spectrum(gen, smoothing=smoothing, ends=ends))


def hellinger_of_spectra(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Hellinger distance of two spectra (frequency, dim) of sum 1, per column; rounding counts as zero."""
    distance = np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=0))
    return np.where(distance < ROUNDING, 0.0, distance)


def without_decay(true: np.ndarray, gen: np.ndarray) -> np.ndarray:
    """`gen` with every column that is still beside the truth put to its mean.

    A decay towards a fixed point leaves a tail far below the truth whose shape says nothing.
    """
    _, sd_true, e_true = _of_order_one(true)
    small, sd, e = _of_order_one(gen)
    still = np.ldexp(sd, e) <= STILL * np.ldexp(sd_true, e_true)
    return np.where(still, np.ldexp(small.mean(0), e), gen) if still.any() else gen


def _standardised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z-scored columns, and which of them are constant."""
    points, sd, _ = _of_order_one(points)
    constant = sd <= 1e-12 * np.abs(points).max(0)
    return (points - points.mean(0)) / np.where(constant, 1.0, sd), constant


def _of_order_one(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns whose squares stay in range, their standard deviations, and the exponents of two divided by.

    A power of two rounds nothing: only columns beyond 1e150, or still beside 1e-150, are divided at all.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sd = points.std(0)
    exponent = np.zeros(points.shape[1], dtype=np.int64)
    if not ((sd > 1e-150) & (sd < 1e150)).all():
        exponent = np.frexp(np.abs(points).max(0))[1]
        points = np.ldexp(points, -exponent)
        sd = points.std(0)
    return points, sd, exponent


def _of_sum_one(power: np.ndarray, constant: np.ndarray) -> np.ndarray:
    power[:, constant] = 0.0
    power[0, constant] = 1.0
    return power / power.sum(0)
