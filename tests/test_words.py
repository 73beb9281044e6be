import math

import numpy as np
import pytest

from dsr.analysis import (
    SymbolSequence,
    block_entropies,
    critical_point,
    entropy_rate,
    forbidden_words,
    kneading_sequence,
    longest_sampled_word,
    maxima_symbols,
    topological_entropy,
    word_counts,
)
from dsr.errors import SpecError
from dsr.systems import get_system

GOLDEN = math.log2((1 + math.sqrt(5)) / 2)


def golden_mean_shift(length, seed=0):
    """A random sequence in which 1 is never followed by 1: h = 2/3 bit with equal chances after 0."""
    draws = np.random.default_rng(seed).random(length) < 0.5
    symbols = np.zeros(length, dtype=np.int64)
    for t in range(1, length):
        symbols[t] = draws[t] and symbols[t - 1] == 0
    return symbols


def logistic(length):
    x = np.empty(length)
    x[0] = 0.3
    for i in range(1, length):
        x[i] = 4 * x[i - 1] * (1 - x[i - 1])
    return x


def lorenz_returns(length):
    """L or R by the wing at each maximum of z, with times by a parabola through three samples."""
    x = get_system("lorenz63").simulate(length, 0.01, transient=50.0, seed=0).values
    z = x[:, 2]
    k = np.flatnonzero((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])) + 1
    return x[k, 0] > 0, k[-1] - k[0]


def test_words_are_counted_with_overlap_in_lexicographic_order():
    found = word_counts("abaab", 2)
    assert found.names == ("aa", "ab", "ba") and found.counts.tolist() == [1, 2, 1]
    assert found.frequencies.sum() == 1.0
    long = word_counts(np.random.default_rng(0).integers(0, 7, 300), 100)  # 7^100 keys would overflow
    assert len(long.words) == 201
    assert [tuple(w) for w in long.words] == sorted(tuple(w) for w in long.words)


def test_the_logistic_map_has_one_bit_and_every_word():
    symbols = logistic(100_000) > 0.5
    found = block_entropies(symbols)
    assert found.sampled_up_to == 13 and found.words.tolist() == [2**n for n in range(1, 14)]
    assert np.abs(found.increments[:12] - 1.0).max() < 0.001
    assert abs(found.measure.value - 1.0) < 3 * (found.measure.high - found.measure.value)
    assert topological_entropy(symbols).measure.value == pytest.approx(1.0, abs=1e-9)
    assert forbidden_words(symbols, 6) == []


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_entropy_of_bernoulli_sequences_within_the_stated_errors(p):
    exact = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    rng = np.random.default_rng(0)
    z = []
    for _ in range(120):
        rate = entropy_rate(rng.random(4000) < p)
        z.append((rate.value - exact) / (rate.high - rate.value))
    if p == 0.5:  # the entropy is at its maximum: errors are of second order and only bounded
        assert np.mean(np.abs(z)) < 3
    else:
        assert np.mean(np.abs(z) < 1) == pytest.approx(0.68, abs=0.1) and np.mean(np.abs(z) < 2) > 0.9


def test_symbols_that_last_longer_than_the_words_bound_the_rate_from_above_alone():
    """Coins of which each is told 40 times: the rate is 1 / 40 bit, which words of 11 do not see."""
    coins = np.random.default_rng(0).integers(0, 2, 1500)
    slow = SymbolSequence(coins.repeat(40), ("0", "1"), 0.01 * np.arange(coins.size * 40))
    rate = entropy_rate(slow)
    assert rate.note.startswith("upper bound: symbols last 80") and "run_compressed()" in rate.note
    assert math.isnan(rate.low) and rate.value > 1 / 40
    assert not entropy_rate(slow.run_compressed()).note.startswith("upper bound")
    assert not entropy_rate(coins).note and entropy_rate("a" * 100).note == ""


def test_miller_madow_removes_most_of_the_bias():
    rng = np.random.default_rng(0)
    found = [block_entropies(rng.integers(0, 2, 640)) for _ in range(60)]
    assert found[0].sampled_up_to == 6
    plug_in, corrected = (np.mean([getattr(f, k)[-1] for f in found]) for k in ("plug_in", "entropies"))
    assert plug_in - 6 == pytest.approx(-63 / (2 * 635 * math.log(2)), rel=0.1)
    assert abs(corrected - 6) < 0.005


def test_increments_collapse_beyond_the_undersampling_rule():
    assert longest_sampled_word(26_635, 2) == 11 and longest_sampled_word(10 * 2**7, 2) == 7
    assert longest_sampled_word(5, 2) == longest_sampled_word(10**6, 1) == 1
    found = block_entropies(np.random.default_rng(0).integers(0, 2, 2000), 12)
    assert abs(found.increments[found.sampled_up_to - 2] - 1) < 0.005 and found.increments[11] < 0.8
    assert found.measure.settings["n"] == found.sampled_up_to - 1


