"""Forecast time scales: growth of errors, the cap where solvers part, and the 17 point-forecast metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis import prediction_error, valid_prediction_time
from dsr.analysis.temporal.error_growth import error_growth
from dsr.analysis.temporal.forecast_metrics import METRICS, forecast_metrics
from dsr.analysis.temporal.ground_truth import ground_truth_time
from dsr.errors import DataError, SpecError

LORENZ_EXPONENT = 0.9056


def lorenz(start: np.ndarray, n: int, dt: float) -> np.ndarray:
    """(starts, n, 3) by classical Runge-Kutta steps of dt; the first row is one step after the start."""

    def field(s: np.ndarray) -> np.ndarray:
        x, y, z = s.T
        return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)

    rows = np.empty((n, *start.shape))
    for t in range(n):
        k1 = field(start)
        k2 = field(start + 0.5 * dt * k1)
        k3 = field(start + 0.5 * dt * k2)
        k4 = field(start + dt * k3)
        start = start + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        rows[t] = start
    return rows.swapaxes(0, 1)


@pytest.fixture(scope="module")
def starts() -> np.ndarray:
    rng = np.random.default_rng(0)
    return lorenz(rng.normal([0, 0, 25], 5.0, (200, 3)), 1500, 0.01)[:, -1]


@pytest.fixture(scope="module")
def forecasts(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and what the same equations make of a state that is 1e-6 off."""
    kick = 1e-6 * np.random.default_rng(1).standard_normal(starts.shape)
    return lorenz(starts, 2400, 0.01), lorenz(starts + kick, 2400, 0.01)


def test_errors_of_a_perfect_model_grow_with_the_lyapunov_exponent(forecasts: tuple[np.ndarray, np.ndarray]) -> None:
    truth, forecast = forecasts
    growth = error_growth(truth, forecast, dt=0.01, lyapunov_exponent=LORENZ_EXPONENT)
    rate = growth.measure
    error = rate.high - rate.value
    assert abs(rate.value - LORENZ_EXPONENT) < 3 * error < 0.1
    assert rate.unit == "per time unit" and growth.fit[1] > growth.fit[0] + 5
    saturation = np.sqrt((growth.rms[-100:] ** 2).mean())
    assert saturation == pytest.approx(math.sqrt(2), abs=0.1)
    assert (growth.low <= growth.median).all() and (growth.median <= growth.high).all()


def test_the_rate_of_exponential_errors_is_exact() -> None:
    times = 0.1 * np.arange(1, 101)
    truth = np.random.default_rng(0).standard_normal((5, 100, 2))
    rates = np.array([0.9, 1.0, 1.1, 1.0, 1.0])
    forecast = truth + 1e-5 * np.exp(rates[:, None] * times)[..., None]
    forecast[4, 20:] = np.nan
    found = error_growth(truth, forecast, dt=0.1, sd=[1.0, 1.0])
    assert found.measure.value == pytest.approx(rates[:4].mean(), rel=1e-6)
    assert found.measure.high - found.measure.value == pytest.approx(rates[:4].std(ddof=1) / 2, rel=1e-6)
    assert (
        found.measure.settings["left_out"] == 1 and np.isnan(found.rms[20:]).all() and np.isfinite(found.rms[:20]).all()
    )


def test_the_fit_begins_where_the_first_error_has_doubled() -> None:
    rate, dt = 0.9, 0.1
    truth = np.random.default_rng(0).standard_normal((3, 100, 1))
    forecast = truth + 1e-5 * np.exp(rate * dt * np.arange(1, 101))[:, None]
    found = error_growth(truth, forecast, dt=dt, sd=[1.0])
    first = dt * (1 + math.ceil(math.log(2) / (rate * dt)))
    assert found.measure.settings["from"] == found.fit[0] == pytest.approx(first)


def test_the_curve_of_errors_is_the_prediction_error_of_each_number_of_steps() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((50, 6, 2))
    forecast = truth + rng.standard_normal(truth.shape).cumsum(1)
    found = error_growth(truth, forecast, dt=1.0, sd=[1.0, 2.0])
    for k in range(6):
        single = prediction_error(truth[:, : k + 1], forecast[:, : k + 1], sd=[1.0, 2.0])
        assert found.rms[k] == pytest.approx(single.value)
        assert found.rms_error[k] == pytest.approx(single.high - single.value)


def test_no_growth_has_no_rate() -> None:
    truth = np.random.default_rng(0).standard_normal((10, 50, 1))
    for forecast in (truth, truth + 0.01):
        found = error_growth(truth, forecast, dt=0.1).measure
        assert math.isnan(found.value) and "no growth" in found.note


def test_forecasts_are_capped_where_the_truth_is_not_known(starts: np.ndarray) -> None:
    """A step four times longer parts from the truth after a time that the exponent and the order of the step give."""
    fine = lorenz(starts[:100], 6000, 0.005)[:, 3::4]
    coarse = lorenz(starts[:100], 1500, 0.02)
    known = ground_truth_time(fine, coarse, dt=0.02)
    assert 5 < known.measure.value < 22 and not known.measure.note
    longer = ground_truth_time(fine, lorenz(starts[:100], 3000, 0.01)[:, 1::2], dt=0.02)
    gained = longer.measure.value - known.measure.value
    assert gained == pytest.approx(math.log(16) / LORENZ_EXPONENT, abs=1.5)  # half the step, 1/16 of the error
    free = valid_prediction_time(fine, fine, dt=0.02)
    capped = valid_prediction_time(fine, fine, dt=0.02, cap=known.times)
    assert free.value == 30.0 and capped.value == pytest.approx(known.measure.value)
    assert capped.settings["capped"] == 100 and "still valid" in capped.note


