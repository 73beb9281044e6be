"""Contestants over many systems: how often each stands at the floor, its mean ranks, and their diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..bench.markdown import table
from ..compare.cells import Cell
from ..compare.comparison import Comparison
from ..compare.grids import group_letters
from . import tables
from .section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = ("D_stsp", "D_H", "lambda_1", "valid prediction time")
NOTE = (
    "Mean rank over systems, 1 is best; contestants that share a letter are not told apart by pairwise signed-rank "
    "tests over systems with Holm's correction. **at the floor**: systems whose median D_stsp lies below the 95 % "
    "quantile between true trajectories, of those where phase surrogates or Gaussian noise do not."
)


def summary(found: Comparison, section: Section) -> str:
    """One row for each contestant: systems, runs, losses, cost, systems at the floor, mean ranks with letters."""
    shown = [name for name in section.measures if name in found.rankings]
    if not shown:
        return ""
    ranks = {name: _ranks(found, name) for name in shown}
    first = found.rankings[shown[0]].names
    rows = [_row(found, name, [ranks[measure].get(name, "") for measure in shown]) for name in first]
    head = ["model", "systems", "runs", "lost", "CPU s", "at the floor", *shown]
    return "\n\n".join([NOTE, table(head, rows), "; ".join(_test(found, name) for name in shown) + "."])


def diagrams(found: Comparison, section: Section) -> dict[str, Figure]:
    """measure -> critical-difference diagram."""
    from ..compare.pictures import rank_diagram  # matplotlib

    shown = {name: found.rankings[name] for name in section.measures if name in DRAWN and name in found.rankings}
    return {name: rank_diagram(r, name, difference=r.critical_difference) for name, r in shown.items()}


def _ranks(found: Comparison, measure: str) -> dict[str, str]:
    ranking = found.rankings[measure]
    letters = group_letters(ranking.groups, ranking)
    return {
        name: f"{mean:.2f} {letter}"
        for name, mean, letter in zip(ranking.names, ranking.mean_ranks, letters, strict=True)
    }


def _row(found: Comparison, contestant: str, ranks: Sequence[str]) -> list[str]:
    counts = [c for c in found.counts if c.contestant == contestant and tables.ended(c)]
    seconds = [c.seconds for c in counts if c.seconds is not None]
    judged = [c for c in found.cells if (c.contestant, c.measure) == (contestant, "D_stsp")]
    telling = [c for c in judged if not (math.isnan(c.floor_high) or c.tells_nothing)]
    at, of = sum(map(_at_floor, telling)), len(telling)
    return [
        contestant, str(len(counts)), str(sum(map(tables.ended, counts))), str(sum(map(tables.lost, counts))),
        f"{np.median(seconds):.0f}" if seconds else "", f"{at} of {of}", *ranks,
    ]  # fmt: skip


def _at_floor(cell: Cell) -> bool:
    return cell.median <= cell.floor_high


def _test(found: Comparison, measure: str) -> str:
    r = found.rankings[measure]
    return (
        f"{measure}: {len(r.systems)} systems, Friedman p {r.friedman_p:.2g}, critical difference (Nemenyi) "
        f"{r.critical_difference:.2f}"
    )
