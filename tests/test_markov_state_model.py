import math

import numpy as np
import pytest

from dsr.analysis import SymbolSequence, fit_partition, implied_time_scales, markov_state_model
from dsr.errors import DataError, SpecError
from dsr.systems import get_system

# two pairs of states, rarely changed: eigenvalues 1, 0.96, 0.3, 0.2
PAIRS = np.array(
    [[0.64, 0.34, 0.01, 0.01], [0.34, 0.64, 0.01, 0.01], [0.01, 0.01, 0.59, 0.39], [0.01, 0.01, 0.39, 0.59]]
)


def chain(matrix, length, rng):
    cumulative, draws = matrix.cumsum(1), rng.random(length)
    symbols = np.zeros(length, dtype=np.int64)
    for t in range(1, length):
        symbols[t] = min(np.searchsorted(cumulative[symbols[t - 1]], draws[t], side="right"), len(matrix) - 1)
    return symbols


def as_trajectory(symbols, rng):
    """Four clouds in the plane, one per state."""
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [5.0, 0.0], [5.0, 1.0]])
    return corners[symbols] + 0.01 * rng.normal(size=(symbols.size, 2))


def sequence(symbols, dt=1.0):
    return SymbolSequence(symbols, tuple("abcd"), np.arange(symbols.size) * dt)


def test_time_scales_of_a_known_chain_within_the_stated_errors():
    exact = -0.5 / np.log(np.sort(np.abs(np.linalg.eigvals(PAIRS)))[::-1][1:])
    rng = np.random.default_rng(0)
    z = []
    for _ in range(40):
        found = markov_state_model(sequence(chain(PAIRS, 4000, rng), 0.5), 1, time_scales=3)
        z.append((found.time_scales - exact) / found.errors)
    z = np.abs(z)[:, 0]
    assert np.mean(z < 1) == pytest.approx(0.68, abs=0.16) and np.mean(z < 2) > 0.85
    assert found.stationary == pytest.approx(np.full(4, 0.25), abs=0.06)
    np.testing.assert_allclose(found.stationary @ found.transitions, found.stationary, atol=1e-12)
    slow = found.modes[:, 0].real
    assert np.sign(slow[0]) == np.sign(slow[1]) == -np.sign(slow[2]) == -np.sign(slow[3])


def test_time_scales_of_a_chain_do_not_depend_on_the_lag():
    found = implied_time_scales(sequence(chain(PAIRS, 60_000, np.random.default_rng(1))), [1, 4, 16])
    exact = -1 / math.log(0.96)
    assert (np.abs(found.time_scales[:, 0] - exact) < 3 * found.errors[:, 0]).all()
    assert found.measure.low <= exact <= found.measure.high and found.lags.tolist() == [1, 4, 16]


def test_a_trajectory_gives_the_chain_of_its_cells():
    rng = np.random.default_rng(2)
    symbols = chain(PAIRS, 8000, rng)
    by_symbols = markov_state_model(sequence(symbols), 2)
    by_points = markov_state_model(as_trajectory(symbols, rng), 2, cells=4)
    assert by_points.time_scales[0] == pytest.approx(by_symbols.time_scales[0], rel=1e-9)
    assert by_points.kept == 1.0


def test_relaxation_time_of_an_ornstein_uhlenbeck_process():
    """x' = -x / 10 + noise: the slowest time scale is 10, approached from below as the lag grows."""
    rng = np.random.default_rng(3)
    noise, x = rng.normal(size=100_000), np.empty(100_000)
    x[0] = 0.0
    for t in range(1, x.size):
        x[t] = math.exp(-0.1) * x[t - 1] + noise[t]
    found = implied_time_scales(x, [1, 5, 10], partition=fit_partition(x, 25, kind="quantile"))
    assert (np.diff(found.time_scales[:, 0]) > 0).all()
    assert found.time_scales[-1, 0] == pytest.approx(10, rel=0.05)


def test_a_cycle_turns_and_does_not_decay():
    t = np.arange(3000)
    circle = np.stack([np.cos(2 * np.pi * t / 12), np.sin(2 * np.pi * t / 12)], 1)
    found = markov_state_model(circle, 1, cells=12, dt=0.5, time_scales=6)
    assert np.isinf(found.time_scales).all() and "cycle" in found.measure.note and math.isnan(found.measure.value)
    assert 6.0 in np.round(found.periods, 9)  # 12 steps of 0.5


def test_of_a_conjugate_pair_the_one_above_the_real_axis_is_kept():
    """Round three states, with noise."""
    rotation = 0.8 * np.roll(np.eye(3), 1, axis=1) + 0.2 / 3
    found = markov_state_model(sequence(chain(rotation, 3000, np.random.default_rng(5))), 1, time_scales=2)
    assert found.eigenvalues.shape == (1,) and found.eigenvalues[0].imag > 0
    assert abs(found.eigenvalues[0]) == pytest.approx(0.8, abs=0.05)


def test_the_leading_mode_of_lorenz_turns_once_per_return():
    series = get_system("lorenz63").simulate(100_000, 0.01, transient=50.0, seed=0)
    z = series.values[:, 2]
    returns = np.flatnonzero((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:]))
    mean_return = np.diff(returns).mean() * 0.01
    found = markov_state_model(series.values, 10, cells=60, dt=0.01)
    assert found.periods[0] == pytest.approx(mean_return, rel=0.03) and found.time_scales[0] > mean_return


def test_two_wells_by_the_exact_eigenvalue_of_their_transition_kernel():
    """x' = x + (x - x^3)/10 + noise: the slow time scale against the kernel on a fine grid, the slow mode by sign."""
    rng = np.random.default_rng(4)
    noise, x = 0.25 * rng.normal(size=150_000), np.empty(150_000)
    x[0] = 1.0
    for t in range(1, x.size):
        x[t] = x[t - 1] + 0.1 * (x[t - 1] - x[t - 1] ** 3) + noise[t]
    grid = np.linspace(-3, 3, 301)
    drift = grid + 0.1 * (grid - grid**3)
    kernel = np.exp(-((grid[None] - drift[:, None]) ** 2) / (2 * 0.25**2))
    kernel /= kernel.sum(1, keepdims=True)
    second = np.sort(np.abs(np.linalg.eigvals(kernel)))[-2]
    partition = fit_partition(x, 25, kind="quantile")
    found = markov_state_model(x, 10, partition=partition)
    assert found.time_scales[0] == pytest.approx(-1 / np.log(second), abs=3 * found.errors[0])
    assert found.errors[0] < 0.1 * found.time_scales[0]
    cells = partition.symbols(x).symbols
    centre = np.array([np.median(x[cells == partition.names.index(n)]) for n in found.names])
    far = np.abs(centre) > 0.4
    assert abs(np.sum(np.sign(found.modes[far, 0].real) * np.sign(centre[far]))) == far.sum()


def test_a_run_that_never_returns_and_bad_settings_are_refused():
    with pytest.raises(DataError, match="recurrent"):
        markov_state_model(np.arange(200.0), 1, cells=10)
    with pytest.raises(SpecError, match="lag = 0"):
        markov_state_model(sequence(np.arange(80) % 2), 0)
