"""The tables of a comparison as plain text in rows and columns, which each format then sets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..verdict import HEADLINE, MINUS
from .cells import Cell
from .comparison import Comparison
from .median_interval import LEVEL
from .ranking import Ranking

NONE = ""
TEST_HEAD = ("measure", "system", "first", "second", "pairs", "effect", "p", "p (Holm)")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Grid:
    """`text` columns on the left hold words, the others numbers. `note` is read below the table."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: int
    note: str = ""


def grids(found: Comparison, *, all_tests: bool = False) -> list[Grid]:
    """Runs, one table for each task, ranks, tests; those without rows are left out.

    all_tests : also tests of measures beyond lambda_1, D_stsp and D_H.
    """
    tested = found.measures if all_tests else [m for m in found.measures if m in HEADLINE] or found.measures
    tables = [runs_grid(found), *(task_grid(found, task) for task in found.tasks)]
    return [grid for grid in (*tables, ranks_grid(found), tests_grid(found, tested)) if grid.rows]


def runs_grid(found: Comparison) -> Grid:
    """What became of the runs."""
    head = ("system", "contestant", "runs", "diverged", "collapsed", "not chaotic", "failed", "unfinished", "CPU s")
    rows = [
        (c.task, c.contestant, *map(str, (c.runs, c.diverged, c.collapsed, c.not_chaotic, c.failed, c.unfinished)),
         NONE if c.seconds is None else number(c.seconds))
        for c in found.counts
    ]  # fmt: skip
    return Grid(
        "Runs", head, tuple(_once(rows, 1)), 2,
        "collapsed: onto a fixed point or a cycle; CPU s: of the whole run, median over the finished runs that were "
        "not interrupted.",
    )  # fmt: skip


def task_grid(found: Comparison, task: str) -> Grid:
    """Every measure of every contestant on one task."""
    level = f"{LEVEL:.0%}".replace("%", " %")
    head = (
        "measure", "contestant", "n", "median", "quartiles", f"{level} interval", "truth", "floor", "surrogate",
        "Gaussian", "normalised",
    )  # fmt: skip
    units = {c.measure: c.unit for c in reversed(found.cells) if c.task == task and c.unit}
    rows = [(_with_unit(c.measure, units.get(c.measure, "")), *cell_texts(c)) for c in found.cells if c.task == task]
    note = (
        f"n: runs with a number, of all that ended; interval: {level} bootstrap interval of the median over seeds; "
        "floor: 5, 50 and 95 % quantiles of the score between true trajectories; truth, floor, surrogate, Gaussian: "
        "medians over seeds; normalised: 0 at the floor, 1 at the worse of the two baselines."
    )
    return Grid(task, head, tuple(_once(rows, 1)), 2, note)


def cell_texts(c: Cell) -> tuple[str, ...]:
    """The columns of a cell from the contestant on."""
    spread = np.nanmax([c.q3 - c.q1, c.high - c.low, 0.0])
    bound = "≥ " if c.capped and 2 * c.capped >= c.values else ""
    truth = number(c.truth, c.truth_high - c.truth_low)
    return (
        c.contestant,
        f"{c.values}/{c.runs}",
        bound + number(c.median, spread) if c.values else "none",
        span(c.q1, c.q3, spread) if c.values > 1 else NONE,
        span(c.low, c.high, spread),
        truth,
        floor_text(c),
        number(c.surrogate),
        number(c.gaussian),
        NONE if math.isnan(c.normalised) else signed(f"{round(c.normalised, 3) + 0.0:.3f}"),
    )


def floor_text(c: Cell) -> str:
    """Median and range of the floor; where it is a level of chance it says so."""
    if math.isnan(c.floor_median):
        return NONE
    spread = span(c.floor_low, c.floor_high, 0.0) if (c.floor_pairs or 0) > 1 else ""
    return f"{number(c.floor_median)} {spread}".rstrip() + (" (chance)" if c.chance else "")


