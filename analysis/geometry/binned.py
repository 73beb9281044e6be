"""What all scores on the cells of a grid share: settings, and the error from blocks of time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dsr.cells import CellCounts, CellVisits, cell_visits, default_bins
from dsr.measure import Measure
from dsr.points import as_points

from .block_error import blocks_that_fit, two_record_error

CellScore = Callable[[CellCounts], float]


def binned_measure(
    name: str,
    score: CellScore,
    x_true: Any,
    x_gen: Any,
    *,
    bins: int | None,
    padding: float,
    blocks: int,
    unit: str,
    extra: Callable[[CellCounts], Mapping[str, float]] | None = None,
) -> Measure:
    """A score on our cells, with overflow layer, and its error; `extra` adds to the settings."""
    bins = default_bins(as_points(x_true, "x_true").shape[1]) if bins is None else bins
    visits = cell_visits(x_true, x_gen, bins=bins, padding=padding)
    settings = {"bins": bins, "padding": padding, **(extra(visits.counts()) if extra else {})}
    return visits_measure(name, score, visits, settings, blocks=blocks, unit=unit)


def visits_measure(
    name: str, score: CellScore, visits: CellVisits, settings: Mapping[str, Any], *, blocks: int, unit: str
) -> Measure:
    """A score on visits that were already counted; `settings` are put before those that all scores share."""
    value = score(visits.counts())
    blocks = blocks_that_fit(blocks, len(visits.true), len(visits.generated))
    error = _error(visits, score, blocks)
    shared = {
        "length_true": len(visits.true),
        "length_generated": len(visits.generated),
        "outside_fraction": visits.outside_fraction,
        "blocks": blocks,
    }
    return Measure(name, value, value - error, value + error, unit=unit, settings={**settings, **shared})


def _error(visits: CellVisits, score: CellScore, blocks: int) -> float:
    counts = visits.counts()

    def without(labels: np.ndarray, record: str) -> list[float]:
        visited = getattr(counts, record)
        left = (visited - np.bincount(b, minlength=visits.occupied) for b in np.array_split(labels, blocks or 1))
        return [score(dataclasses.replace(counts, **{record: rest})) for rest in left]

    return two_record_error(
        blocks, lambda: without(visits.true, "true"), lambda: without(visits.generated, "generated")
    )
