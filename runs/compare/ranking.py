"""Ranks of contestants over systems: Friedman's test, and who cannot be told from whom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .signed_rank import SignedRank, doubled_ranks, holm, signed_rank

ALPHA = 0.05


@dataclass(frozen=True)
class Ranking:
    """Contestants from best to worst over `systems`.

    mean_ranks : 1 is best. friedman_p : of equal ranks. critical_difference : of mean ranks, by Nemenyi. groups :
    largest sets of places (from 0) in which pairwise signed-rank tests with Holm's correction tell nobody apart: two
    contestants share a set exactly if they are not told apart. nemenyi_groups : the same for mean ranks that differ by
    less than the critical difference. least_p : smallest p that a
    pairwise test over so many systems can give, before correction.
    """

    names: tuple[str, ...]
    systems: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    friedman: float
    friedman_p: float
    critical_difference: float
    groups: tuple[tuple[int, ...], ...]
    nemenyi_groups: tuple[tuple[int, ...], ...]
    least_p: float


def rank(losses: Mapping[str, Sequence[float]], systems: Sequence[str], *, alpha: float = ALPHA) -> Ranking:
    """Rank contestants by their losses, one for each system; smaller is better, infinity is worst.

    losses : name -> one number for each of `systems`, none of them NaN. Friedman's chi-squared is corrected for ties
    and taken with k - 1 degrees of freedom. Pairs are tested on relative differences (a - b) / max(|a|, |b|), because
    losses of different systems have no common scale.

    Sources: Friedman 1937, DOI 10.1080/01621459.1937.10503522; Demsar 2006, https://www.jmlr.org/papers/v7/demsar06a
    (critical difference); Benavoli, Corani & Mangili 2016, https://www.jmlr.org/papers/v17/benavoli16a (why pairwise
    tests, and not mean ranks, should say who differs: mean ranks of two depend on the others in the pool); Piepho
    2004, DOI 10.1198/1061860043515 (sets from pairs).

    When it misleads: below ten systems the p value of Friedman's test is rough and pairwise tests can tell
    little (`least_p`); Nemenyi's difference is then no cure.
    """
    names = sorted(losses)
    table = np.array([losses[name] for name in names], float).T  # (systems, contestants)
    ranks = np.array([doubled_ranks(row) / 2 for row in table])
    means = ranks.mean(0)
    order = sorted(range(len(names)), key=lambda i: (means[i], names[i]))
    n, k = ranks.shape
    statistic, p = _friedman(ranks)
    pairs = list(itertools.combinations(range(k), 2))
    tests = [signed_rank(relative(table[:, order[i]], table[:, order[j]]).tolist()) for i, j in pairs]
    apart = dict(zip(pairs, (q < alpha for q in holm([t.p for t in tests])), strict=True))
    difference = nemenyi(k, alpha=alpha) * math.sqrt(k * (k + 1) / (6 * n))
    far = {(i, j): means[order[j]] - means[order[i]] > difference for i, j in pairs}
    return Ranking(
        tuple(names[i] for i in order),
        tuple(systems),
        tuple(float(means[i]) for i in order),
        statistic,
        p,
        difference,
        _groups(k, apart),
        _groups(k, far),
        _least(tests),
    )


def relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a - b) / max(|a|, |b|); zero where both are equal, plus or minus infinity where one alone is infinite."""
    result = np.zeros(len(a))
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x != y:
            result[i] = math.copysign(math.inf, x - y) if math.isinf(x - y) else (x - y) / max(abs(x), abs(y))
    return result


def nemenyi(k: int, *, alpha: float = ALPHA) -> float:
    """Quantile of the studentised range of k normal numbers, divided by sqrt 2: the factor of the critical
    difference."""
    from scipy.special import ndtr

    z = np.linspace(-8, 8, 3201)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    def below(q: float) -> float:
        return float(k * np.trapezoid(density * (ndtr(z) - ndtr(z - q)) ** (k - 1), z))

    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 1 - alpha else (low, middle)
    return high / math.sqrt(2)


def _friedman(ranks: np.ndarray) -> tuple[float, float]:
    """Chi-squared corrected for ties, and its p; (0, 1) where all ranks are tied."""
    from scipy.special import chdtrc

    n, k = ranks.shape
    spread = ((ranks - (k + 1) / 2) ** 2).sum()
    if spread == 0:
        return 0.0, 1.0
    statistic = (k - 1) * ((ranks.sum(0) - n * (k + 1) / 2) ** 2).sum() / spread
    return float(statistic), float(chdtrc(k - 1, statistic))


def _groups(k: int, apart: Mapping[tuple[int, int], bool]) -> tuple[tuple[int, ...], ...]:
    """Largest sets of places in which no pair is told apart; those of one alone are left out."""
    sets = {frozenset(range(k))}
    for i, j in (pair for pair, told in apart.items() if told):
        split = {part for s in sets for part in ((s - {i}, s - {j}) if {i, j} <= s else (s,))}
        sets = {s for s in split if not any(s < other for other in split)}
    return tuple(sorted(tuple(sorted(s)) for s in sets if len(s) > 1))


def _least(tests: Sequence[SignedRank]) -> float:
    return min((2.0 ** (1 - t.pairs) for t in tests), default=1.0)
