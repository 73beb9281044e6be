"""Readings and verdicts: the sentence follows the numbers, and is never kinder than they are."""

from __future__ import annotations

import pytest

from dsr.analysis import Outcome, Row
from dsr.analysis.scorecard.rows import Judgement
from dsr.measure import Floor, Measure
from dsr.runs.report.parts import invariants_table
from dsr.runs.verdict import quantity, reading, verdict

FLOOR = Floor(0.02, 0.05, 0.10, 20, "independent trajectories")
CHANCE = Floor(1.2, 1.4, 1.6, 20, "chance: stretches of independent trajectories used as forecasts")


def score(
    name: str, value: float, floor: Floor | None = FLOOR, surrogate: float | None = None, gaussian: float = 9.5
) -> Row:
    baseline = None if surrogate is None else Measure(name, surrogate)
    return Row(name, None, Measure(name, value, floor=floor), baseline, Measure(name, gaussian))


def exponent(found: float, error: float = 0.01, truth: float = 0.9056, name: str = "lambda_1") -> Row:
    return Row(
        name,
        Measure(name, truth, truth - 0.003, truth + 0.003, "per time unit"),
        Measure(name, found, found - error, found + error, "per time unit"),
    )


def judged(*rows: Row, outcome: Outcome | None = None):
    outcome = outcome or Outcome("chaotic", "lambda_1 above zero")
    return verdict(Judgement(rows, outcome, None, None, None).to_dict())


@pytest.mark.parametrize(
    ("value", "level"), [(0.05, "agrees"), (0.0999, "agrees"), (0.101, "differs"), (3.0, "differs")]
)
def test_a_score_is_within_its_floor_up_to_the_95_percent_quantile(value, level):
    result = reading(score("D_stsp", value).to_dict())
    assert result.level == level
    assert ("within the floor" in result.text) == (level == "agrees")
    assert "0.1)" in result.text


def test_a_score_above_its_floor_says_how_many_times_the_median():
    assert "6 times its median" in reading(score("D_stsp", 0.3).to_dict()).text


def test_a_floor_of_one_pair_decides_nothing():
    result = reading(score("D_stsp", 0.04, Floor(0.05, 0.05, 0.05, 1, "halves of the record (length 500)")).to_dict())
    assert result.level == "open" and "one pair only (halves of the record (length 500))" in result.text


@pytest.mark.parametrize(("dt", "level"), [(1.0, "differs"), (1.8, "open")])
def test_chance_decides_nothing_where_double_precision_foretells_no_more(dt, level):
    """An error of 2e-16 has grown to 0.4 after 35 Lyapunov times: 20 rows of 1.8 are 36."""
    far = Row("prediction error", None, Measure("prediction error", 1.37, settings={"n": 20}, floor=CHANCE), None, None)
    long = Measure("valid prediction time", 30.0, settings={"lyapunov_time": 1.0}, floor=CHANCE)
    chaos = Measure("lambda_1", 1.0, 0.99, 1.01, settings={"dt": dt})
    rows = [far, Row(long.name, None, long, None, None), Row("lambda_1", chaos, chaos, None, None)]
    result = judged(score("D_stsp", 0.05), *rows)
    assert ("Also off: prediction error" in result.sentence) == (level == "differs")
    table = invariants_table([row.to_dict() for row in rows])
    assert ("beyond double precision" in table) == (level == "open")


def test_no_better_than_a_surrogate_outweighs_the_floor_for_d_stsp_only():
    wide = Floor(0.1, 5.0, 9.0, 20, "independent trajectories")
    assert reading(score("D_stsp", 4.0, wide, surrogate=3.9).to_dict()).text == "no better than a phase surrogate"
    assert reading(score("D_H", 0.05, surrogate=0.0).to_dict()).level == "agrees"  # zero by construction


def test_a_score_whose_baselines_lie_within_the_floor_tells_nothing():
    """As D_stsp by cells in twenty dimensions, where every row is alone: near is not said; far is."""
    row = score("D_stsp", 0.06, surrogate=0.08, gaussian=0.07)
    assert reading(row.to_dict()).level == "open" and "tells nothing" in reading(row.to_dict()).text
    assert reading(score("D_stsp", 3.0, surrogate=0.08, gaussian=0.07).to_dict()).level == "differs"
    result = judged(row, score("D_H", 0.05), exponent(0.90))
    assert result.level == "open" and "is a score that tells nothing here" in result.sentence


def test_rounding_does_not_decide_whether_a_score_tells_something():
    """Where every row has a cell of its own, floor, baselines and score agree to nine digits."""
    floor = Floor(1.15e-9, 1.151e-9, 1.152e-9, 20, "independent trajectories")
    row = score("D_stsp", 1.152e-9 * (1 + 1e-9), floor, surrogate=1.151e-9, gaussian=1.15e-9)
    assert "tells nothing" in reading(row.to_dict()).text


