"""The statistics of comparisons: signed-rank tests, ranks, intervals of the median."""

import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, studentized_range, wilcoxon

from dsr.runs.compare.grids import group_letters
from dsr.runs.compare.median_interval import median_interval, reachable_coverage
from dsr.runs.compare.pair_tests import pair_tests, typical
from dsr.runs.compare.ranking import _groups, nemenyi, rank, relative
from dsr.runs.compare.signed_rank import holm, signed_rank

NAN = math.nan


@pytest.mark.parametrize("digits", [6, 0])
def test_the_signed_rank_test_is_that_of_scipy(digits):
    generator = np.random.default_rng(3)
    for n in (5, 12, 13):
        d = np.round(2 * generator.normal(size=n) + 1, digits)
        method = "exact" if digits else wilcoxon_signs(d)
        assert signed_rank(d).p == pytest.approx(wilcoxon(d, zero_method="pratt", method=method).pvalue, abs=1e-12)


def wilcoxon_signs(d):
    """All signs of the differences that are not zero: exact with ties too."""
    from scipy.stats import PermutationMethod

    return PermutationMethod(n_resamples=2 ** len(d) + 1)


def test_the_normal_limit_of_the_signed_rank_test_meets_the_exact_one(monkeypatch):
    from dsr.runs.compare import signed_rank as module

    d = np.random.default_rng(1).normal(0.1, 1, 120)
    exact = signed_rank(d).p
    monkeypatch.setattr(module, "LARGE", 10)
    assert signed_rank(d).p == pytest.approx(exact, rel=0.02) and signed_rank(d).p != exact


def test_effect_and_least_p_of_paired_differences():
    five = signed_rank([-1, -2, -3, -math.inf, -0.5])
    assert (five.effect, five.p, five.least) == (-1.0, 0.0625, 0.0625)
    assert signed_rank([1, -2, 3]).effect == pytest.approx((4 - 2) / 6)
    assert signed_rank([0, 0]).p == 1.0 and signed_rank([0, 0, 1]).effect == pytest.approx(0.5)


def test_holm_is_the_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_ranks_friedman_and_the_critical_difference():
    table = np.random.default_rng(5).normal(size=(4, 8))
    result = rank(dict(zip("abcd", table, strict=True)), list("ABCDEFGH"))
    expected = friedmanchisquare(*table)
    assert (result.friedman, result.friedman_p) == pytest.approx((expected.statistic, expected.pvalue))
    order = np.argsort(np.argsort(table, axis=0), axis=0).mean(1) + 1
    assert result.mean_ranks == pytest.approx(sorted(order))
    assert [nemenyi(k) for k in (2, 5, 10)] == pytest.approx([1.960, 2.728, 3.164], abs=1e-3)  # Demsar, table 5
    assert nemenyi(7) == pytest.approx(studentized_range.ppf(0.95, 7, np.inf) / math.sqrt(2), abs=1e-5)


def test_groups_hold_whom_the_tests_do_not_tell_apart():
    base = np.arange(1.0, 11.0)
    result = rank({"a": base, "b": base * np.tile([0.9, 1.2], 5), "c": base * 5}, list("0123456789"))
    assert result.names[-1] == "c" and result.groups == ((0, 1),)
    noisy = base * np.tile([0.3, 4], 5)  # not told from a nor c, which are told apart
    result = rank({"a": base, "c": base * 1.5, "noisy": noisy}, list("0123456789"))
    assert result.names == ("a", "noisy", "c") and result.groups == ((0, 1), (1, 2))
    assert group_letters(result.groups, result) == ["a", "ab", "b"]
    assert rank({"a": base[:3], "b": base[:3] * 2}, list("012")).groups == ((0, 1),)  # three systems tell nothing


