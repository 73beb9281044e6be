import math

import numpy as np
import pytest

from dsr.analysis import (
    compare_itineraries,
    critical_point,
    is_admissible,
    kneading_entropy,
    kneading_sequence,
    kneading_sequence_of_map,
    maxima_symbols,
    side_symbols,
    word_counts,
)
from dsr.errors import DataError


def tent(slope):
    return lambda x: slope * min(x, 1 - x)


def orbit(step, length, x=0.3137):
    values = np.empty(length)
    for t in range(length):
        values[t] = x = step(x) + 1e-13  # a full tent map would end at 0 in binary arithmetic
    return values


@pytest.mark.parametrize("slope", [1.45, 1.5, 1.8, 1.95])
def test_entropy_of_tent_maps_is_the_logarithm_of_their_slope(slope):
    letters = kneading_sequence_of_map(tent(slope), 0.5, 30)
    found = kneading_entropy(letters)
    assert found.low <= math.log2(slope) <= found.high and found.high - found.low < 1e-3
    assert found.value == pytest.approx(math.log2(slope), abs=1e-3)


def test_kneading_sequences_known_in_closed_form():
    assert kneading_sequence_of_map(tent(2.0), 0.5, 10) == "R" + 9 * "L"
    assert kneading_entropy("R" + 40 * "L").value == pytest.approx(1.0, abs=1e-9)
    assert kneading_sequence_of_map(tent((1 + math.sqrt(5)) / 2), 0.5, 10) == "RLC"
    assert kneading_entropy("RLC").value == pytest.approx(math.log2((1 + math.sqrt(5)) / 2), abs=1e-12)
    # logistic map at r = 1 + sqrt(5): its peak has period two, and no entropy
    assert kneading_sequence_of_map(lambda x: (1 + math.sqrt(5)) * x * (1 - x), 0.5, 5) == "RC"
    assert kneading_entropy("RC").value == 0.0


@pytest.mark.parametrize("slope", [1.5, 1.8, 2.0])
def test_the_largest_word_of_an_orbit_is_the_kneading_sequence(slope):
    letters = maxima_symbols(orbit(tent(slope), 20_000), threshold=0.5)
    assert kneading_sequence(letters, 10) == kneading_sequence_of_map(tent(slope), 0.5, 10)


def test_the_kneading_sequence_decides_which_words_occur():
    kneading = kneading_sequence_of_map(tent(1.7), 0.5, 30)
    seen = set(word_counts(str(maxima_symbols(orbit(tent(1.7), 200_000), threshold=0.5)), 7).names)
    every = {"".join("LR"[i >> k & 1] for k in range(7)) for i in range(128)}
    allowed = {w for w in every if is_admissible(w, kneading)}
    # below the image of the highest point the orbit never comes back
    lasting = {w for w in allowed if all(compare_itineraries(w[i:], kneading[1:]) >= 0 for i in range(7))}
    assert seen == lasting and len(lasting) < len(allowed) < 128


def test_the_critical_point_is_found_from_the_return_map():
    assert critical_point(orbit(tent(1.9), 5000)) == pytest.approx(0.5, abs=0.005)
    x = np.empty(5000)
    x[0] = 0.3
    for t in range(1, x.size):
        x[t] = 3.9 * x[t - 1] * (1 - x[t - 1])
    assert critical_point(x) == pytest.approx(0.5, abs=0.02)
    letters = maxima_symbols(x, times=np.arange(x.size) * 0.7)
    assert letters.alphabet == ("L", "R") and letters.step == pytest.approx(0.7)


def test_sides_and_refusals():
    assert str(side_symbols([-1.0, 2.0, 0.0, -3.0])) == "LRRL"
    assert side_symbols([1.0, 2.0]).alphabet == ("L", "R")
    with pytest.raises(DataError, match="maxima are equal"):
        critical_point(np.ones(50))
    with pytest.raises(DataError, match="letters L and R"):
        kneading_sequence("abab")
    with pytest.raises(DataError, match="C at most last"):
        kneading_entropy("RCL")
    with pytest.raises(DataError, match="bounded orbit"):
        kneading_sequence_of_map(lambda x: 1e200 * (x + 1) ** 2, 0.5, 9)