def test_a_cap_beyond_the_forecasts_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((100, 40, 2)).cumsum(1)
    forecast = truth + 0.1 * rng.standard_normal(truth.shape).cumsum(1)
    plain = valid_prediction_time(truth, forecast, dt=0.5)
    assert valid_prediction_time(truth, forecast, dt=0.5, cap=1e9) == plain
    short = valid_prediction_time(truth, forecast, dt=0.5, cap=2.0)
    assert short.value == 2.0 and short.settings["cap"] == 2.0
    for cap in (-1.0, np.ones(7), math.nan):
        with pytest.raises(SpecError):
            valid_prediction_time(truth, forecast, dt=0.5, cap=cap)
    with pytest.raises(SpecError):
        valid_prediction_time(truth, forecast, dt=0.5, lyapunov_time=-1.0)


def test_the_error_of_the_median_covers() -> None:
    """Valid times drawn from one distribution: the scatter of medians against the stated error."""
    rng, medians, errors = np.random.default_rng(0), [], []
    for _ in range(200):
        lengths = rng.exponential(20.0, 100).astype(int) + 1
        truth = np.tile(np.array([[1.0], [-1.0]] * 100), (100, 1, 1))
        forecast = truth + 10.0 * (np.arange(200) >= lengths[:, None])[..., None]
        found = valid_prediction_time(truth, forecast, dt=1.0)
        medians.append(found.value)
        errors.append(found.settings["median_error"])
    assert np.mean(errors) == pytest.approx(np.std(medians), rel=0.2)


def test_metrics_are_those_of_dysts() -> None:
    """All but mutual_information, which there fails with this numpy, and the random kl_divergence."""
    from dysts.metrics import compute_metrics

    rng = np.random.default_rng(0)
    truth = rng.standard_normal((3, 400, 2)).cumsum(1) + 5.0
    forecast = truth + rng.standard_normal(truth.shape)
    exact = [name for name in METRICS if name not in ("mutual_information", "kl_divergence")]
    theirs = compute_metrics(truth, forecast, include=exact, batch_axis=0)
    ours = forecast_metrics(truth, forecast)
    assert len(ours) == 17 and list(ours) == list(METRICS)
    for name in exact:
        assert ours[name].value == pytest.approx(theirs[name], rel=1e-9), name
    single = [float(compute_metrics(x, y, include=["mae"])["mae"]) for x, y in zip(truth, forecast, strict=True)]
    assert ours["mae"].high - ours["mae"].value == pytest.approx(np.std(single, ddof=1) / math.sqrt(3))


def test_mutual_information_is_that_of_scikit_learn_and_of_theory() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((3000, 1))
    forecast = 0.8 * truth + 0.6 * rng.standard_normal((3000, 1))
    found = forecast_metrics(truth, forecast, include=["mutual_information"])["mutual_information"].value
    assert found == pytest.approx(-0.5 * math.log(1 - 0.8**2), abs=0.05)
    selection = pytest.importorskip("sklearn.feature_selection", reason="scikit-learn is not installed")
    theirs = selection.mutual_info_regression(truth, forecast[:, 0], random_state=0)[0]
    assert found == pytest.approx(theirs, abs=1e-3)


def test_divergence_of_two_gaussian_clouds() -> None:
    """Of N(0, 1) and N(m, 1), each smoothed by a unit Gaussian: m^2 / 4."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((1500, 1))
    shifted = rng.standard_normal((1500, 1)) + 2.0
    assert forecast_metrics(truth, shifted, include=["kl_divergence"])["kl_divergence"].value == pytest.approx(
        1.0, abs=0.15
    )
    far = forecast_metrics(truth, truth + 1e3, include=["kl_divergence"])["kl_divergence"].value
    assert far == pytest.approx(0.5e6, rel=0.02)  # the sums themselves are zero there


def test_pearson_of_one_column_is_pearson() -> None:
    x = np.linspace(0, 1, 50)[:, None]
    found = forecast_metrics(x, x**3, include=["pearson", "spearman"])
    assert found["spearman"].value == pytest.approx(1.0)
    assert found["pearson"].value == pytest.approx(np.corrcoef(x[:, 0], x[:, 0] ** 3)[0, 1])


def test_what_has_no_metric_is_counted_and_said() -> None:
    truth = np.random.default_rng(0).standard_normal((4, 30, 1))
    forecast = truth + 0.1
    forecast[0, 5:] = np.nan
    forecast[1] = 0.0
    found = forecast_metrics(truth, forecast)
    assert found["rmse"].note == "no rmse for 1 of 4 forecasts: 1 diverged"
    assert "for 2 of 4 forecasts: 1 diverged, for the others" in found["pearson"].note
    assert all(math.isnan(m.value) and m.note for m in found.values())
    with pytest.raises(SpecError, match="mse"):
        forecast_metrics(truth, forecast, include=["msee"])
    with pytest.raises(DataError):
        forecast_metrics(np.zeros((30, 1)), truth[0])
