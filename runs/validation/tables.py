"""The tables of a section: what each model reached beside truth and floors, what others published, every seed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compare.cells import Cell, Count
from ..compare.comparison import Comparison
from ..markdown import table
from .section import Section

FEW = 5  # runs; of fewer the range is shown in place of quartiles


def reached(found: Comparison, section: Section) -> str:
    """One row for each task and contestant: medians [quartiles], floors, losses, cost."""
    several = len(found.tasks) > 1
    head = [*(["system"] if several else []), "model", "runs", "lost", *section.measures, "CPU s"]
    rows = []
    for count in in_order(found.counts):
        cells = {c.measure: c for c in found.cells if (c.task, c.contestant) == (count.task, count.contestant)}
        rows.append([
            *([count.task] if several else []), count.contestant, str(count.ended), str(count.lost),
            *(_statistics(cells.get(name)) for name in section.measures),
            "" if count.seconds is None else f"{count.seconds:.0f}",
        ])  # fmt: skip
    return "\n\n".join(part for part in (table(head, rows), _failures(found), _references(found, section)) if part)


def in_order(counts: Sequence[Count]) -> list[Count]:
    """Those of which runs have ended, by task and contestant, numbers in their names as numbers: 2 before 10."""

    def key(count: Count) -> list[tuple[bool, float, str]]:
        parts = re.split(r"(\d+(?:\.\d+)?)", f"{count.task}\n{count.contestant}")
        return [(part[:1].isdigit(), float(part) if part[:1].isdigit() else 0.0, part) for part in parts]

    return sorted((c for c in counts if c.ended), key=key)


def published(section: Section) -> str:
    rows = [[p.what, p.value, p.kind, p.source] for p in section.published]
    return table(["published", "value", "kind", "source"], rows, numbers=False)


def every_seed(found: Comparison, index: Mapping[str, Sequence[Any]], section: Section) -> str:
    """Every run with its values, failed ones without; index : columns of the store's index, by name."""
    rows = []
    for count in in_order(found.counts):
        cells = [c for c in found.cells if (c.task, c.contestant) == (count.task, count.contestant)]
        runs: dict[int, tuple[str, dict[str, float]]] = {}
        for cell in cells:
            for row in cell.rows:
                _, values = runs.setdefault(index["seed"][row], (index["outcome"][row], {}))
                values[cell.measure] = index["value"][row]
        failed = {seed for cell in cells for seed in cell.losses} - set(runs)
        runs |= {seed: ("failed", {}) for seed in failed}
        for seed, (outcome, values) in sorted(runs.items()):
            shown = [number(values.get(name, math.nan)) for name in section.measures]
            rows.append([count.task, count.contestant, str(seed), outcome, *shown])
    return table(["system", "model", "seed", "outcome", *section.measures], rows)


def number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3g}"


def _statistics(cell: Cell | None) -> str:
    """Median [spread] over the runs, and how many of them stand at the truth, at the floor or no better than noise."""
    if cell is None or math.isnan(cell.median):
        return ""
    text = ("≥ " if 2 * cell.capped >= cell.values else "") + number(cell.median)
    if cell.values >= FEW:
        text += f" [{number(cell.q1)}, {number(cell.q3)}]"
    elif cell.values > 1:
        text += f" [{number(cell.low)}, {number(cell.high)}]"
    elif not (math.isnan(cell.error) or math.isnan(cell.truth)):
        text += f" ± {cell.error:.2g}"
    away = away_from_truth(cell)
    remarks = [f"{100 * away:.1f} % off"] if cell.measure == "lambda_1" and math.isfinite(away) else []
    if cell.agree is not None:
        remarks.append(_share(cell.agree, cell.runs, "at truth"))
    if cell.within_floor is not None and not cell.tells_nothing:
        remarks.append(_share(cell.within_floor, cell.runs, "at the floor"))
    if cell.noisy:
        remarks.append(_share(cell.noisy, cell.runs, "no better than noise"))
    return ", ".join([text, *filter(None, remarks)])


def _share(count: int, of: int, what: str) -> str:
    """Of one run it is said or not."""
    return f"{count} of {of} {what}" if of > 1 else what if count else ""


def away_from_truth(cell: Cell) -> float:
    """Median distance from the truth, relative to it; infinite where half of the runs were lost."""
    losses = list(cell.losses.values())
    return float(np.median(losses)) / abs(cell.truth) if losses and cell.truth else math.nan


def _failures(found: Comparison) -> str:
    """Why runs stopped with an error."""
    told = [f"{run}, {reason}" for c in found.counts if c.failed for run, reason in c.reasons if "failed" in reason]
    return "\n".join(f"- {line}" for line in told)


def _references(found: Comparison, section: Section) -> str:
    """Truth, floors and baselines of each task, a line for each."""
    lines = []
    for task in found.tasks:
        told = []
        for name in section.measures:
            cell = next((c for c in found.cells if (c.task, c.measure) == (task, name)), None)
            if cell is None:
                continue
            if not math.isnan(cell.truth):
                error = (cell.truth_high - cell.truth_low) / 2
                told.append(f"{name} {number(cell.truth)}{f' ± {error:.2g}' if error > 0 else ''} in truth")
            elif not math.isnan(cell.floor_median):
                baselines = "" if cell.chance else _baselines(cell)
                told.append(f"{name} {'by chance' if cell.chance else 'floor'} {_floor(cell)}{baselines}")
        lines += [f"{task}: {'; '.join(told)}."] if told else []
    return "\n".join(f"- {line}" for line in lines) if len(lines) > 1 else "".join(lines)


def _floor(cell: Cell) -> str:
    if (cell.floor_pairs or 0) <= 1:
        return f"{number(cell.floor_median)} (one pair)"
    return f"{number(cell.floor_median)} [{number(cell.floor_low)}, {number(cell.floor_high)}]"


def _baselines(cell: Cell) -> str:
    """Those that are not zero: a phase surrogate has the spectrum of the truth."""
    told = [f"{name} {number(x)}" for name, x in (("surrogate", cell.surrogate), ("Gaussian", cell.gaussian)) if x > 0]
    told += ["a score within this floor tells nothing"] if cell.noise_within_floor else []
    return f" ({', '.join(told)})" if told else ""
