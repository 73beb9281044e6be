"""What a scorecard says about its truth and floors."""

import numpy as np
import pytest

from dsr.analysis.scorecard.floor import INDEPENDENT, STRETCHES
from dsr.analysis.scorecard.remarks import floor_remark, truth_remarks
from dsr.measure import Measure, in_digits
from dsr.series import TimeSeries

CHAOS = Measure("lambda_1", 0.9, 0.89, 0.91)


def remarks(x, dt=0.01, exponent=CHAOS, from_data=False, unit="time units", foreseen=3.0):
    series, valid = TimeSeries(x, dt, unit), Measure("valid prediction time", foreseen, unit="Lyapunov times")
    return list(truth_remarks(series, exponent, valid, from_data=from_data, smoothing=20.0, rows=len(x)))


@pytest.fixture
def wave():
    """A hundred periods."""
    return np.sin(2 * np.pi * np.arange(10_000) / 100)[:, None]


def test_an_ordinary_truth_needs_no_remark(wave):
    assert remarks(wave) == []


def test_a_truth_that_is_not_chaotic_is_named(wave):
    (said,) = remarks(wave, exponent=Measure("lambda_1", -0.6, -0.61, -0.59))
    assert "not chaotic (lambda_1 = -0.600 ± 0.010)" in said
    assert remarks(wave, exponent=Measure("lambda_1", 0.015, 0.005, 0.025))  # 1.5 standard errors above zero
    assert not remarks(wave, exponent=Measure("lambda_1", 0.025, 0.015, 0.035))


def test_an_estimated_unit_of_time_has_its_error(wave):
    (said,) = remarks(wave, exponent=Measure("lambda_1", 1.23, 0.97, 2.02), from_data=True)
    assert "1 / 1.23 [0.97, 2.02]" in said and said.endswith("as uncertain; that of the model is 2.44 time units")


def test_few_periods_of_a_truth_without_equations_are_named(wave):
    """As in the description of a series."""
    said = remarks(wave[:600], from_data=True)
    assert "dominant period of the test series: 6 in the record: too few to trust exponents and dimensions" in said
    assert not any("dominant" in remark for remark in remarks(wave[:600]) + remarks(wave[:2000], from_data=True))


def test_rows_longer_than_chaos_remembers_are_named(wave):
    (said,) = remarks(wave, dt=2.0)
    assert said == (
        "a row is 1.8 Lyapunov times long: errors grow e^1.8-fold from row to row, and forecasts last a few rows; "
        "sample more densely"
    )
    assert remarks(wave, dt=1.0) == []


def test_a_map_cannot_be_sampled_more_densely(wave):
    (said,) = remarks(wave, dt=1.0, exponent=Measure("lambda_1", 1.8, 1.79, 1.81), unit="iterations")
    assert "1.8 Lyapunov times long" in said and "sample" not in said


def test_forecasts_that_last_are_not_said_to_be_short(wave):
    """17 rows of 1.8 Lyapunov times."""
    assert remarks(wave, dt=2.0, foreseen=30.0) == []
    assert remarks(wave, dt=2.0, foreseen=float("nan")) != []


def test_spectra_smoothed_beyond_their_peak_are_named(wave):
    """39 periods under a smoothing of 20 bins; a faster column keeps the score alive."""
    (said,) = remarks(wave[:3900])
    assert "below bin 39" in said and "smeared" in said
    fast = np.sin(2 * np.pi * np.arange(3900) / 10)[:, None]
    assert remarks(np.hstack([wave[:3900], fast])) == []


def test_few_trajectories_are_said_to_be_few():
    assert floor_remark(20, INDEPENDENT, 100) == (
        "floor: 5, 50, 95 % over 20 independent true trajectories, at most 100 rows each"
    )
    assert floor_remark(3, INDEPENDENT, 100).endswith("; 20 are needed to tell a score from it")
    assert "halves" in floor_remark(0, STRETCHES, 100)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((2.06203, 2.06198, 2.06208), "2.062030 ± 0.000050"),
        ((-14.57, -14.57078, -14.56922), "-14.57000 ± 0.00078"),
        ((3.05, 2.5, 3.49), "3.05 [2.50, 3.49]"),
        ((-0.0553, -0.1553, 0.0447), "-0.06 ± 0.10"),
        ((12000.0,), "12000"),
        ((0.123456,), "0.1235"),
        ((0.0, 0.0, 0.0), "0"),
        ((1e-30, 1e-30, 1e-30), "0"),
        ((2.5e9, 2.4e9, 2.6e9), "2.5e+09 ± 1e+08"),
        ((12345.6, 12000.0, 12691.2), "12346 ± 346"),
        ((5.0, 5.0 - 1e-9, 5.0 + 1e-9), "5"),
    ],
)
def test_a_number_is_told_as_far_as_its_uncertainty_reaches(numbers, text):
    assert in_digits(*numbers) == text
