"""Figures of a comparison: for each task forest plots of the headline measures and the Lyapunov spectra, over systems
critical-difference diagrams, and scores against a setting that was swept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..figures.style import typeset
from ..report.parts import figure, figures_side_by_side
from ..verdict import HEADLINE
from .cells import Cell
from .comparison import Comparison
from .median_interval import LEVEL
from .pair_tests import ALL_PAIRS
from .ranking import Ranking
from .sweeps import Sweep, sweeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TASKS = 12  # with figures of their own; beyond, the ranks say more
DECADES = 30.0  # ratio of values beyond which the axis is logarithmic
SWEPT = ("D_stsp", "D_H")
LOST_HERE = " Lost: diverged, at rest, cycling, not chaotic or failed; the median has those that left a number."
LOST_THERE = (
    " Hollow: runs were lost there (diverged, at rest, cycling, not chaotic or failed), as many as stand at the upper "
    "edge; the median has those that left a number."
)
INTERVAL = f"{LEVEL:.0%}".replace("%", " %")


class Picture(NamedTuple):
    """`alt` says in words what the figure shows, with its numbers."""

    name: str
    caption: str
    alt: str
    figure: Figure


def pictures(found: Comparison) -> Iterator[Picture]:
    """All figures of a comparison."""
    yield from rank_pictures(found)
    yield from sweep_pictures(found)
    for task in found.tasks:
        yield from task_pictures(found, task)


def as_html(drawn: Sequence[Picture], numbers: Iterator[int]) -> str:
    """Figures inside a page; nothing for none."""
    from ..figures import render

    return figures_side_by_side([figure(p.name, render(p.figure), p.caption, next(numbers), alt=p.alt) for p in drawn])


def task_pictures(found: Comparison, task: str) -> list[Picture]:
    """Forest plots and Lyapunov spectra of one task; nothing with many tasks or without a number."""
    if len(found.tasks) > MOST_TASKS:
        return []
    mine = [c for c in found.cells if c.task == task]
    lost = {c.contestant: c.lost for c in found.counts if c.task == task}
    drawn = []
    for measure in HEADLINE:
        cells = [c for c in mine if c.measure == measure]
        if any(c.values for c in cells):
            drawn.append(forest_picture(task, measure, cells, lost))
    exponents = [c for c in mine if c.measure.startswith("lambda_") and c.measure[7:].isdigit()]
    if len({c.measure for c in exponents if c.values}) > 1:
        drawn.append(_spectra(task, exponents))
    return drawn


def forest_picture(task: str, measure: str, cells: Sequence[Cell], lost: Mapping[str, int]) -> Picture:
    """One measure of the contestants of a task, in the order of `cells`. lost : contestant -> runs that were."""
    from ..figures import forest

    unit = next((c.unit for c in cells if c.unit), "")
    known = [c.median for c in cells if c.values]
    floors = [floor for c in cells if (floor := c.floor)]
    truths = [c for c in cells if not math.isnan(c.truth)]
    truth = (truths[0].truth, (truths[0].truth_high - truths[0].truth_low) / 2) if truths else None
    logarithmic = min(known) > 0 and not truths and max(known) > DECADES * min([*known, *(f.median for f in floors)])
    drawn = forest(
        [c.contestant for c in cells], [c.median for c in cells], [c.low for c in cells], [c.high for c in cells],
        label=f"{typeset(measure)} ({unit})" if unit else typeset(measure), floor=floors[0] if floors else None,
        truth=truth, remarks=[_remark(c, lost[c.contestant]) for c in cells],
        logarithmic=logarithmic,
    )  # fmt: skip
    least, most = (end(c.runs for c in cells) for end in (min, max))
    count = f"{most} run{'s' if most > 1 else ''} each" if least == most else f"{least} to {most} runs each"
    caption = f"{measure} on {task}: median over seeds ({count}) with its {INTERVAL} interval, hollow of one value"
    caption += "; grey: floor, 5 to 95 %." if floors else "; line: truth." if truth else "."
    if any(c.values < c.runs for c in cells):
        caption += " At the right: runs that have a number, where not all have one."
    if any(lost[c.contestant] for c in cells):
        caption += LOST_HERE
    told = "; ".join(f"{c.contestant} {c.median:.3g}" if c.values else f"{c.contestant} none" for c in cells)
    return Picture(f"{task}-{measure}", caption, f"Forest plot of {measure} on {task}, medians: {told}", drawn)


def _remark(cell: Cell, lost: int) -> str:
    """How many runs the value of a line stands for, where that is not all of several, and how many were lost."""
    values = f"{cell.values} of {cell.runs}" if cell.values < cell.runs else "1 run" if cell.runs == 1 else ""
    return ", ".join(filter(None, [values, f"{lost} lost" if lost else ""]))


def _spectra(task: str, cells: Sequence[Cell]) -> Picture:
    from ..figures import Spectrum, lyapunov_spectra

    def of(mine: Sequence[Cell], value: str, low: str, high: str) -> Spectrum:
        ordered = sorted(mine, key=lambda c: int(c.measure[7:]))
        exponents, lower, upper = ([getattr(c, name) for c in ordered] for name in (value, low, high))
        return Spectrum(exponents, low=lower, high=upper)

    names = dict.fromkeys(c.contestant for c in cells)
    models = {n: of([c for c in cells if c.contestant == n], "median", "low", "high") for n in names}
    known = {c.measure: c for c in cells if not math.isnan(c.truth)}
    truth = of(list(known.values()), "truth", "truth_low", "truth_high") if known else None
    drawn = lyapunov_spectra(truth, models, unit=next((c.unit for c in cells if c.unit), "per time unit"))
    known_of = {n: [f"{e:.3g}" for e in s.exponents[:4] if not math.isnan(e)] for n, s in models.items()}
    told = "; ".join(f"{n} {', '.join(exponents) or 'none'}" for n, exponents in known_of.items())
    return Picture(
        f"{task}-lyapunov-spectra",
        f"Lyapunov exponents on {task}: median over seeds with its {INTERVAL} interval"
        + ("; truth with one standard error." if truth else "."),
        f"Lyapunov exponents on {task}, medians: {told}",
        drawn,
    )


def rank_pictures(found: Comparison) -> list[Picture]:
    """Critical-difference diagrams of the headline measures, of so many contestants as one can read."""
    drawn = []
    for measure in HEADLINE:
        r = found.rankings.get(measure)
        if r is None or len(r.names) > ALL_PAIRS:
            continue
        caption = (
            f"Mean ranks by {measure} over {len(r.systems)} systems. Bars join contestants that pairwise signed-rank "
            "tests with Holm's correction do not tell apart; a thin bar joins those that it has a dot for."
        )
        told = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(r.names, r.mean_ranks, strict=True))
        drawn.append(Picture(f"ranks-{measure}", caption, f"Mean ranks by {measure}: {told}", rank_diagram(r, measure)))
    return drawn


def rank_diagram(ranking: Ranking, measure: str) -> Figure:
    """Mean ranks by `measure`, and whom pairwise tests do not tell apart."""
    from ..figures import critical_difference

    label = f"mean rank by {typeset(measure)} (1: best)"
    return critical_difference(ranking.names, ranking.mean_ranks, ranking.groups, label=label)


def sweep_pictures(found: Comparison) -> list[Picture]:
    """Scores against each numeric setting that was swept with all others fixed."""
    cells = {(c.task, c.contestant, c.measure): c for c in found.cells}
    lost = {(c.task, c.contestant): c.lost for c in found.counts}
    drawn = []
    for sweep in sweeps(found.counts):
        for measure in SWEPT:
            mine = [(cells.get((*place, measure)), lost[place]) for place in sweep.places]
            known = [(v, c, gone) for v, (c, gone) in zip(sweep.values, mine, strict=True) if c is not None]
            if sum(bool(c.values) for _, c, _ in known) > 1:
                drawn.append(_swept(sweep, measure, known))
    return drawn


def _swept(sweep: Sweep, measure: str, known: Sequence[tuple[float, Cell, int]]) -> Picture:
    """known : swept value, scores, runs lost."""
    from ..figures import score_sweep

    values, cells, lost = zip(*known, strict=True)
    unit, floors = next((c.unit for c in cells if c.unit), ""), [c.floor for c in cells]
    drawn = score_sweep(
        values, [c.median for c in cells], [c.low for c in cells], [c.high for c in cells], swept_name=sweep.key,
        label=f"{typeset(measure)} ({unit})" if unit else typeset(measure),
        floor=[f for f in floors if f] if all(floors) else None, lost=lost,
        logarithmic=min(values) > 0 and max(values) >= 10 * min(values),
    )  # fmt: skip
    told = "; ".join(f"{v:g}: {c.median:.3g}" + (f" ({gone} lost)" if gone else "") for v, c, gone in known)
    return Picture(
        f"sweep-{sweep.name}-{measure}",
        f"{measure} against {sweep.key} ({sweep.fixed}): median over seeds with its {INTERVAL} interval"
        + ("; grey: floor, 5 to 95 %." if all(floors) else ".")
        + (LOST_THERE if any(lost) else ""),
        f"{measure} against {sweep.key}, medians: {told}",
        drawn,
    )
