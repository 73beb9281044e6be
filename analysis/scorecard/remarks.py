"""What a reader of a scorecard must know about its truth and floors before believing a number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dsr.measure import ENOUGH_PAIRS, Measure, in_digits
from dsr.reading.tables import ITERATIONS
from dsr.series import TimeSeries

from .describe import dominant_period
from .floor import INDEPENDENT

FEW_ROWS = 5  # that forecasts last where errors grow e-fold from row to row
WIDTHS = 2.0  # of the smoothing of spectra: slower oscillations are smeared


def floor_remark(count: int, kind: str, free_steps: int) -> str:
    """Where the floors come from. count : trajectories, 0 for halves of the record."""
    if not count:
        return "floor: between the two halves of the test record, at half its length"
    if kind != INDEPENDENT:
        return f"floor: between the test series and {count} {kind}"
    few = "" if count >= ENOUGH_PAIRS else f"; {ENOUGH_PAIRS} are needed to tell a score from it"
    return f"floor: 5, 50, 95 % over {count} independent true trajectories, at most {free_steps} rows each{few}"


def truth_remarks(
    truth: TimeSeries, exponent: Measure, valid: Measure, *, from_data: bool, smoothing: float, rows: int
) -> Iterator[str]:
    """Sentences about a truth that a scorecard cannot do justice to; none about most.

    exponent : the largest, per unit of time. valid : the prediction time that the model reaches. from_data : whether
    the exponent was estimated from the series. smoothing : of D_H, in bins of the spectrum of `rows` rows.
    """
    value, error = exponent.value, (exponent.high - exponent.low) / 2
    told = in_digits(value, exponent.low, exponent.high)
    if not from_data and value - 2 * error <= 0:
        yield f"the truth is not chaotic (lambda_1 = {told}): what the table says of chaos does not apply"
    if from_data and value > 0 and math.isfinite(error):
        reached = (
            "" if math.isnan(valid.value) else f"; that of the model is {valid.value / value:.3g} {truth.time_unit}"
        )
        yield (
            f"Lyapunov times are 1 / {told}, estimated from the test series: valid prediction times are as uncertain"
            f"{reached}"
        )
    if from_data and (few := dominant_period(truth.values, truth.dt, truth.time_unit).note):
        yield f"dominant period of the test series: {few}"
    length = value * truth.dt
    if length > 1 and not valid.value > FEW_ROWS * length:
        denser = "" if truth.time_unit == ITERATIONS else "; sample more densely"
        yield (
            f"a row is {length:.2g} Lyapunov times long: errors grow e^{length:.2g}-fold from row to row, and "
            f"forecasts last a few rows{denser}"
        )
    middle = _middle_bins(truth.values[:rows]).max()
    if 0 < middle < WIDTHS * smoothing:
        yield (
            f"D_H: spectra are smoothed over {smoothing:g} bins, and half of the power of every column lies below bin "
            f"{middle}: peaks are smeared; lower analysis.smoothing or bring a longer series"
        )


def _middle_bins(x: np.ndarray) -> np.ndarray:
    """The bin of the spectrum of each column below which half of its power lies."""
    below = np.cumsum(np.abs(np.fft.rfft(x - x.mean(0), axis=0)) ** 2, axis=0)
    return (below < below[-1] / 2).sum(0)
