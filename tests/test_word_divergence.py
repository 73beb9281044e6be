import numpy as np
import pytest

from dsr.analysis import word_divergence, word_divergence_floor
from dsr.systems import get_system


def test_equal_words_have_none_and_disjoint_words_one_bit():
    symbols = np.random.default_rng(0).integers(0, 2, 2000)
    assert word_divergence(symbols, symbols).value == 0.0
    assert word_divergence("ab" * 200, "ccd" * 200, 2).value == 1.0


def test_single_symbols_by_the_formula():
    found = word_divergence("a" * 300 + "b" * 100, "a" * 100 + "b" * 300, 1)
    entropy = -0.75 * np.log2(0.75) - 0.25 * np.log2(0.25)
    assert found.value == pytest.approx(1 - entropy)
    swapped = word_divergence("a" * 100 + "b" * 300, "a" * 300 + "b" * 100, 1)
    assert swapped.value == found.value  # symmetric


def test_the_error_is_that_of_either_order_of_the_two():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 3000), (rng.random(1500) < 0.3).astype(int)
    one, other = word_divergence(a, b, 3), word_divergence(b, a, 3)
    assert one.high - one.value == pytest.approx(other.high - other.value, rel=1e-9) and one.high > one.value


@pytest.mark.parametrize(("n", "length", "measured"), [(3, 1300, 0.0028), (5, 1300, 0.0112), (5, 13_000, 0.0007)])
def test_floor_rule_against_fair_coins_and_the_measured_floors(n, length, measured):
    rng = np.random.default_rng(0)
    found = [word_divergence(rng.integers(0, 2, length), rng.integers(0, 2, length), n) for _ in range(60)]
    values, floor = np.array([f.value for f in found]), found[0].floor
    assert np.median(values) == pytest.approx(floor.median, rel=0.2)
    assert np.mean(values > floor.high) < 0.15 and np.mean(values < floor.low) < 0.15
    assert floor.low < measured < 1.5 * floor.high  # Lorenz returns, six pairs


def test_floor_of_many_words_and_of_one():
    assert word_divergence_floor(8, 13_000, 13_000, words=256).median == pytest.approx(0.006, rel=0.25)
    assert word_divergence_floor(3, 100, 100, words=1).high == 0.0


def test_a_missing_word_is_seen_and_names_decide():
    """The golden mean shift against a chain without memory of the same letter frequencies: 2-words tell."""
    rng = np.random.default_rng(0)
    truth = np.zeros(5000, dtype=int)
    for t in range(1, truth.size):
        truth[t] = truth[t - 1] == 0 and rng.random() < 0.5
    model = (rng.random(5000) < truth.mean()).astype(int)
    assert word_divergence(truth, model, 1).value <= word_divergence(truth, model, 1).floor.high
    two = word_divergence(truth, model, 2)
    assert two.value > 10 * two.floor.high and two.low > two.floor.high
    assert two.settings["words_truth"] == 3 and two.settings["words_model"] == 4
    text = "".join("LR"[s] for s in truth)
    assert word_divergence(text, text.replace("L", "X"), 1).value > 0.3


def test_too_long_words_are_named():
    rng = np.random.default_rng(0)
    assert "longer than 5" in word_divergence(rng.integers(0, 2, 400), rng.integers(0, 2, 400), 8).note


@pytest.mark.slow
def test_floors_of_lorenz_returns_as_measured_before():
    """Mean divergence in bits between stretches of 130, 1300 and 13,000 returns of one orbit."""
    x = get_system("lorenz63").simulate(2_000_000, 0.01, transient=50.0, seed=0).values
    z = x[:, 2]
    wing = x[1:-1][(z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:]), 0] > 0
    measured = {(130, 3): 0.025, (130, 5): 0.108, (130, 8): 0.59, (1300, 3): 0.0028, (1300, 5): 0.0112,
                (1300, 8): 0.082, (13_000, 5): 0.0007, (13_000, 8): 0.006}  # fmt: skip
    for (length, n), value in measured.items():
        parts = [wing[i : i + length] for i in range(0, wing.size - length + 1, length)]
        found = [word_divergence(*pair, n, blocks=10).value for pair in zip(parts[::2], parts[1::2], strict=False)]
        assert np.mean(found) == pytest.approx(value, rel=0.35)
