"""The figures of the validation page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..compare.cells import Cell
from ..compare.comparison import Comparison
from ..compare.pair_tests import typical
from ..compare.pictures import forest_picture
from ..compare.select import flat_settings
from ..figures import family_sweep, score_matrix
from ..figures.family_sweep import Line
from ..figures.small_png import small_png
from .ranks import diagrams
from .section import Section
from .tables import away_from_truth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNITS = {
    "valid prediction time": "valid prediction time (Lyapunov times)", "D_stsp": "D_stsp (nats)",
    "lambda_1": "lambda_1 (per time unit)", "lambda_2": "lambda_2 (per time unit)",
}  # fmt: skip
LABELS = {
    "model.relu_units": "rectified units", "data.noise": "noise (sd)", "data.train": "rows for training",
    "data.parameters.dim": "sites", "data.columns": "observed", "training.window": "rows of a window",
}  # fmt: skip
SHARP = 2  # pictures of the page are read closely


def draw(there: Mapping[Section, Comparison]) -> dict[str, bytes]:
    """recipe -> PNG, of the sections that have a figure; recipe-ranks-measure -> PNG, of the ranked ones.
    there : the comparisons of those that have runs."""
    drawn = {}
    for section, found in there.items():
        if section.figure:
            if section.ranked:
                figure = matrix(found)
                for name, diagram in diagrams(found, section).items():
                    drawn[f"{section.recipe}-ranks-{name.replace(' ', '-')}"] = small_png(diagram, times=SHARP)
            elif section.figure == "forest":
                figure = best_first(found, section)
            else:
                figure = along(found, section)
            drawn[section.recipe] = small_png(figure, times=SHARP)
    return drawn


def matrix(found: Comparison) -> Figure:
    """Models by systems: scores in units of their floors and errors of the exponents."""
    return score_matrix(
        found.contestants, found.tasks, {(c.contestant, c.task, c.measure): _score(c) for c in found.cells}
    )


def best_first(found: Comparison, section: Section) -> Figure:
    """The first measure of a section, a line for each family; those without a number last."""
    cells = [c for c in found.cells if c.measure == section.measures[0]]
    cells.sort(key=lambda c: (math.isnan(c.median), c.median))
    (task,) = found.tasks
    return forest_picture(task, section.measures[0], cells, {c.contestant: c.lost for c in found.counts}).figure


def _score(cell: Cell) -> float:
    """A number that is 1 at the floor for distances, the relative error for invariants, times for forecasts; infinite
    where half of the runs or more were lost, NaN where it lies within a floor that noise lies within."""
    if cell.losses and math.isinf(typical(cell.losses)):
        return math.inf
    if not math.isnan(cell.truth):
        return away_from_truth(cell)
    if cell.measure == "valid prediction time":
        return cell.median
    if not cell.floor_high or cell.tells_nothing:
        return math.nan
    return cell.median / cell.floor_high


def along(found: Comparison, section: Section) -> Figure:
    """Each measure of a section against what was swept, a line for each family, with the floor as a band."""
    panels, gone = {}, {(c.task, c.contestant): c.lost for c in found.counts}
    told = {(c.task, c.contestant): flat_settings(c.settings) for c in found.counts}
    parts = section.swept == "data.columns"  # parts of an observation have floors of their own
    for measure in section.measures:
        lines: dict[str, list[tuple[Any, Cell]]] = {}
        for cell in (c for c in found.cells if c.measure == measure):
            settings = told[cell.task, cell.contestant]
            x = settings.get(section.swept)
            if parts:
                x = _seen(settings)
            scale = cell.floor_high if parts and cell.floor else 1.0
            lines.setdefault(settings["model.name"], []).append((x, _in_units_of(scale, cell)))
        name = f"{measure} / 95 % of its floor" if parts and measure in ("D_stsp", "D_H") else measure
        panels[UNITS.get(name, name)] = {model: _line(points, gone) for model, points in sorted(lines.items())}
    return family_sweep(panels, swept_name=LABELS[section.swept])


def _in_units_of(scale: float, cell: Cell) -> Cell:
    fields = ("median", "q1", "q3", "floor_low", "floor_median", "floor_high")
    return replace(cell, **{name: getattr(cell, name) / scale for name in fields})


def _seen(settings: Mapping[str, Any]) -> str:
    columns, embed = settings.get("data.columns"), settings.get("data.embed", "none")
    text = "".join(columns) if isinstance(columns, list | tuple) else str(columns)
    return text if embed == "none" else f"{text} {embed}"


def _fullest_first(seen: str) -> tuple[int, int]:
    """Whole observations before parts of them, embedded ones before the bare columns."""
    columns, *embedded = seen.split()
    return -len(columns), -len(embedded)


def _line(points: Sequence[tuple[Any, Cell]], gone: Mapping[tuple[str, str], int]) -> Line:
    points = sorted(points, key=lambda p: _fullest_first(p[0]) if isinstance(p[0], str) else (0, p[0]))
    cells = [cell for _, cell in points]
    floors = [c.floor for c in cells]
    return Line(
        [x for x, _ in points], [c.median for c in cells], [c.q1 for c in cells], [c.q3 for c in cells],
        [gone[c.task, c.contestant] for c in cells], floors, [c.truth for c in cells],
    )  # fmt: skip
