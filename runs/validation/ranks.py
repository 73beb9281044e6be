"""Contestants over many systems: how often each stands at the floor, its mean ranks, and their diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..compare.cells import Cell
from ..compare.comparison import Comparison
from ..compare.grids import group_letters
from ..compare.pair_tests import typical
from ..markdown import table
from .section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = ("D_stsp", "D_H", "lambda_1", "valid prediction time")
COUNTED = ("at the floor", "no better than noise", "lambda_1 at truth")
NOTE = (
    "Mean rank over systems, 1 is best; two contestants share a letter exactly if pairwise signed-rank tests over "
    "systems with Holm's correction do not tell them apart. In the diagrams bars join those; a thin bar "
    "joins the ones that it has a dot for. **at the floor**, **no better than noise**: systems by their median D_stsp, "
    "runs without an attractor at the end, of those where noise does not lie within the floor. **lambda_1 at truth**: "
    "runs that were not lost and lie within two standard errors, of all."
)


def summary(found: Comparison, section: Section) -> str:
    """One row for each contestant: systems, runs, losses, cost, systems at the floor, mean ranks with letters."""
    shown = [name for name in section.measures if name in found.rankings]
    if not shown:
        return ""
    ranks = {name: _ranks(found, name) for name in shown}
    first = found.rankings[shown[0]].names
    rows = [_row(found, name, [ranks[measure].get(name, "") for measure in shown]) for name in first]
    head = ["model", "systems", "runs", "lost", "CPU s", *COUNTED, *shown]
    return "\n\n".join([NOTE, table(head, rows), "; ".join(_test(found, name) for name in shown) + "."])


def diagrams(found: Comparison, section: Section) -> dict[str, Figure]:
    """measure -> critical-difference diagram."""
    from ..compare.pictures import rank_diagram  # matplotlib

    shown = {name: found.rankings[name] for name in section.measures if name in DRAWN and name in found.rankings}
    return {name: rank_diagram(r, name) for name, r in shown.items()}


def _ranks(found: Comparison, measure: str) -> dict[str, str]:
    ranking = found.rankings[measure]
    letters = group_letters(ranking.groups, ranking)
    return {
        name: f"{mean:.2f} {letter}"
        for name, mean, letter in zip(ranking.names, ranking.mean_ranks, letters, strict=True)
    }


def _row(found: Comparison, contestant: str, ranks: Sequence[str]) -> list[str]:
    counts = [c for c in found.counts if c.contestant == contestant and c.ended]
    seconds = [c.seconds for c in counts if c.seconds is not None]
    judged = [c for c in found.cells if (c.contestant, c.measure) == (contestant, "D_stsp")]
    telling = [c for c in judged if not (math.isnan(c.floor_high) or c.noise_within_floor)]
    exponents = [c for c in found.cells if (c.contestant, c.measure) == (contestant, "lambda_1")]
    there, agree = any(c.values for c in exponents), sum(c.agree or 0 for c in exponents)
    return [
        contestant, str(len(counts)), str(sum(c.ended for c in counts)), str(sum(c.lost for c in counts)),
        f"{np.median(seconds):.0f}" if seconds else "", f"{sum(map(_at_floor, telling))} of {len(telling)}",
        f"{sum(map(_like_noise, telling))} of {len(telling)}",
        f"{agree} of {sum(c.runs for c in exponents)}" if there else "", *ranks,
    ]  # fmt: skip


def _at_floor(cell: Cell) -> bool:
    return bool(cell.losses) and typical(cell.losses) <= cell.floor_high


def _like_noise(cell: Cell) -> bool:
    """Of the runs that were not lost most score as noise does."""
    return 2 * (cell.noisy or 0) > cell.runs


def _test(found: Comparison, measure: str) -> str:
    r = found.rankings[measure]
    return f"{measure}: {len(r.systems)} systems, Friedman p {r.friedman_p:.2g}"
