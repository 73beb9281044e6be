"""The boxes and rules of published D_stsp code, where they differ from ours: for numbers comparable with papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.cells import CellVisits, grid_position, label_visits, same_columns
from dsr.errors import DataError, unknown


@dataclass(frozen=True)
class PublishedBox:
    """Rules of one implementation.

    deviations : the box is [-d, d] times the standard deviation of the truth, about zero and not about the mean;
        None: from its minimum to its maximum. padding : standard deviations added at either end of the latter.
    first_cell : the lowest index that is counted; 1 drops the lowest layer of cells in every dimension.
    source : where the rules stand.
    """

    deviations: float | None
    padding: float
    first_cell: int
    source: str


PUBLISHED: dict[str, PublishedBox] = {
    "alrnn": PublishedBox(None, 0.0, 1, "AL-RNN and DynaMix in Python, arXiv:2410.14240"),
    "gtf": PublishedBox(None, 0.1, 0, "GTF-shPLRNN in Julia, arXiv:2306.04406"),
    "gtf-legacy": PublishedBox(2.0, 0.0, 0, "GTF-shPLRNN in Julia with legacy binning, arXiv:2306.04406"),
    "dendplrnn": PublishedBox(2.0, 0.0, 1, "dendPLRNN and MTF in Python, arXiv:2207.02542"),
}


def published_visits(x_true: Any, x_gen: Any, *, bins: int, preset: str) -> CellVisits:
    """Visits to the bins ** dim cells of a published box; rows outside are dropped from both trajectories.

    Dropping comes before normalising: a run that is off the attractor half of the time is judged by the other
    half. The indices are those of double precision; the originals use single, so a row on an edge may move by
    one cell. The 16-bit counters of the Julia code, which wrap at 65,536 visits of a cell, are not imitated.

    Raises `DataError` when no row of either trajectory is in the box.
    """
    if preset not in PUBLISHED:
        raise unknown("preset", preset, PUBLISHED)
    rule = PUBLISHED[preset]
    true, gen = same_columns(x_true, x_gen, bins)
    with np.errstate(over="ignore", invalid="ignore"):
        sd = true.std(axis=0, ddof=1)
        if rule.deviations is None:
            low, high = true.min(0) - rule.padding * sd, true.max(0) + rule.padding * sd
        else:
            low, high = -rule.deviations * sd, rule.deviations * sd
        index = [np.clip(np.trunc(grid_position(x, low, high, bins)), -1, bins) for x in (true, gen)]
        if rule.first_cell == 0:  # (-1, 0) is cut to cell 0 by truncation, which only these rules would count
            index = [np.where(x < low, -1, i) for x, i in zip((true, gen), index, strict=True)]
    inside = [((i >= rule.first_cell) & (i < bins)).all(axis=1) for i in index]
    for name, kept in zip(("true", "generated"), inside, strict=True):
        if not kept.any():
            raise DataError(
                f"no {name} row in the box of preset '{preset}'",
                "trajectories that visit the box, for the box about zero standardised ones",
                "report the run as off the attractor, or leave the preset out: then rows outside are counted",
            )
    kept_rows = [i[k].astype(np.int64) for i, k in zip(index, inside, strict=True)]
    return label_visits(np.concatenate(kept_rows), len(kept_rows[0]), bins, float(1 - inside[1].mean()))
