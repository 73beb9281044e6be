"""What all scores on the cells of a grid share: settings, and the error from blocks of time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from dsr.cells import CellCounts, CellVisits, cell_visits, default_bins
from dsr.measure import Measure
from dsr.points import as_points

from .block_error import blocks_that_fit, two_record_error

CellScore = Callable[[CellCounts], float]
Visit = Callable[[np.ndarray, np.ndarray], CellVisits]


def binned_measure(
    name: str,
    score: CellScore,
    x_true: Any,
    x_gen: Any,
    *,
    bins: int | None,
    padding: float,
    blocks: int,
    unit: str = "",
    visit: Visit | None = None,
    extra: Callable[[CellCounts], Mapping[str, Any]] | None = None,
) -> Measure:
    """A score of the visits to cells, with its error.

    bins, padding : of our own grid with its overflow layer; `default_bins` if None.
    visit : instead, a way to count the visits of two records. blocks : see `block_error`.
    extra : what the settings hold besides lengths, the share of generated rows outside and the blocks.
    """
    true, gen = as_points(x_true, "x_true"), as_points(x_gen, "x_gen", rows=1)
    settings: dict[str, Any] = {}
    if visit is None:
        bins = default_bins(true.shape[1]) if bins is None else bins
        visit = partial(cell_visits, bins=bins, padding=padding)
        settings = {"bins": bins, "padding": padding}
    visits = visit(true, gen)
    counts = visits.counts()
    value = score(counts)
    blocks = blocks_that_fit(blocks, len(true), len(gen))
    error = two_record_error(
        blocks,
        lambda: _without_true(visit, score, visits, true, gen, blocks),
        lambda: _without(counts, "generated", visits.generated, score, blocks),
    )
    settings |= {
        **(extra(counts) if extra else {}),
        "length_true": len(visits.true),
        "length_generated": len(visits.generated),
        "outside_fraction": visits.outside_fraction,
        "blocks": blocks,
    }
    return Measure(name, value, value - error, value + error, unit=unit, settings=settings)


def _without(counts: CellCounts, record: str, labels: np.ndarray, score: CellScore, blocks: int) -> list[float]:
    """Scores with the counts of one block of a record taken away, on the same cells."""
    visited = getattr(counts, record)
    left = (visited - np.bincount(b, minlength=visited.size) for b in np.array_split(labels, blocks))
    return [score(dataclasses.replace(counts, **{record: rest})) for rest in left]


def _without_true(
    visit: Visit, score: CellScore, visits: CellVisits, true: np.ndarray, gen: np.ndarray, blocks: int
) -> list[float]:
    """Scores without each block of the truth. Without a block that holds an extreme the box is another one.

    That the standard deviation moves too is neglected.
    """
    scores = _without(visits.counts(), "true", visits.true, score, blocks)
    rows = np.array_split(np.arange(len(true)), blocks)
    low, high = true.min(0), true.max(0)
    for b, block in enumerate(rows):
        if (true[block] == low).any() or (true[block] == high).any():
            rest = np.delete(true, block, axis=0)
            if (rest.max(0) > rest.min(0)).all():
                scores[b] = score(visit(rest, gen).counts())
    return scores
