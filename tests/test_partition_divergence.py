import numpy as np
import pytest

from dsr.analysis import partition_divergence, phase_surrogate, state_space_divergence, word_divergence
from dsr.errors import DataError
from dsr.systems import get_system


def lorenz(seed, length=20_000, **parameters):
    return get_system("lorenz63", **parameters).simulate(length, 0.01, transient=50.0, seed=seed).values


@pytest.fixture(scope="module")
def truth():
    return lorenz(0)


def test_it_sees_what_visits_to_state_space_cannot(truth):
    """Reversal in time leaves D_stsp at its floor; the words of the reversed run are others."""
    other = lorenz(1)
    floor = max(partition_divergence(truth, x, partitions=2).value for x in (other, lorenz(2)))
    for seen in (other[::-1], np.random.default_rng(0).permutation(other), phase_surrogate(truth, 0)):
        assert partition_divergence(truth, seen, partitions=2).value > 8 * floor
    assert partition_divergence(truth, lorenz(4, rho=32.0), partitions=2).value > 3 * floor
    assert state_space_divergence(truth, other[::-1]).value == state_space_divergence(truth, other).value
    # single cells are blind to the order
    forward, backward = (partition_divergence(truth, x, n=1).value for x in (other, other[::-1]))
    assert forward == pytest.approx(backward, abs=1e-12)


def test_words_of_two_cells_by_hand():
    """Two clouds visited alternately, and in random order: pairs 01 and 10 only, against all four."""
    rng = np.random.default_rng(0)
    alternating, random = np.arange(8000) % 2, rng.integers(0, 2, 8000)
    clouds = [np.stack([10.0 * s, s], 1) + 0.01 * rng.normal(size=(8000, 2)) for s in (alternating, random)]
    found = partition_divergence(*clouds, cells=2, n=2, lag=1, partitions=1)
    assert found.value == pytest.approx(word_divergence(alternating, random, 2).value, abs=1e-12)
    assert found.value == pytest.approx(0.3113, abs=0.01)  # of (1/2, 1/2, 0, 0) and four quarters
    assert np.isnan([found.low, found.high]).all()  # one partition


def test_a_run_elsewhere_is_outside_and_short_runs_are_refused(truth):
    away = partition_divergence(truth, truth + 1000.0)
    assert away.value == 1.0 and away.settings["outside_fraction"] == 1.0
    with pytest.raises(DataError, match="at least 40 rows"):
        partition_divergence(truth, truth[:30], lag=20)
