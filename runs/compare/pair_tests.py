"""Paired tests between contestants: on shared seeds within a task, and over tasks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .ranking import relative
from .signed_rank import holm, signed_rank

ALL_PAIRS = 15  # contestants beyond which all pairs are too many to read, and to correct for
ACROSS = "all systems"

Losses = Mapping[str, Mapping[str, Mapping[int, float]]]  # task -> contestant -> seed -> loss


@dataclass(frozen=True)
class PairTest:
    """`a` against `b` in one measure. scope : the task whose shared seeds are paired, or "all systems", where the
    medians of each task are. difference : median of loss of a minus loss of b, relative where tasks are paired.
    effect : rank-biserial, -1 where a is better in every pair. least : smallest p that so many pairs can give. p_holm :
    corrected for all pairs, of all tasks, of this measure."""

    measure: str
    scope: str
    a: str
    b: str
    pairs: int
    difference: float
    effect: float
    p: float
    p_holm: float
    least: float


def pair_tests(measure: str, losses: Losses, baseline: str | None = None) -> list[PairTest]:
    """All pairs of contestants of one measure, or each against the baseline.

    With more than 15 contestants and no baseline there are none: name a baseline.
    """
    names = sorted({name for table in losses.values() for name in table})
    if baseline is None and len(names) > ALL_PAIRS:
        return []
    pairs = [(n, baseline) for n in names if n != baseline] if baseline else list(itertools.combinations(names, 2))
    within = [
        found
        for task, table in losses.items()
        for a, b in pairs
        if a in table and b in table and (found := _within(measure, task, a, b, table[a], table[b]))
    ]
    across = [found for a, b in pairs if (found := _across(measure, losses, a, b))]
    return [*_corrected(within), *_corrected(across)]


def _within(
    measure: str, task: str, a: str, b: str, of_a: Mapping[int, float], of_b: Mapping[int, float]
) -> PairTest | None:
    shared = sorted(of_a.keys() & of_b.keys())
    if len(shared) < 2:
        return None
    x, y = (np.array([losses[seed] for seed in shared]) for losses in (of_a, of_b))
    with np.errstate(invalid="ignore"):
        difference = np.where(x == y, 0.0, x - y)
    return _test(measure, task, a, b, difference)


def _across(measure: str, losses: Losses, a: str, b: str) -> PairTest | None:
    tables = [table for table in losses.values() if a in table and b in table]
    if len(tables) < 2:
        return None
    x, y = (np.array([typical(table[name]) for table in tables]) for name in (a, b))
    return _test(measure, ACROSS, a, b, relative(x, y))


def typical(losses: Mapping[int, float]) -> float:
    """The median over seeds, lost runs among them: infinite where more than half were lost."""
    return _middle(losses.values())


def _middle(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _test(measure: str, scope: str, a: str, b: str, differences: np.ndarray) -> PairTest:
    found = signed_rank(differences.tolist())
    middle = _middle(differences.tolist())
    if math.isnan(middle):  # the two middle ones are plus and minus infinity
        middle = 0.0
    return PairTest(measure, scope, a, b, found.pairs, middle, found.effect, found.p, found.p, found.least)


def _corrected(tests: Sequence[PairTest]) -> Iterable[PairTest]:
    adjusted = holm([test.p for test in tests])
    return [replace(test, p_holm=p) for test, p in zip(tests, adjusted, strict=True)]
