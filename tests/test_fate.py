"""Names of free runs: rest, cycles at any sampling, chaos, and chaos that ends."""

import numpy as np
import pytest

from dsr.fate import fate, period, settled
from dsr.systems import get_system

TIME = np.arange(20_000.0)


def wave(rows_per_period, n=20_000):
    phase = 0.7 + 2 * np.pi * TIME[:n] / rows_per_period
    return np.stack([np.sin(phase), np.cos(phase) + 0.3 * np.sin(2 * phase)], 1)


@pytest.fixture(scope="module")
def lorenz():
    return get_system("lorenz63").simulate(60_000, 0.01, transient=20.0, seed=0).values


@pytest.mark.parametrize("rows_per_period", [2.0, 3.7, 7.03, 75.37, 130.9])
def test_a_cycle_is_found_however_it_is_sampled(rows_per_period):
    run = wave(rows_per_period)
    assert settled(run, run) == "cycle"
    lag = period(run[-2000:])
    assert abs(lag / rows_per_period - round(lag / rows_per_period)) < 0.01 * lag / rows_per_period


def test_rest_is_measured_by_the_truth_and_in_every_column():
    truth = wave(75.0)
    assert settled(1e-4 * truth, truth) == "fixed point"
    assert settled(np.array([1.0, 1e-4]) * truth, truth) == "cycle"
    assert settled(np.exp(-TIME / 500)[:, None] * truth, truth) == "fixed point"
    # still decaying: no name yet
    assert settled(np.exp(-TIME / 5000)[:, None] * truth, truth) is None


def test_the_last_tenth_alone_decides():
    truth = np.random.default_rng(0).standard_normal((10_000, 2))
    run = truth.copy()
    run[8500:] = run[8499]
    assert settled(run, truth) == "fixed point"


def test_chaos_and_slow_drift_have_not_settled(lorenz):
    for first in range(0, 50_000, 5000):
        assert settled(lorenz[first : first + 10_000], lorenz) is None
    rossler = get_system("rossler").simulate(20_000, 0.1, transient=100.0, seed=0).values
    assert settled(rossler, rossler) is None
    assert settled(np.stack([TIME, TIME**2], 1), lorenz[:, :2]) is None


def chaotic(blocks, rng):
    return 9.0 + 3.0 * rng.standard_normal(blocks)


@pytest.mark.filterwarnings("error")
def test_fates_of_several_runs(lorenz):
    """Growth as in Lorenz-63: 9 +- 3 nats per block of 1000 steps while chaotic."""
    rng = np.random.default_rng(0)
    alive, still, loop = lorenz[:20_000], np.zeros((20_000, 3)), np.repeat(wave(75.37)[:, :1], 3, axis=1)
    grown, dead = chaotic(100, rng), -2.0 + 0.1 * rng.standard_normal(100)
    neutral = np.diff(np.log(np.arange(1, 102)))  # shear alone: a tangent vector grows like time
    died = np.concatenate([chaotic(30, rng), dead[:70]])
    late = np.concatenate([chaotic(90, rng), dead[:10]])
    gone = np.concatenate([chaotic(30, rng), np.full(70, -np.inf)])  # the tangent vector has become zero
    for runs, growth, name in (
        ([alive, alive], [grown, grown], "chaotic"),
        ([still, still], [dead, dead], "fixed point"),
        ([loop, loop], [neutral, dead], "cycle"),
        ([alive, alive], [neutral, dead], "not chaotic"),
        ([alive, still], [grown, died], "transient chaos"),
        ([still, still], [died, died], "transient chaos"),
        ([alive, loop], [grown, gone], "transient chaos"),
        ([alive, alive], [gone, gone], "transient chaos"),
        ([alive, loop], [grown, late], "transient chaos"),  # its last fifth still grew on average, its end has settled
        ([alive, still], [grown, dead], "transient chaos"),
    ):
        assert fate(np.stack(runs), np.stack(growth), lorenz) == name
