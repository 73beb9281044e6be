"""Delay and dimension of one observable, by false neighbours and by Cao's method."""

import numpy as np
import pytest

from dsr.analysis import (
    averaged_false_neighbours,
    choose_embedding,
    delay_embed,
    delay_embed_columns,
    false_nearest_neighbours,
)
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def observable(name, rows, dt=None, **parameters):
    system = get_system(name, **parameters)
    return system.simulate(rows, dt, transient=20 * system.period, seed=0).values[:, 0]


def coloured_noise(rows):
    """An oscillating autoregressive process of second order."""
    x, kicks = np.zeros(rows), np.random.default_rng(0).standard_normal(rows)
    for t in range(2, rows):
        x[t] = 1.9 * x[t - 1] - 0.95 * x[t - 2] + kicks[t]
    return x


def test_a_spiky_signal_gets_a_delay_within_its_spikes(shared_data):
    """An ECG at 700 Hz: published delay embeddings use lags of 10 to 20 samples and 5 dimensions; the first minimum of
    the mutual information is at 46 samples, and the share of false neighbours stays above 1 %."""
    ecg = np.load(shared_data / "ecg_5d_700hz_train.npy", allow_pickle=False)[:40000, 0]
    found = choose_embedding(ecg)
    assert 10 <= found.delay <= 20 and found.dimension in (4, 5)
    assert "no dimension up to 8" in found.note


@pytest.mark.parametrize("measure", [choose_embedding, lambda x: false_nearest_neighbours(x, 1)])
def test_values_whose_squares_overflow_are_refused(measure):
    with pytest.raises(DataError, match="square of which overflows"):
        measure(1e300 * np.random.default_rng(0).standard_normal(500))


def test_delay_embedding_lays_shifts_side_by_side():
    rows = delay_embed(np.arange(10.0), 3, 2)
    assert rows.shape == (6, 3) and rows[0].tolist() == [0.0, 2.0, 4.0] and rows[-1].tolist() == [5.0, 7.0, 9.0]
    with pytest.raises(SpecError):
        delay_embed(np.arange(10.0), 5, 3)
    with pytest.raises(DataError):
        delay_embed(np.random.default_rng(0).standard_normal((10, 2)), 2, 1)


def test_columns_are_embedded_at_delays_of_their_own():
    x = np.stack([np.arange(10.0), 100 + np.arange(10.0)], axis=1)
    rows = delay_embed_columns(x, [(1, 0), (0, 3), (1, 1)])
    assert rows.shape == (7, 3) and rows[0].tolist() == [100, 3, 101] and rows[-1].tolist() == [106, 9, 107]
    np.testing.assert_array_equal(delay_embed_columns(x[:, 0], [(0, 0), (0, 2), (0, 4)]), delay_embed(x[:, 0], 3, 2))


@pytest.mark.parametrize("coordinates", [[(2, 0)], [(-1, 0)], [(0, -1)], [(0, 9)], []])
def test_coordinates_that_are_not_there_are_refused(coordinates):
    with pytest.raises(SpecError, match="columns 0 to 1"):
        delay_embed_columns(np.random.default_rng(0).standard_normal((10, 2)), coordinates)


def test_lorenz_x_needs_three_dimensions():
    found = choose_embedding(x := observable("lorenz63", 20_000, 0.01))
    assert found.dimension == 3 and found.delay == pytest.approx(16, abs=3) and not found.note
    assert found.false_neighbours[1] > 0.03
    assert found.apply(x).shape == (20_000 - 2 * found.delay, 3)


# Two dimensions for Hénon and three for Lorenz and Rössler are the textbook values; the delay equation needs more than
# the dimension of its attractor (Kaplan-Yorke 2.1 at tau = 17), which grows with tau.
SERIES = {
    "henon": (2, 2, "henon", 4000, None, {}),
    "lorenz63": (3, 3, "lorenz63", 6000, 0.02, {}),
    "rossler": (3, 3, "rossler", 6000, 0.1, {}),
    "mackey_glass 17": (3, 4, "mackey_glass", 6000, 1.0, {}),
    "mackey_glass 30": (5, 5, "mackey_glass", 6000, 1.0, {"tau": 30.0}),
}