def ranks_grid(found: Comparison) -> Grid:
    """Mean ranks over systems; contestants that share a letter are not told apart."""
    head = ("measure", "contestant", "mean rank", "groups", "Nemenyi groups", "Friedman p", "critical difference")
    rows = []
    for measure, ranking in found.rankings.items():
        letters, others = group_letters(ranking.groups, ranking), group_letters(ranking.nemenyi_groups, ranking)
        for i, name in enumerate(ranking.names):
            whole = (number(ranking.friedman_p), f"{ranking.critical_difference:.2f}") if i == 0 else (NONE, NONE)
            rows.append((measure, name, f"{ranking.mean_ranks[i]:.2f}", letters[i], others[i], *whole))
    systems = sorted({len(r.systems) for r in found.rankings.values()})
    note = (
        "Rank 1 is best. Contestants that share a letter are not told apart: groups by pairwise signed-rank tests over "
        "systems with Holm's correction, Nemenyi groups by the critical difference of mean ranks."
    )
    return Grid(f"Ranks over {' to '.join(map(str, systems[:: max(1, len(systems) - 1)]))} systems", head,
                tuple(_once(rows, 1)), 2, note)  # fmt: skip


def group_letters(groups: Sequence[tuple[int, ...]], ranking: Ranking) -> list[str]:
    """A compact letter display: those who stand alone have a letter of their own."""
    places = range(len(ranking.names))
    sets = sorted([*groups, *((i,) for i in places if not any(i in group for group in groups))])
    letters = [LETTERS[j % 26] + (str(j // 26) if j >= 26 else "") for j in range(len(sets))]
    return ["".join(letter for letter, members in zip(letters, sets, strict=True) if i in members) for i in places]


def tests_grid(found: Comparison, measures: Sequence[str]) -> Grid:
    """Paired tests of the given measures."""
    rows = [
        (t.measure, t.scope, t.a, t.b, str(t.pairs), signed(f"{t.effect:+.2f}"), number(t.p), number(t.p_holm))
        for t in found.tests
        if t.measure in measures
    ]
    note = (
        "Wilcoxon's signed-rank test, exact and two-sided, on shared seeds of a system, or on relative differences of "
        "medians over systems; effect: rank-biserial correlation, -1 where the first is better in every pair; Holm's "
        "correction over all pairs of a measure."
    )
    return Grid("Paired tests", TEST_HEAD, tuple(_once(rows, 2)), 4, note)


def number(x: float, spread: float = 0.0) -> str:
    """Three digits, or as many (five at most) as a spread supports; nothing for a missing number."""
    if math.isnan(x):
        return NONE
    if math.isinf(x) or x == 0:
        return signed(f"{x:g}")
    digits = 3
    if spread > 0:
        digits = min(5, max(3, math.ceil(math.log10(abs(x) / spread)) + 1)) if abs(x) > spread else 3
        if abs(x) < spread / 100:
            return "0" if abs(x) < 1e-12 else signed(f"{x:.1g}")
    digits = max(digits, min(6, 1 + math.floor(math.log10(abs(x))))) if abs(x) < 1e6 else digits
    text = f"{x:#.{digits}g}".rstrip(".")
    mantissa, e, power = text.partition("e")
    return signed(f"{mantissa.rstrip('.')}e{int(power)}" if e else text)


def span(low: float, high: float, spread: float) -> str:
    """A range in brackets."""
    if math.isnan(low) or math.isnan(high):
        return NONE
    return f"[{number(low, spread)}, {number(high, spread)}]"


def signed(text: str) -> str:
    """With the minus that print has."""
    return text.replace("-", MINUS)


def _with_unit(measure: str, unit: str) -> str:
    return f"{measure} ({unit})" if unit else measure


def _once(rows: Sequence[tuple[str, ...]], columns: int) -> Iterator[tuple[str, ...]]:
    """Rows whose first columns stay empty while they repeat those of the row above."""
    before: tuple[str, ...] = ()
    for row in rows:
        same = row[:columns] == before
        before = row[:columns]
        yield ((NONE,) * columns + row[columns:]) if same else row
