"""Mutual information against lag where it is known: independent symbols, a square wave, a linear process."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis import mutual_information_curve
from dsr.systems import get_system
from dsr.timescales import mutual_information


@pytest.mark.parametrize("symbols", [2, 3, 10])
def test_independent_symbols_share_nothing(symbols):
    """Their estimate has the standard deviation (symbols - 1) / sqrt(2) / time about zero."""
    x = np.random.default_rng(symbols).integers(0, symbols, 4000)
    found = mutual_information_curve(x, dt=1.0, max_lag=20, blocks=0).values[1:]
    deviation = (symbols - 1) / math.sqrt(2) / 4000
    assert abs(found.mean()) < 3 * deviation / math.sqrt(20)
    assert np.abs(found).max() < 5 * deviation


def test_a_square_wave_tells_its_whole_phase_half_a_period_later():
    """After half a period the level is known: ln 2, and one degree of freedom less than the margins have. One row
    later it is known but for the 2 changes in 100 rows: ln 2 less the entropy of those."""
    x = np.tile(np.repeat([0.0, 1.0], 50), 41)
    found = mutual_information_curve(x, dt=1.0, max_lag=100, blocks=0).values
    for lag in (100, 50):  # 4000 and 4050 pairs
        assert found[lag] == pytest.approx(math.log(2) + 1 / 2 / (4100 - lag), abs=1e-4)
    assert found[0] == pytest.approx(math.log(2), abs=1e-12)
    change = 0.02
    known = change * math.log(change) + (1 - change) * math.log(1 - change)
    assert found[1] == pytest.approx(math.log(2) + known, abs=1e-3)


def test_of_a_linear_process_it_is_that_of_correlated_gaussians():
    """-ln(1 - r^2) / 2 at correlation r, in eight classes little less."""
    rng, x = np.random.default_rng(5), np.zeros(40_000)
    for i in range(1, x.size):
        x[i] = 0.9 * x[i - 1] + rng.standard_normal()
    found = mutual_information_curve(x, dt=1.0, max_lag=40, bins=8)
    for lag in (5, 10, 20):
        exact = -0.5 * math.log(1 - 0.81**lag)
        assert found.values[lag] == pytest.approx(exact, rel=0.1, abs=3 * found.errors[lag])
    assert found.values[40] == pytest.approx(0.0, abs=4 * found.errors[40])


def test_a_short_record_of_a_flow_agrees_with_a_long_one_at_small_lags():
    """One step later the Lorenz system occupies few pairs of classes, and a full table would overcorrect by 0.1."""
    x = get_system("lorenz63").simulate(100_000, 0.01, transient=20, seed=0).values[:, 0]
    long = mutual_information(x, 1, 32)[1]
    short = [mutual_information_curve(x[i : i + 4000], dt=0.01, max_lag=1).values[1] for i in range(0, 80_000, 8000)]
    assert np.mean(short) == pytest.approx(long, abs=0.04)
