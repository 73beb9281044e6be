"""D_H: how far the power spectra of a generated trajectory are from those of the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.errors import SpecError, unknown
from dsr.measure import Measure
from dsr.points import as_points, require_same_columns
from dsr.spectra import hellinger_of_spectra, segment_starts, spectral_hellinger, welch_powers, without_decay

from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .published_spectra import leading_bins_hellinger

PUBLISHED: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "alrnn": lambda a, b: spectral_hellinger(a, b, smoothing=20.0, ends="reflect"),
    "alrnn-julia": lambda a, b: spectral_hellinger(a, b, smoothing=1.0),
    "gtf": lambda a, b: spectral_hellinger(a, b, smoothing=0.0),
    "mtf": leading_bins_hellinger,
}
LONGEST_SEGMENT = 1024


def power_spectrum_error(
    x_true: Any,
    x_gen: Any,
    *,
    smoothing: float | None = None,
    segment: int | None = None,
    preset: str | None = None,
    blocks: int = BLOCKS,
) -> Measure:
    """D_H: Hellinger distance of power spectra, averaged over columns; in [0, 1].

    Parameters
    ----------
    x_true, x_gen : (time, dim); of any two lengths for segments, of equal length otherwise.
    segment : rows of the overlapping segments whose spectra are averaged (Welch), a frequency resolution that does
        not change with length. This is the default, with `default_segment` rows. Let it hold several turns of the
        slowest oscillation.
    smoothing : instead, width in frequency bins of a Gaussian over one spectrum of the whole record. It rules the
        number (Lorenz-63 against itself at 100,000 rows: 0.47 without, 0.05 with 20) and its meaning changes with
        length, so compare only equal smoothing and length. 20 is the choice of most papers.
    preset : instead, what published code does: "alrnn" (20, Python), "alrnn-julia" (1) and "gtf" (0), the default
        arguments of the Julia code, "mtf" (see `leading_bins_hellinger`). Only to compare with papers.
    blocks : of either record for the error, at most half as many as there are segments; 0 for none. Only segments
        have an error: one spectrum of a whole record cannot tell its own scatter.

    Returns
    -------
    Measure "D_H" with value -+ one standard error; settings hold the value per column. Two measures with other
    settings do not compare. Raises `SpecError` for more than one of the three ways, `DataError` for other columns.

    When it misleads: phase surrogates score as low as the truth, time reversal scores 0; amplitudes are
    standardised away. Source: Mikhaeil et al., arXiv:2110.07238; definition as in Hess et al., arXiv:2306.04406;
    Welch, doi:10.1109/TAU.1967.1161901.
    """
    given = {"smoothing": smoothing, "segment": segment, "preset": preset}
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) > 1:
        raise SpecError(" and ".join(chosen), "one way to make spectra", "leave out all but one")
    if preset is not None and preset not in PUBLISHED:
        raise unknown("preset", preset, PUBLISHED)
    if smoothing is not None and not (np.isfinite(smoothing) and smoothing >= 0):
        raise SpecError(f"smoothing = {smoothing}", "a number of bins >= 0", "use 20, as most papers do")
    true, gen = as_points(x_true, "x_true"), as_points(x_gen, "x_gen")
    if preset is not None:
        columns = PUBLISHED[preset](true, gen)
    elif smoothing is not None:
        columns = spectral_hellinger(true, gen, smoothing=smoothing)
    else:
        return _welch(true, gen, segment, blocks)
    settings = {**chosen, "length": len(true), "columns": [float(c) for c in columns]}
    return Measure("D_H", float(columns.mean()), settings=settings)


def default_segment(length: int) -> int:
    """The largest power of two up to an eighth of `length`, at most 1024 and at least 8."""
    return max(8, min(LONGEST_SEGMENT, 1 << max(0, (length // 8).bit_length() - 1)))


def _welch(true: np.ndarray, gen: np.ndarray, segment: int | None, blocks: int) -> Measure:
    require_same_columns(true, gen)
    segment = default_segment(min(len(true), len(gen))) if segment is None else segment
    gen = without_decay(true, gen)
    segments = [segment_starts(len(x), segment).size for x in (true, gen)]
    blocks = blocks_that_fit(blocks, *segments, pieces=2)
    p, q = (welch_powers(x, segment=segment, blocks=max(1, blocks)) for x in (true, gen))
    p_all, q_all = _normalised(p.sum(0)), _normalised(q.sum(0))
    columns = hellinger_of_spectra(p_all, q_all)
    error = two_record_error(
        blocks,
        lambda: [float(hellinger_of_spectra(_normalised(p.sum(0) - b), q_all).mean()) for b in p],
        lambda: [float(hellinger_of_spectra(p_all, _normalised(q.sum(0) - b)).mean()) for b in q],
    )
    settings = {
        "segment": segment,
        "length_true": len(true),
        "length_generated": len(gen),
        "columns": [float(c) for c in columns],
        "blocks": blocks,
    }
    value = float(columns.mean())
    return Measure("D_H", value, value - error, value + error, settings=settings)


def _normalised(power: np.ndarray) -> np.ndarray:
    power = np.maximum(power, 0.0)  # a difference of sums may round below zero
    return power / power.sum(0)


d_h = power_spectrum_error
