"""The sentences that belong to a comparison: what its numbers can and cannot say."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsr.measure import ENOUGH_PAIRS, INDEPENDENT

from .cells import Cell, Count
from .labels import OF_TASK, short_name
from .median_interval import LEVEL, reachable_coverage
from .pair_tests import ACROSS, ALL_PAIRS, PairTest
from .ranking import ALPHA, Ranking
from .select import flat_settings

SHOWN = 4  # names in a list
FEW_PAIRS = (  # what the pairs of a floor are, whether they are independent, and what gives more
    ("true trajectories", True, "data.floor_trajectories=20"),
    (
        "stretches of the record", False,
        "a record 20 times as long as the test or the free run (data.test_file, analysis.free_steps), or data.truth",
    ),
)  # fmt: skip
GONE = (
    "A run that diverged, came to rest, was chaotic for a while only, or failed with an error, enters ranks and tests "
    "as worse than any number, but for forecasts if it has made any; medians, quartiles and intervals are over the "
    "runs that have a number, which the column n counts."
)


def notes(
    counts: Sequence[Count],
    cells: Sequence[Cell],
    tests: Sequence[PairTest],
    rankings: Mapping[str, Ranking],
    *,
    waiting: Mapping[str, int],
    duplicates: int,
    respelt: int,
    nameless: int,
    versions: Mapping[str, Sequence[int]],
    contestants: Sequence[str],
    baseline: str | None,
) -> tuple[str, ...]:
    """In the order of the tables that they speak of. waiting : state -> runs that have not ended. versions : measure ->
    those of its definition."""
    found = [GONE] if any(c.diverged or c.collapsed or c.failed for c in counts) else []
    found += _of_runs(waiting, duplicates, respelt, nameless)
    found += _of_settings(counts)
    found += _of_versions(versions)
    found += _of_cells(cells)
    found += _of_tests(tests, contestants)
    if baseline or len(contestants) <= ALL_PAIRS:
        found += _of_untested(tests, cells, baseline)
    found += _of_rankings(rankings, cells)
    found += _of_unranked(rankings, cells)
    return tuple(found)


def _of_runs(waiting: Mapping[str, int], duplicates: int, respelt: int, nameless: int) -> Iterator[str]:
    if waiting:
        n, states = sum(waiting.values()), ", ".join(f"{n} {state}" for state, n in sorted(waiting.items()))
        yield f"{n} unfinished run{'s are' if n > 1 else ' is'} left out: {states}."
    if nameless:
        yield f"{nameless} damaged folder{'s' if nameless > 1 else ''} without readable settings: left out."
    if duplicates:
        yield (
            f"{duplicates} run{'s' if duplicates > 1 else ''} of the same id in several experiments: counted once, "
            "finished ones before others."
        )
    if respelt:
        yield (
            f"{respelt} run{'s' if respelt > 1 else ''} with seed and settings of another, written differently (35 and "
            "35.0): counted once, finished ones before others."
        )


def _of_settings(counts: Sequence[Count]) -> Iterator[str]:
    """Settings that differ between the tasks of a contestant, but for those that belong to a task."""
    trees: dict[str, list[dict[str, Any]]] = {}
    for c in counts:
        trees.setdefault(c.contestant, []).append(flat_settings(c.settings))
    mixed: dict[tuple[str, ...], list[str]] = {}
    for name, mine in trees.items():
        known = sorted({key for tree in mine for key in tree if not key.startswith(OF_TASK)})
        keys = tuple(short_name(k) for k in known if any(tree.get(k) != mine[0].get(k) for tree in mine))
        mixed.setdefault(keys, []).append(name)
    mixed.pop((), None)
    if mixed:
        told = [f"{_some(keys)} of {_some(names)}" for keys, names in mixed.items()]
        yield f"Settings that differ between systems under one name: {_some(told, '; ')}."


def _of_versions(versions: Mapping[str, Sequence[int]]) -> Iterator[str]:
    told = [f"{measure} in versions {', '.join(map(str, found))}" for measure, found in versions.items() if found[1:]]
    if told:
        yield (
            f"Measures of several definitions: {_some(told, '; ')}. Of one contestant on one system the newest alone "
            "counts, but ranks and tests put contestants of different versions side by side: compute the older runs "
            "again."
        )


def _some(names: Sequence[str], comma: str = ", ") -> str:
    """The first of many."""
    return comma.join(names[:SHOWN]) + (f"{comma}{len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _of_cells(cells: Sequence[Cell]) -> Iterator[str]:
    small = sorted({c.values for c in cells if 0 < c.values and reachable_coverage(c.values) < LEVEL})
    for n in small:
        yield (
            f"With {n} seeds the {LEVEL:.0%} interval of a median is the range of the values and covers at most "
            f"{reachable_coverage(n):.1%}."
            if n > 1
            else "One seed has no interval."
        ).replace("%", " %")
    for pairs, independent, remedy in FEW_PAIRS:
        floors = [c.floor for c in cells if c.floor is not None and (c.floor.kind == INDEPENDENT) == independent]
        few = sorted({floor.pairs for floor in floors if floor.pairs < ENOUGH_PAIRS})
        if few:
            yield (
                f"Floors come from {' or '.join(map(str, few))} pair{'s' if few != [1] else ''} of {pairs} in some "
                f"runs; their 95 % quantile needs {ENOUGH_PAIRS}: {remedy}."
            )
    if any(c.capped and 2 * c.capped >= c.values for c in cells):
        yield "≥: half of the runs or more reached the end of the test series, so the median is a lower bound."


def _of_tests(tests: Sequence[PairTest], contestants: Sequence[str]) -> Iterator[str]:
    if not tests and len(contestants) > ALL_PAIRS:
        yield f"{len(contestants)} contestants: pairs are tested against a baseline only (--baseline NAME)."
    within = [t for t in tests if t.scope != ACROSS]
    least = min((t.least for t in within), default=1.0)
    if within and least >= ALPHA:
        pairs = max(t.pairs for t in within)
        yield (
            f"{pairs} shared seeds cannot give a p value below {least:.4g}: no pair can be told apart within a system "
            f"at {ALPHA:g}, whatever the effect. Six seeds are the least, more with correction."
        )


def _of_untested(tests: Sequence[PairTest], cells: Sequence[Cell], baseline: str | None) -> Iterator[str]:
    """Pairs that have runs of one system, but hardly a seed in common."""
    tables: dict[tuple[str, str], list[str]] = {}
    for c in cells:
        if c.losses:
            tables.setdefault((c.task, c.measure), []).append(c.contestant)
    there = {
        (task, *pair)
        for (task, _), names in tables.items()
        for pair in itertools.combinations(sorted(names), 2)
        if baseline is None or baseline in pair
    }
    tested = {(t.scope, *sorted((t.a, t.b))) for t in tests}
    left = [f"{a} and {b} on {task}" for task, a, b in sorted(there - tested)]
    if left:
        yield f"No test within a system, for want of two shared seeds: {_some(left, '; ')}."


def _of_rankings(rankings: Mapping[str, Ranking], cells: Sequence[Cell]) -> Iterator[str]:
    fewest = min((len(r.systems) for r in rankings.values()), default=0)
    if rankings and fewest < 10:
        least = min(r.least_p for r in rankings.values())
        yield (
            f"Ranks over {fewest} systems: below ten, Friedman's p is rough, and the smallest p that a pairwise test "
            f"could give is {least:.3g} before correction."
        )
    there = {name: [c for c in cells if c.measure == name] for name in rankings}
    without = {name: {c.contestant for c in there[name]} - set(r.names) for name, r in rankings.items()}
    for names, measures in _by_value(without):
        yield f"For want of a number, {names} is not ranked in {measures}."
    left = {name: {c.task for c in there[name]} - set(r.systems) for name, r in rankings.items()}
    for names, measures in _by_value(left):
        yield f"Ranks in {measures} leave out {names}, where a contestant has no number."


def _of_unranked(rankings: Mapping[str, Ranking], cells: Sequence[Cell]) -> Iterator[str]:
    """Measures of several systems that have no ranks, and who is missing where."""
    reasons: dict[str, set[str]] = {}
    for measure in dict.fromkeys(c.measure for c in cells if c.measure not in rankings):
        compared = [c for c in cells if c.measure == measure and c.losses]
        systems, names = len({c.task for c in compared}), Counter(c.contestant for c in compared)
        if systems > 1 and len(names) > 1:
            fewest = sorted((n, name) for name, n in names.items() if n < systems)
            reasons[measure] = {_some([f"{name} has runs to compare on {n} of {systems}" for n, name in fewest])}
    for reason, measures in _by_value(reasons):
        yield f"No ranks in {measures}, as fewer than two systems have runs of all contestants: {reason}."


def _by_value(found: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Equal sets of names, each with all the measures that it belongs to."""
    for names in dict.fromkeys(", ".join(sorted(value)) for value in found.values() if value):
        yield names, ", ".join(measure for measure, value in found.items() if ", ".join(sorted(value)) == names)