def test_golden_mean_shift():
    symbols = golden_mean_shift(20_000)
    found = topological_entropy(symbols)
    # one forbidden pair: exact from two-words on
    assert found.spectral == pytest.approx(np.full(found.lengths.size, GOLDEN), abs=1e-9)
    assert found.words[:6].tolist() == [2, 3, 5, 8, 13, 21]
    assert (np.diff(found.growth) < 0).all() and found.growth[-1] > GOLDEN
    assert found.measure.value == pytest.approx(GOLDEN, abs=1e-9)
    assert [w.name for w in forbidden_words(symbols, 5)] == ["11"]
    rate = entropy_rate(symbols)
    assert abs(rate.value - 2 / 3) < 3 * (rate.high - rate.value)


def test_spectral_radius_falls_from_above_where_longer_words_are_forbidden():
    """Runs of 1 of even length only: no finite list of forbidden words, entropy of the golden mean again."""
    rng = np.random.default_rng(0)
    text = "".join("0" if r < 0.5 else "11" for r in rng.random(60_000))
    spectral = topological_entropy(text, 9).spectral
    assert (np.diff(spectral) <= 1e-9).all() and spectral[0] == pytest.approx(1.0)
    assert GOLDEN < spectral[-1] < GOLDEN + 0.02
    assert [w.name for w in forbidden_words(text, 6)] == ["010", "01110"]


def test_a_large_graph_agrees_with_the_dense_eigenvalue():
    symbols = golden_mean_shift(200_000, seed=1)
    found = topological_entropy(symbols, 13)  # 610 vertices: beyond the dense solver
    assert found.words[-1] == 610 and found.spectral[-1] == pytest.approx(GOLDEN, abs=1e-9)


def test_a_cycle_has_no_entropy_and_all_of_its_words():
    cycle = topological_entropy("abc" * 200, 4)
    assert cycle.words.tolist() == [3, 3, 3, 3] and cycle.measure.value == pytest.approx(0.0, abs=1e-12)
    assert entropy_rate("abc" * 200).value == pytest.approx(0.0, abs=0.005)
    once = topological_entropy("abcdef", 2).measure
    assert math.isnan(once.value) and "no cycle" in once.note


def test_lorenz_returns_have_the_entropy_of_the_largest_exponent():
    symbols, steps = lorenz_returns(200_000)
    pesin = 0.9056 * steps * 0.01 / (symbols.size - 1) / math.log(2)
    found = block_entropies(symbols)
    assert abs(found.measure.value - pesin) < 3 * (found.measure.high - found.measure.value)
    assert found.measure.value == pytest.approx(pesin, abs=0.015)


@pytest.mark.slow
def test_pesin_identity_of_lorenz_to_two_thousandths_of_a_bit():
    symbols, steps = lorenz_returns(2_000_000)
    found = block_entropies(symbols, 10)
    assert symbols.size > 26_000 and 0.9056 * steps * 0.01 / (symbols.size - 1) / math.log(2) == pytest.approx(
        0.981, abs=0.001
    )
    assert found.increments[4:9].mean() == pytest.approx(0.981, abs=0.002)
    assert np.ptp(found.increments[4:9]) < 0.002
    assert found.words.tolist() == [2**n for n in range(1, 11)]
    assert topological_entropy(symbols).spectral[:9] == pytest.approx(np.ones(9), abs=1e-9)  # the full shift


@pytest.mark.slow
def test_maxima_of_lorenz_against_their_critical_point_generate_too():
    """Below or above the peak of the return map instead of left or right wing: another code, the same entropy."""
    series = get_system("lorenz63").simulate(2_000_000, 0.01, transient=50.0, seed=0)
    z = series.values[:, 2]
    k = np.flatnonzero((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])) + 1
    slope, curvature = (z[k + 1] - z[k - 1]) / 2, z[k + 1] - 2 * z[k] + z[k - 1]
    maxima, times = z[k] - slope**2 / (2 * curvature), (k - slope / curvature) * 0.01
    assert critical_point(maxima) == pytest.approx(38.55, abs=0.05)
    letters = maxima_symbols(maxima, times=times)
    found = block_entropies(letters, 10)
    assert found.increments[4:9].mean() == pytest.approx(0.981, abs=0.002)
    assert found.measure.settings["nats_per_time"] == pytest.approx(0.9056, rel=0.003)
    assert kneading_sequence(letters, 8) == "RLLLLLLL"  # the cusp reaches the full shift


def test_word_lengths_are_checked():
    for n in (0, 5):
        with pytest.raises(SpecError, match="word length"):
            word_counts("abab", n)
    with pytest.raises(SpecError, match="n_max = 1"):
        forbidden_words("abab", 1)