def test_few_pairs_bound_a_floor_badly():
    """Three pairs say nothing of a score within or just above them; far above, it differs all the same."""
    few = Floor(0.02, 0.05, 0.08, 3, "independent trajectories")
    within, above, far = (reading(score("D_stsp", value, few).to_dict()) for value in (0.06, 0.1, 0.3))
    assert (within.level, above.level, far.level) == ("open", "open", "differs")
    assert "3 true pairs (20 are needed to tell)" in within.text and "95 %" not in within.text + above.text + far.text
    assert judged(score("D_stsp", 0.06, few), score("D_H", 0.05), exponent(0.90)).level == "open"


def test_predictions_are_read_against_chance_in_the_right_direction():
    assert reading(score("prediction error", 0.05, CHANCE).to_dict()).text == "better than chance"
    assert reading(score("prediction error", 1.3, CHANCE).to_dict()).text == "no better than chance"
    assert reading(score("valid prediction time", 5.0, CHANCE).to_dict()).text == "better than chance"
    assert reading(score("valid prediction time", 1.3, CHANCE).to_dict()).text == "no better than chance"


def test_an_exponent_is_compared_in_combined_uncertainties():
    near, far = reading(exponent(0.89).to_dict()), reading(exponent(0.80).to_dict())
    assert near.level == "agrees" and "1.5 combined uncertainties" in near.text  # 0.0156 / hypot(0.01, 0.003)
    assert far.level == "differs" and "\N{MINUS SIGN}0.106 (11.7 %), 10 combined uncertainties" == far.text


def test_different_estimators_are_never_compared():
    row = Row("lambda_1", Measure("lambda_1 from data", 0.8, 0.7, 0.9), Measure("lambda_1", 0.9, 0.89, 0.91))
    result = reading(row.to_dict())
    assert result.level == "open" and "lambda_1 from data" in result.text


def test_the_verdict_agrees_only_if_exponent_geometry_and_spectrum_all_do():
    good = (score("D_stsp", 0.06), score("D_H", 0.05), exponent(0.90))
    assert judged(*good).level == "agrees"
    assert "cannot be told from the truth" in judged(*good).sentence
    for worse in (
        (score("D_stsp", 0.2), *good[1:]),
        (good[0], score("D_H", 0.2), good[2]),
        (*good[:2], exponent(0.7)),
    ):
        assert judged(*worse).level == "differs"
        assert "It can be told from the truth" in judged(*worse).sentence


def test_the_verdict_carries_its_numbers_and_names_what_else_is_off():
    dimension = exponent(2.4, 0.01, 2.06, "Kaplan-Yorke dimension")
    text = judged(score("D_stsp", 0.06), score("D_H", 0.05), exponent(0.90), dimension).sentence
    assert "lambda_1 = 0.900 ± 0.010 per time unit against 0.9056 ± 0.0030 per time unit of the truth" in text
    assert "D_stsp = 0.06 is within the floor" in text
    assert text.endswith("Also off: Kaplan-Yorke dimension.")


def test_without_equations_like_is_compared_with_like():
    ours = Row("lambda_1", Measure("lambda_1 from data", 0.8, 0.7, 0.9), Measure("lambda_1", 0.9, 0.89, 0.91))
    data = exponent(0.81, 0.1, 0.8, "lambda_1 from data")
    assert "lambda_1 from data = 0.81" in judged(score("D_stsp", 0.06), score("D_H", 0.05), ours, data).sentence


@pytest.mark.parametrize(
    "outcome",
    [Outcome("diverged", "the free run left at step 1234", 1234), Outcome("fixed point", "it comes to rest")],
)
def test_a_lost_run_is_lost_whatever_the_other_rows_say(outcome):
    result = judged(score("prediction error", 0.01, CHANCE), outcome=outcome)
    assert result.level == "lost"
    assert outcome.sentence[1:] in result.sentence and "no attractor to compare" in result.sentence


def test_a_run_that_is_not_chaotic_never_passes_for_the_truth():
    flat = Outcome("not chaotic", "lambda_1 is not above zero by two standard errors")
    assert judged(score("D_stsp", 0.06), score("D_H", 0.05), exponent(0.90), outcome=flat).level == "open"


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        (Measure("a", -14.572, -14.576, -14.568, "per s"), "\N{MINUS SIGN}14.5720 ± 0.0040 per s"),
        (Measure("a", 5.21, 3.9, 6.43, "Lyapunov times"), "5.2 [3.9, 6.4] Lyapunov times"),
        (Measure("a", 0.04567891), "0.04568"),
        (Measure("a", 1e-16), "0"),
        (Measure("a", -1.2039728, -1.2039728 - 1e-15, -1.2039728 + 1e-15), "\N{MINUS SIGN}1.204"),
        (Measure("a", float("nan"), note="diverged at step 3"), "diverged at step 3"),
    ],
)
def test_numbers_are_rounded_to_two_digits_of_their_error(measure, text):
    assert quantity(measure.to_dict()) == text
