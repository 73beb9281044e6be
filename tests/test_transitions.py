import math

import numpy as np
import pytest

from dsr.analysis import dwell_times, embedded_chain, transition_matrix
from dsr.errors import DataError, SpecError

CHAIN = np.array([[0.9, 0.1, 0.0], [0.0, 0.6, 0.4], [0.3, 0.2, 0.5]])


def markov(matrix, length, rng):
    cumulative, draws = matrix.cumsum(1), rng.random(length)
    symbols = np.zeros(length, dtype=np.int64)
    for t in range(1, length):
        symbols[t] = min(np.searchsorted(cumulative[symbols[t - 1]], draws[t], side="right"), len(matrix) - 1)
    return symbols


def test_rows_sum_to_one_and_counts_to_the_transitions():
    symbols = markov(CHAIN, 2000, np.random.default_rng(0))
    found = transition_matrix(symbols)
    full = found.dense()
    np.testing.assert_allclose(full.sum(1), 1.0)
    assert found.counts.sum() == 1999 and found.dense(found.counts)[0, 0] == found.counts[0]
    assert full[0, 2] == full[1, 0] == 0.0 and len(found.edges) == 7
    assert [e.weight for e in found.edges] == sorted(found.counts.tolist(), reverse=True)


@pytest.mark.parametrize("blocks", [32, None])
def test_transition_errors_cover_the_known_matrix(blocks):
    """68 % of the estimates of a Markov chain lie within one standard error, 95 % within two."""
    rng = np.random.default_rng(1)
    z = []
    for _ in range(60):
        found = transition_matrix(markov(CHAIN, 1500, rng), blocks=blocks)
        z += ((found.probabilities - CHAIN[found.source, found.target]) / found.errors).tolist()
    z = np.abs(z)
    assert np.mean(z < 1) == pytest.approx(0.68, abs=0.06) and np.mean(z < 2) == pytest.approx(0.95, abs=0.03)


@pytest.mark.slow
def test_block_errors_hold_with_memory_where_binomial_ones_fail():
    """Each symbol of a chain is held for eight steps: the binomial errors are too small, the block errors are not."""
    rng = np.random.default_rng(2)
    two = np.array([[0.5, 0.5], [0.5, 0.5]])
    deviations = {32: [], None: []}
    for _ in range(200):
        held = np.repeat(markov(two, 1000, rng), 8)
        for blocks, z in deviations.items():
            found = transition_matrix(held, lag=4, blocks=blocks)
            exact = np.where(found.source == found.target, 0.75, 0.25)  # half of the lags stay within one hold
            z += (np.abs(found.probabilities - exact) / found.errors).tolist()
    assert np.mean(np.array(deviations[32]) < 1) == pytest.approx(0.68, abs=0.06)
    assert np.mean(np.array(deviations[None]) < 1) < 0.6


def test_embedded_chain_has_no_self_transitions_and_the_known_exits():
    found = embedded_chain(markov(CHAIN, 40_000, np.random.default_rng(3)))
    assert (found.source != found.target).all()
    exits = CHAIN - np.diag(np.diag(CHAIN))
    exits /= exits.sum(1, keepdims=True)
    deviation = np.abs(found.probabilities - exits[found.source, found.target]) / found.errors
    assert deviation.max() < 4
    with pytest.raises(DataError, match="1 symbols"):
        embedded_chain(np.zeros(50, dtype=int))


def test_a_certain_transition_has_an_error_nevertheless():
    found = transition_matrix("ababababab" * 10)
    assert (found.probabilities == 1.0).all()
    assert found.errors == pytest.approx(1 / 51, rel=0.1)  # seen 50 times in 50


def test_dwell_times_of_a_markov_chain_are_geometric():
    found = dwell_times(markov(CHAIN, 60_000, np.random.default_rng(4)))
    for name, stay in zip("012", np.diag(CHAIN), strict=True):
        mean = found.mean(name)
        assert abs(mean.value - 1 / (1 - stay)) < 3 * (mean.high - mean.value)
        assert found.of(name).std() == pytest.approx(math.sqrt(stay) / (1 - stay), rel=0.1)


def test_stays_cut_off_by_the_ends_are_left_out():
    found = dwell_times("aaabbaaaa")
    assert found.durations.tolist() == [2.0] and found.of("a").size == 0
    assert math.isnan(found.mean("a").value) and "no completed stay" in found.mean("a").note
    assert math.isnan(dwell_times("aaaa").measure.value)


def test_lag_and_blocks_are_checked():
    with pytest.raises(SpecError, match="lag = 0"):
        transition_matrix("abab", lag=0)
    with pytest.raises(SpecError, match="blocks"):
        transition_matrix("abab")
    assert transition_matrix("abab", blocks=None).counts.tolist() == [2, 1]
