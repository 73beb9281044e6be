"""Figures of a comparison: a forest plot for each headline measure of a task, and critical-difference diagrams."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dsr.measure import Floor

from ..report.parts import figure
from ..report.verdict import HEADLINE
from .cells import Cell
from .comparison import Comparison
from .formats import tex
from .median_interval import LEVEL
from .pair_tests import ALL_PAIRS

MOST_TASKS = 12  # with forest plots; beyond, the ranks say more
DECADES = 30.0  # ratio of values beyond which the axis is logarithmic


def task_figures(found: Comparison, task: str, numbers: Iterator[int]) -> str:
    """Forest plots of one task as HTML; nothing with many tasks or without a number."""
    if len(found.tasks) > MOST_TASKS:
        return ""
    drawn = []
    for measure in HEADLINE:
        cells = [c for c in found.cells if (c.task, c.measure) == (task, measure)]
        if any(c.values for c in cells):
            drawn.append(_forest(task, measure, cells, next(numbers)))
    return f'<div class="figures">{"".join(drawn)}</div>' if drawn else ""


def _forest(task: str, measure: str, cells: Sequence[Cell], number: int) -> str:
    from ..figures import forest, render

    unit = next((c.unit for c in cells if c.unit), "")
    known = [c.median for c in cells if c.values]
    floors = [c for c in cells if not math.isnan(c.floor_median) and not c.floor_kind.startswith("chance")]
    truths = [c for c in cells if not math.isnan(c.truth)]
    floor = None
    if floors:
        c = floors[0]
        floor = Floor(c.floor_low, c.floor_median, c.floor_high, c.floor_pairs or 1, c.floor_kind)
    truth = (truths[0].truth, (truths[0].truth_high - truths[0].truth_low) / 2) if truths else None
    logarithmic = (
        min(known) > 0 and not truths and max(known) > DECADES * min([*known, *(f.floor_median for f in floors)])
    )
    drawn = forest(
        [c.contestant for c in cells], [c.median for c in cells], [c.low for c in cells], [c.high for c in cells],
        label=f"{tex(measure)} ({unit})" if unit else tex(measure), floor=floor, truth=truth,
        remarks=[f"{c.values} of {c.runs}" if c.values < c.runs else "" for c in cells], logarithmic=logarithmic,
    )  # fmt: skip
    level = f"{LEVEL:.0%}".replace("%", " %")
    caption = f"{measure} on {task}: median over seeds with its {level} interval"
    caption += "; grey: floor, 5 to 95 %." if floor else "; line: truth." if truth else "."
    if any(c.values < c.runs for c in cells):
        caption += " At the right: runs that have a number, where not all have one."
    return figure(f"{task}-{measure}".replace(" ", "-"), render(drawn), caption, number)


def rank_figures(found: Comparison, measures: Sequence[str], numbers: Iterator[int]) -> str:
    """Critical-difference diagrams as HTML, of so many contestants as one can read."""
    from ..figures import critical_difference, render

    drawn = []
    for measure in measures:
        r = found.rankings[measure]
        if len(r.names) > ALL_PAIRS:
            continue
        groups = [tuple(range(a, b + 1)) for a, b in r.groups]
        picture = critical_difference(r.names, r.mean_ranks, groups, label=f"mean rank by {tex(measure)} (1: best)")
        caption = (
            f"Mean ranks by {measure} over {len(r.systems)} systems: " + ", ".join(
                f"{name} {mean:.2f}" for name, mean in zip(r.names, r.mean_ranks, strict=True)
            ) + ". Bars join contestants that pairwise signed-rank tests with Holm's correction do not tell apart."
        )  # fmt: skip
        drawn.append(figure(f"ranks-{measure}", render(picture), caption, next(numbers)))
    return f'<div class="figures">{"".join(drawn)}</div>' if drawn else ""
