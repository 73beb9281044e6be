"""Scores between floor and ceiling."""

from __future__ import annotations

import math

from dsr.analysis import indistinguishable, normalised_score
from dsr.analysis.scorecard.floor import quantile_floor
from dsr.analysis.scorecard.normalised import ceiling
from dsr.analysis.scorecard.rows import Row, _normalised
from dsr.measure import Floor, Measure, tells_nothing

FLOOR = Floor(0.1, 0.2, 0.4, 20, "independent trajectories")


def score(value: float, floor: Floor | None = FLOOR) -> Measure:
    return Measure("D", value, floor=floor)


def test_floor_is_zero_and_ceiling_one():
    assert normalised_score(score(0.2), 1.2) == 0
    assert normalised_score(score(1.2), 1.2) == 1
    assert math.isclose(normalised_score(score(2.2), 1.2), 2)


def test_the_ceiling_is_the_worst_baseline():
    assert ceiling([score(0.3), None, score(1.5), score(math.nan)]) == 1.5
    assert math.isnan(ceiling([None]))


def test_without_a_scale_there_is_no_number():
    assert math.isnan(normalised_score(score(0.2, None), 1.0))
    assert math.isnan(normalised_score(score(0.2), 0.2))  # a ceiling on the floor
    assert math.isnan(normalised_score(score(math.nan), 1.0))


def test_the_verdict_needs_twenty_pairs():
    assert indistinguishable(score(0.4)) is True
    assert indistinguishable(score(0.41)) is False
    assert indistinguishable(score(0.2, Floor(0.1, 0.2, 0.4, 19, "x"))) is None
    assert indistinguishable(score(math.nan)) is None


def test_the_table_says_where_a_score_tells_nothing():
    """The baselines, which know nothing of the dynamics, lie below the 95 % quantile of the floor."""
    assert _normalised(Row("D", None, score(0.3), score(0.2), score(0.4))) == "(tells nothing)"
    assert _normalised(Row("D", None, score(0.7), score(0.2), score(0.4))) == "2.500"  # it is worse than both
    assert _normalised(Row("D", None, score(0.3), score(0.2), score(1.2))) == "0.100 (= truth)"
    assert _normalised(Row("D", None, score(0.7), score(0.2), score(1.2))) == "0.500"
    assert _normalised(Row("D", None, score(0.3))) == "(= truth)"  # no baseline is known


def test_a_floor_is_the_5_50_and_95_percent_quantiles():
    found = quantile_floor(range(101), "pairs")
    assert (found.low, found.median, found.high, found.pairs) == (5, 50, 95, 101)


def test_a_score_further_above_its_floor_than_half_its_interval_tells_something():
    assert not tells_nothing(1.3, 1.1, 1.5, ceiling=0.9, floor_high=1.0)
    assert tells_nothing(1.3, 0.9, 1.7, ceiling=0.9, floor_high=1.0)
