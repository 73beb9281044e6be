import numpy as np
import pytest

from dsr.errors import DataError
from dsr.systems import get_system
from dsr.timescales import (
    autocorrelation,
    autocorrelation_time,
    mutual_information,
    mutual_information_delay,
    theiler_window,
)


def test_autocorrelation_time_of_an_autoregressive_process():
    rng = np.random.default_rng(0)
    noise, x = rng.standard_normal(200_000), np.empty(200_000)
    x[0] = 0.0
    for i in range(1, x.size):
        x[i] = 0.95 * x[i - 1] + noise[i]
    assert autocorrelation(x)[1, 0] == pytest.approx(0.95, abs=0.005)
    assert autocorrelation_time(x)[0] == pytest.approx(-1 / np.log(0.95), abs=1.5)  # 19.5 steps
    assert theiler_window(x) == 3 * autocorrelation_time(x)[0]


def test_the_autocorrelation_by_hand():
    """Biased: divided by all four rows at every lag, and not round the end."""
    assert autocorrelation([0.0, 0.0, 1.0, 1.0])[:, 0] == pytest.approx([1.0, 0.25, -0.5, -0.25])


def test_mutual_information_of_correlated_gaussians():
    rng = np.random.default_rng(0)
    noise, x = rng.standard_normal(200_000), np.empty(200_000)
    x[0] = 0.0
    for i in range(1, x.size):
        x[i] = 0.8 * x[i - 1] + 0.6 * noise[i]
    found = mutual_information(x, 3, bins=32)
    for lag in (1, 2, 3):
        assert found[lag] == pytest.approx(-0.5 * np.log(1 - 0.8 ** (2 * lag)), abs=0.02)


def test_delay_of_a_sine_is_a_quarter_period_and_of_lorenz_about_0_16():
    t = np.arange(20_000)
    noisy = np.sin(2 * np.pi * t / 40.3) + 0.05 * np.random.default_rng(0).standard_normal(t.size)
    assert mutual_information_delay(noisy, 60) == pytest.approx(10, abs=2)
    x = get_system("lorenz63").simulate(50_000, 0.01, transient=20.0, seed=0).values[:, 0]
    assert mutual_information_delay(x, 100) == pytest.approx(16, abs=3)


def test_a_constant_column_is_refused():
    with pytest.raises(DataError, match="constant"):
        autocorrelation_time(np.ones((100, 2)))
