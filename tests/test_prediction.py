import math

import numpy as np
import pytest

from dsr.analysis import prediction_error, valid_prediction_time
from dsr.errors import DataError


def test_reference_levels_of_the_prediction_error():
    rng = np.random.default_rng(0)
    truth = 3.0 * rng.standard_normal((4000, 5, 2)) + 7.0
    sd = truth[:, -1].std(0)
    mean = prediction_error(truth, truth.mean((0, 1)) * np.ones_like(truth), sd=sd)
    assert mean.value == pytest.approx(1.0, abs=0.03) and mean.low < 1.0 < mean.high
    independent = 3.0 * rng.standard_normal(truth.shape) + 7.0
    assert prediction_error(truth, independent, sd=sd).value == pytest.approx(math.sqrt(2), abs=0.04)
    assert prediction_error(truth, truth).value == 0.0
    assert mean.settings == {"n": 5, "starts": 4000}


def test_prediction_error_is_that_of_the_last_step():
    truth = np.random.default_rng(0).standard_normal((10, 4, 1))
    forecast = truth.copy()
    forecast[:, :3] += 100.0
    assert prediction_error(truth, forecast, sd=[1.0]).value == 0.0
    forecast[:, 3] += 0.5
    assert prediction_error(truth, forecast, sd=[1.0]).value == pytest.approx(0.5)


def test_the_error_of_the_prediction_error_in_closed_form():
    """Of a forecast by the mean of two normal columns: the mean of two squares has variance 1, its root 1/4 of that."""
    truth = np.random.default_rng(0).standard_normal((4000, 1, 2))
    found = prediction_error(truth, np.zeros_like(truth), sd=[1.0, 1.0])
    assert (found.high - found.value) * 2 * math.sqrt(4000) == pytest.approx(1.0, abs=0.06)


def test_diverged_forecasts_are_counted_never_averaged():
    truth = np.random.default_rng(0).standard_normal((10, 4, 1))
    forecast = truth.copy()
    forecast[:3, 2:] = np.nan
    error = prediction_error(truth, forecast)
    assert math.isnan(error.value) and error.note == "3 of 10 forecasts diverged"
    time = valid_prediction_time(truth, forecast, dt=1.0)
    assert (time.low, time.value) == (2.5, 4.0)  # three end after 2 steps


def test_exponential_error_growth_gives_the_logarithm():
    """An error e0 exp(lambda t) crosses the threshold after ln(threshold / e0) Lyapunov times."""
    rate, dt, first = 0.9, 0.01, np.array([1e-3, 1e-4, 1e-5])
    t = dt * np.arange(1, 1500)
    truth = np.random.default_rng(0).standard_normal((3, t.size, 1))
    forecast = truth + (first[:, None] * np.exp(rate * t))[:, :, None]
    found = valid_prediction_time(truth, forecast, dt=dt, lyapunov_time=1 / rate, threshold=0.4, sd=[1.0])
    assert found.value == pytest.approx(np.log(0.4 / 1e-4), abs=0.02)
    assert found.unit == "Lyapunov times" and not found.note
    plain = valid_prediction_time(truth, forecast, dt=dt, threshold=0.4, sd=[1.0], time_unit="s")
    assert plain.value == pytest.approx(found.value / rate) and plain.unit == "s"


def test_a_forecast_that_never_fails_is_capped_and_said():
    truth = np.random.default_rng(0).standard_normal((10, 50, 2))
    found = valid_prediction_time(truth, truth, dt=0.1)
    assert (
        found.value == pytest.approx(5.0) and found.settings["capped"] == 10 and "still valid" in found.note
    )


def test_shapes_must_agree():
    with pytest.raises(DataError):
        prediction_error(np.zeros((3, 4, 1)), np.zeros((3, 5, 1)))
