"""The tables of a section: what each model reached, whether the goals were met, what others published, every seed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..bench.markdown import table
from ..compare.cells import Cell, Count
from ..compare.comparison import Comparison
from .section import Goal, Section

EXPONENTS = ("lambda_1", "Kaplan-Yorke dimension")  # of which the distance from the truth is told, too


def reached(found: Comparison, section: Section) -> str:
    """One row for each task and contestant: medians [quartiles], floors, losses, cost."""
    several = len(found.tasks) > 1
    head = [*(["system"] if several else []), "model", "runs", "lost", *section.measures, "CPU s"]
    rows = []
    for count in in_order(found.counts):
        cells = {c.measure: c for c in found.cells if (c.task, c.contestant) == (count.task, count.contestant)}
        rows.append([
            *([count.task] if several else []), count.contestant, str(ended(count)), str(lost(count)),
            *(_statistics(cells.get(name)) for name in section.measures),
            "" if count.seconds is None else f"{count.seconds:.0f}",
        ])  # fmt: skip
    return "\n\n".join([table(head, rows), *_references(found, section)])


def in_order(counts: Sequence[Count]) -> list[Count]:
    """Those of which runs have ended, by task and contestant, numbers in their names as numbers: 2 before 10."""

    def key(count: Count) -> list[tuple[bool, float, str]]:
        parts = re.split(r"(\d+(?:\.\d+)?)", f"{count.task}\n{count.contestant}")
        return [(part[:1].isdigit(), float(part) if part[:1].isdigit() else 0.0, part) for part in parts]

    return sorted(filter(ended, counts), key=key)


def ended(count: Count) -> int:
    """Runs that have finished or failed."""
    return count.runs - count.unfinished


def lost(count: Count) -> int:
    """Runs that are no reconstruction of chaos: diverged, collapsed, not chaotic, or failed with an error."""
    return count.diverged + count.collapsed + count.not_chaotic + count.failed


def overview(parts: Sequence[tuple[Section, Comparison, int]]) -> str:
    """One row for each section with the runs that are planned for it: how many have ended, what was lost, the goals."""
    rows = []
    for section, found, planned in parts:
        met = "; ".join(f"{goal.sentence}: {told}, {verdict}" for goal, told, _, verdict in _judged(found, section))
        done, gone = sum(map(ended, found.counts)), sum(map(lost, found.counts))
        rows.append([f"[{section.title}](#{_anchor(section.title)})", f"{done} of {planned}", str(gone), met])
    return table(["part", "runs", "lost", "goals"], rows, numbers=False)


def _anchor(title: str) -> str:
    """What a heading is called in links of rendered Markdown."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def goals(found: Comparison, section: Section) -> str:
    """Each goal with the number that was found, and whether it is met."""
    rows = [[goal.sentence, told, str(runs), verdict] for goal, told, runs, verdict in _judged(found, section)]
    return table(["goal", "found", "runs", ""], rows, numbers=False)


def _judged(found: Comparison, section: Section) -> Iterator[tuple[Goal, str, int, str]]:
    """Of each goal the number that was found, in words, over how many runs, and the verdict."""
    for goal in section.goals:
        value, runs = _found(found, goal)
        told = f"{100 * value:.1f} %" if goal.statistic == "relative error" else f"{value:.3g}"
        yield goal, told if runs else "no runs", runs, _verdict(goal, value, runs) if runs else ""


def _verdict(goal: Goal, value: float, runs: int) -> str:
    """Met or missed; open while the runs that are left decide."""
    if goal.statistic != "not lost":
        return "met" if value <= goal.bound else "missed"
    if value >= goal.bound:
        return "met"
    return "open" if runs - value <= goal.of - goal.bound else "missed"


def published(section: Section) -> str:
    rows = [[p.what, p.value, p.kind, p.source] for p in section.published]
    return table(["published", "value", "kind", "source"], rows, numbers=False)


def every_seed(found: Comparison, index: Mapping[str, Sequence[Any]], section: Section) -> str:
    """Every run with its values; index : columns of the store's index, by name."""
    rows = []
    for count in in_order(found.counts):
        values: dict[int, dict[str, float]] = {}
        for cell in found.cells:
            if (cell.task, cell.contestant) == (count.task, count.contestant):
                for row in cell.rows:
                    values.setdefault(index["seed"][row], {})[cell.measure] = index["value"][row]
        for seed in sorted(values):
            shown = [number(values[seed].get(name, math.nan)) for name in section.measures]
            rows.append([count.task, count.contestant, str(seed), *shown])
    return table(["system", "model", "seed", *section.measures], rows)


def number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3g}"


def relative_error(cell: Cell) -> float:
    """Median distance from the truth, relative to it; infinite where half of the runs were lost."""
    losses = list(cell.losses.values())
    return float(np.median(losses)) / abs(cell.truth) if losses and cell.truth else math.nan


def _statistics(cell: Cell | None) -> str:
    if cell is None or math.isnan(cell.median):
        return ""
    text = number(cell.median)
    if cell.values > 1:
        text += f" [{number(cell.q1)}, {number(cell.q3)}]"
    if cell.measure in EXPONENTS and not math.isnan(error := relative_error(cell)) and math.isfinite(error):
        text += f", {100 * error:.1f} % off"
    return text


def _references(found: Comparison, section: Section) -> list[str]:
    """Truth, floors and baselines of each task in a sentence."""
    lines = []
    for task in found.tasks:
        told = []
        for name in section.measures:
            cell = next((c for c in found.cells if (c.task, c.measure) == (task, name)), None)
            if cell is None:
                continue
            if not math.isnan(cell.truth):
                told.append(f"{name} {number(cell.truth)} in truth")
            elif not math.isnan(cell.floor_median):
                chance = cell.floor_kind.startswith("chance")
                floor = f"{number(cell.floor_median)} [{number(cell.floor_low)}, {number(cell.floor_high)}]"
                told.append(
                    f"{name} {'by chance' if chance else 'floor'} {floor}" + ("" if chance else _baselines(cell))
                )
        lines += [f"{task}: {'; '.join(told)}."] if told else []
    return lines if len(lines) <= 4 else []


def _baselines(cell: Cell) -> str:
    known = [(name, x) for name, x in (("surrogate", cell.surrogate), ("Gaussian", cell.gaussian)) if not math.isnan(x)]
    nothing = ["a score within this floor tells nothing"] if cell.tells_nothing else []
    return f" ({', '.join([*(f'{name} {number(x)}' for name, x in known), *nothing])})" if known else ""


def _found(found: Comparison, goal: Goal) -> tuple[float, int]:
    """The number that a goal is about, over all tasks of the section, and of how many runs it is."""
    counts = [c for c in found.counts if goal.contestant in c.contestant]
    runs = sum(ended(c) for c in counts)
    if goal.statistic == "not lost":
        return float(runs - sum(lost(c) for c in counts)), runs
    cells = [c for c in found.cells if c.measure == goal.measure and goal.contestant in c.contestant]
    if not cells:
        return math.nan, 0
    if goal.statistic == "relative error":
        return max(relative_error(c) for c in cells), runs
    return max(c.median for c in cells), runs