def test_mean_ranks_by_hand_and_who_is_not_told_apart():
    """Four contestants in the same order on 14 systems, named against the order of the alphabet."""
    base, systems = np.arange(1.0, 15.0), [str(i) for i in range(14)]
    losses = {"d": base, "b": 2 * base, "c": 3 * base, "a": 4 * base}
    result = rank(losses, systems)
    assert result.names == ("d", "b", "c", "a") and result.mean_ranks == (1, 2, 3, 4)
    assert result.critical_difference == pytest.approx(2.569 * math.sqrt(20 / 84), abs=1e-3)  # Demsar, table 5
    assert result.nemenyi_groups == ((0, 1), (1, 2), (2, 3)) and result.groups == ()
    assert rank(losses, systems, alpha=0.1).critical_difference == pytest.approx(2.291 * math.sqrt(20 / 84), abs=1e-3)


def test_differences_are_relative_to_the_larger_loss():
    assert relative(np.array([2.0, 1.0, 3.0]), np.array([1.0, 4.0, 3.0])).tolist() == [0.5, -0.75, 0.0]


def test_zeros_do_not_lower_the_least_p():
    assert signed_rank([0, 1, 2]).least == 0.5


def test_a_typical_loss_is_the_median_of_the_seeds():
    assert typical({0: 1.0, 1: 3.0}) == 2.0 and typical({0: 5.0, 1: 1.0, 2: 2.0}) == 2.0


def test_tests_within_tasks_and_across_them_are_corrected_apart():
    """`a` wins all five seeds of one task (p = 1/16), one of two of the other (p = 1), both medians (1/2)."""
    won = {"a": dict.fromkeys(range(5), 1.0), "b": {seed: 2.0 + seed for seed in range(5)}}
    open_ = {"a": {0: 1.0, 1: 3.0}, "b": {0: 2.0, 1: 2.5}}
    first, second, across = pair_tests("D_stsp", {"won": won, "open": open_})
    assert (first.p, second.p, across.p) == (0.0625, 1.0, 0.5)
    assert (first.p_holm, second.p_holm, across.p_holm) == (0.125, 1.0, 0.5)


def test_two_contestants_share_a_letter_exactly_if_they_are_not_told_apart():
    """Also where others rank between them: a group need not be a stretch of places."""
    generator = np.random.default_rng(0)
    for k in (4, 9, 30):
        apart = {pair: bool(generator.random() < 0.4) for pair in itertools.combinations(range(k), 2)}
        groups = _groups(k, apart)
        ranking = SimpleNamespace(names=tuple(range(k)))
        letters = group_letters(groups, ranking)
        words = [set(re.findall(r"[a-z][0-9]*", text)) for text in letters]
        assert all(bool(words[i] & words[j]) != told for (i, j), told in apart.items()) and all(words)
        assert not any(set(a) < set(b) for a in groups for b in groups)


def test_the_interval_is_that_of_plain_resampling():
    values = np.random.default_rng(2).lognormal(size=20)
    drawn = np.random.default_rng(9).choice(values, (40_000, 20))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    assert median_interval(values) == pytest.approx((low, high), rel=0.02)


def coverage(n, repeats, draw):
    hits = [low <= 0 <= high for low, high in (median_interval(draw(n)) for _ in range(repeats))]
    return np.mean(hits)


@pytest.mark.parametrize(("n", "stated"), [(5, 0.9375), (20, 0.95)])
def test_intervals_cover_the_median_as_often_as_stated(n, stated):
    found = coverage(n, 1500, np.random.default_rng(n).standard_normal)
    assert abs(found - stated) < 3.5 * math.sqrt(stated * (1 - stated) / 1500) + 0.005


@pytest.mark.slow
def test_coverage_over_distributions_and_numbers_of_seeds():
    generator = np.random.default_rng(0)
    draws = {
        "normal": generator.standard_normal,
        "log-normal": lambda n: generator.lognormal(size=n) - 1,
        "Cauchy": generator.standard_cauchy,
    }
    print("\nseeds  " + "  ".join(f"{name:>10}" for name in draws) + "  largest possible")
    for n in (3, 5, 10, 20, 50):
        row = [coverage(n, 10_000, draw) for draw in draws.values()]
        print(f"{n:>5}  " + "  ".join(f"{x:10.3f}" for x in row) + f"  {reachable_coverage(n):16.4f}")
        assert min(row) > min(0.925, reachable_coverage(n) - 0.015) and max(row) < 0.97


# Output