@pytest.mark.parametrize("case", SERIES)
def test_dimensions_are_those_of_the_literature(case):
    by_share, by_growth, name, rows, dt, parameters = SERIES[case]
    x = observable(name, rows, dt, **parameters)
    assert choose_embedding(x).dimension == by_share
    found = choose_embedding(x, method="cao")
    assert found.dimension == by_growth and found.cao.deterministic and not found.note
    assert found.cao.growth[0] < 0.05 and (found.cao.growth[by_growth:] > 0.9).all()


@pytest.mark.parametrize("x", [np.random.default_rng(0).standard_exponential(3000), coloured_noise(3000)])
def test_noise_is_told_by_the_future_that_does_not_depend_on_the_past(x):
    found = choose_embedding(x, method="cao")
    assert not found.cao.deterministic and "told from noise" in found.note


def test_independent_values_have_a_flat_second_curve():
    found = averaged_false_neighbours(np.random.default_rng(1).standard_normal(5000), 1, 4)
    np.testing.assert_allclose(found.unpredicted, 1.0, atol=0.06)
    assert found.dimension is None and (np.diff(found.growth) > 0).all()


def test_the_curves_are_those_of_the_definition():
    """Against all distances, in units of another size."""
    x = observable("henon", 300)
    found = averaged_false_neighbours(1000 * x + 7, 1, 2)
    rows, window = 300 - 3, 3
    apart = np.abs(np.subtract.outer(np.arange(rows), np.arange(rows))) > window
    ratio, step = [], []
    for d in (1, 2, 3):
        points = delay_embed(x, d, 1)[:rows]
        distance = np.linalg.norm(points[:, None] - points, axis=2)
        near = np.where(apart, distance, np.inf).argmin(1)
        r, s = distance[np.arange(rows), near], np.abs(x[np.arange(rows) + d] - x[near + d])
        ratio.append(np.mean(np.sqrt(r**2 + s**2) / r))
        step.append(s.mean())
    np.testing.assert_allclose(found.growth, np.divide(ratio[1:], ratio[:-1]), rtol=1e-6)
    np.testing.assert_allclose(found.unpredicted, np.divide(step[1:], step[:-1]), rtol=1e-6)


def test_henon_x_needs_delay_one():
    assert choose_embedding(observable("henon", 4000)).delay == 1


def test_noise_has_no_dimension():
    found = choose_embedding(np.random.default_rng(0).standard_normal(4000))
    assert found.false_neighbours.min() > 0.05 and "false neighbours" in found.note


def quantised(x, bits):
    return np.round((x - x.min()) / np.ptp(x) * (2**bits - 1))


@pytest.mark.parametrize(("rows", "bits"), [(8000, 8), (8000, 10), (100_000, 8)])
def test_quantised_data_need_as_many_dimensions_as_exact_ones(rows, bits):
    """Most nearest states are exact repetitions: at 8 bits and 8000 rows of Lorenz x all but 7 of 5000."""
    found = choose_embedding(quantised(observable("lorenz63", rows, 0.01), bits))
    assert found.dimension == 3 and not found.note
    assert found.false_neighbours[0] > 0.6 and 0.02 < found.false_neighbours[1] < 0.1
    assert (found.false_neighbours[2:4] < 0.005).all()


def test_values_too_coarse_for_false_neighbours_are_told():
    x = observable("lorenz63", 8000, 0.01)
    assert "values in steps of 0.07" in choose_embedding(quantised(x, 6)).note
    assert averaged_false_neighbours(quantised(x, 6), 16, 4).dimension == 3


def test_few_distinct_values_have_no_share_and_no_dimension():
    cycle = np.tile([0.0, 2.0, 1.0, 4.0], 600)
    assert np.isnan(false_nearest_neighbours(cycle, 1, 3)).all()
    with pytest.raises(DataError, match=r"4 distinct values in 2400 rows.*--embed none"):
        choose_embedding(cycle)


def test_unknown_methods_and_short_series_are_refused():
    with pytest.raises(SpecError, match="did you mean 'cao'"):
        choose_embedding(np.random.default_rng(0).standard_normal(500), method="coa")
    with pytest.raises(DataError, match="at least"):
        averaged_false_neighbours(np.random.default_rng(0).standard_normal(30), 3, 8)
