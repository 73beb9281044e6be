"""Whether the goals of a section are met, with what was found and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..compare.cells import Cell, Count
from ..compare.comparison import Comparison
from ..compare.median_interval import LEVEL, median_interval
from ..markdown import table
from .section import Goal, Section
from .tables import number

MET, MISSED, OPEN = "met", "missed", "open"


class Judged(NamedTuple):
    """A goal, what was found in words, over how many runs, and the verdict (empty without runs)."""

    goal: Goal
    told: str
    runs: int
    verdict: str


def goals(found: Comparison, section: Section) -> str:
    """Each goal with what was found, its interval, and whether it is met."""
    rows = [[one.goal.sentence, one.told, str(one.runs), one.verdict] for one in judged(found, section)]
    return table(["goal", f"found [{100 * LEVEL:g} % interval]", "runs", ""], rows, numbers=False)


def judged(found: Comparison, section: Section) -> Iterator[Judged]:
    """Each goal of a section, judged over all its tasks: the worst of them counts."""
    for goal in section.goals:
        counts = [c for c in found.counts if _meant(goal, c)]
        runs = sum(c.ended for c in counts)
        cells = [c for c in found.cells if c.measure == goal.measure and c.losses and _meant(goal, c)]
        if not runs or not (cells or goal.statistic == "not lost"):
            yield Judged(goal, "no runs", 0, "")
        elif goal.statistic == "not lost":
            kept = runs - sum(c.lost for c in counts)
            yield Judged(goal, str(kept), runs, _of_count(goal, kept, runs))
        else:
            value, low, high = max(_typical(c, relative=goal.statistic == "relative error") for c in cells)
            scale, unit = (100, " %") if goal.statistic == "relative error" else (1, "")
            interval = "" if math.isnan(low) else f" [{number(scale * low)}, {number(scale * high)}]"
            verdict = MET if value <= goal.bound else MISSED
            yield Judged(goal, f"{number(scale * value)}{interval}{unit}", runs, verdict)


def _meant(goal: Goal, one: Cell | Count) -> bool:
    """Whether a goal is about a contestant: of its name "alrnn, relu_units=1" the goal names whole parts."""
    return not goal.contestant or goal.contestant in one.contestant.split(", ")


def _of_count(goal: Goal, kept: int, runs: int) -> str:
    """Open while the runs that are left decide."""
    if kept >= goal.bound:
        return MET
    return OPEN if runs - kept <= goal.of - goal.bound else MISSED


def _typical(cell: Cell, *, relative: bool) -> tuple[float, float, float]:
    """Median of what ranks compare with its interval, relative to the truth or not; lost runs are infinitely far."""
    losses = np.array(list(cell.losses.values())) / (abs(cell.truth) if relative else 1.0)
    return float(np.median(losses)), *median_interval(losses)
