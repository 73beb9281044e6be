"""The 0-1 test on maps and flows of known kind; lag curves against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.temporal.lag_curves import autocorrelation_curve, mutual_information_curve
from dsr.analysis.temporal.zero_one_test import _displacement, _walk, zero_one_test
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def logistic(r: float, rows: int) -> np.ndarray:
    x = np.empty(rows + 500)
    x[0] = 0.3
    for t in range(1, x.size):
        x[t] = r * x[t - 1] * (1 - x[t - 1])
    return x[500:]


def test_displacement_is_the_mean_over_starting_points() -> None:
    walk = _walk(np.random.default_rng(0).standard_normal(300), 1.3)
    found = _displacement(walk, 30)
    assert found == pytest.approx([(np.abs(walk[n : n + 270] - walk[:270]) ** 2).mean() for n in range(1, 31)])


@pytest.mark.parametrize("r", [3.2, 3.55, 3.63, 3.7, 3.83, 3.97])
def test_windows_of_the_logistic_map(r: float) -> None:
    """Periodic at 3.2, 3.55, 3.63 and 3.83 (windows), chaotic at 3.7 and 3.97."""
    found = zero_one_test(logistic(r, 3000)).measure
    chaotic = r in (3.7, 3.97)
    assert found.value > 0.95 if chaotic else abs(found.value) < 0.15


def test_lorenz_is_chaotic_and_two_frequencies_are_not() -> None:
    x = get_system("lorenz63").simulate(100_000, 0.01, transient=20, seed=0).values[:, 0]
    found = zero_one_test(x)
    assert found.measure.low > 0.95 and found.measure.settings["stride"] > 10
    t = 0.1 * np.arange(40_000)
    torus = zero_one_test(np.cos(t) + np.cos(math.sqrt(2) * t)).measure
    assert abs(torus.value) < 0.25
    assert np.ptp(found.translation, axis=0).min() > 3 * np.ptp(zero_one_test(np.cos(t)).translation, axis=0).max()


def test_oversampling_hides_chaos_without_a_stride() -> None:
    x = get_system("lorenz63").simulate(5000, 0.002, transient=20, seed=0).values[:, 0]
    assert zero_one_test(x, stride=1).measure.value < 0.5


def test_damping_lowers_regular_motion_and_leaves_chaos() -> None:
    regular, chaos = logistic(3.55, 1000), logistic(3.97, 1000)
    weak = 0.02 * np.random.default_rng(0).standard_normal(1000)
    with_damping, without = (zero_one_test(regular + weak, damping=d).measure.value for d in (2.5, 0.0))
    assert with_damping < without - 0.1
    assert zero_one_test(chaos).measure.value > 0.95


def test_scale_and_offset_do_not_matter() -> None:
    x = logistic(3.9, 1000)
    value = zero_one_test(x).measure.value
    assert zero_one_test(1e150 * x).measure.value == pytest.approx(value, abs=1e-6)
    assert zero_one_test(x - 5.0).measure.value == pytest.approx(value, abs=1e-6)
    for settings in ({"stride": 0}, {"frequencies": 0}, {"damping": -1.0}):
        with pytest.raises(SpecError):
            zero_one_test(x, **settings)
    with pytest.raises(DataError):
        zero_one_test(x[:50])


def autoregression(rows: int, a: float, seed: int) -> np.ndarray:
    from scipy.signal import lfilter

    return lfilter([1.0], [1.0, -a], np.random.default_rng(seed).standard_normal(rows + 200))[200:]


def test_lag_curves_of_an_autoregression() -> None:
    """x(t+1) = a x(t) + noise: correlation a^k; information -ln(1 - a^2k) / 2; correlation time -1 / ln a."""
    a = 0.8
    x = autoregression(40_000, a, 0)
    k = np.arange(21)
    found = autocorrelation_curve(x, dt=0.5, max_lag=20)
    assert found.values == pytest.approx(a**k, abs=0.03) and found.lags[-1] == 10.0
    assert found.measure.value == pytest.approx(-0.5 / math.log(a), abs=0.1)
    assert found.measure.low < found.measure.value < found.measure.high
    shared = mutual_information_curve(x, dt=0.5, max_lag=20)
    assert shared.values[1:] == pytest.approx(-0.5 * np.log(1 - a ** (2 * k[1:])), abs=0.02)
    assert shared.values[15:] == pytest.approx(0.0, abs=0.01)  # the bias is gone


def test_errors_of_lag_curves_are_the_scatter_between_series() -> None:
    found = [autocorrelation_curve(autoregression(4000, 0.7, seed), dt=1.0, max_lag=10) for seed in range(60)]
    scatter = np.std([f.values for f in found], axis=0, ddof=1)
    stated = np.sqrt(np.mean([f.errors**2 for f in found], axis=0))
    assert stated[1:] / scatter[1:] == pytest.approx(1.0, abs=0.35)


def test_a_curve_that_does_not_fall_has_no_time() -> None:
    x = autoregression(2000, 0.999, 0)
    found = autocorrelation_curve(x, dt=1.0, max_lag=5)
    assert math.isnan(found.measure.value) and "stays above" in found.measure.note
    with pytest.raises(SpecError):
        autocorrelation_curve(x, dt=1.0, max_lag=2000)
    with pytest.raises(DataError):
        mutual_information_curve(np.zeros(100), dt=1.0, max_lag=5)
