"""Numbers of words that are worked out by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

from dsr.analysis import SymbolSequence, entropy_rate, forbidden_words


def test_the_rate_in_nats_is_per_unit_of_time():
    coins = np.random.default_rng(0).integers(0, 2, 3000)
    rate = entropy_rate(SymbolSequence(coins, ("0", "1"), 0.5 * np.arange(3000)))
    assert rate.settings["nats_per_time"] / (rate.value * math.log(2)) == pytest.approx(2.0)


def test_a_forbidden_word_was_expected_as_often_as_its_ends_about_its_middle():
    """Coins in which a third 0 in a row is turned into a 1."""
    text = ""
    for coin in np.random.default_rng(0).integers(0, 2, 4000):
        text += "1" if text.endswith("00") else str(coin)
    (word,) = forbidden_words(text, 3)
    pairs = sum(a == b == "0" for a, b in pairwise(text))
    assert word.name == "000" and word.expected == pytest.approx(pairs**2 / text.count("0"))
