"""PECUZAL: which columns at which delays span the attractor, chosen one by one from the data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.points import as_columns_that_vary
from dsr.timescales import autocorrelation_time, theiler_window

from .continuity import NEIGHBOURS, continuity_statistic
from .delays import delay_embed_columns
from .noise_amplification import NoiseAmplification, noise_amplification
from .references import neighbourhoods, reference_rows

FALL = 0.05
SHORTEST_RANGE = 10
MOST = 10


@dataclass(frozen=True, eq=False)
class NonUniformEmbedding:
    """A chosen non-uniform embedding; empty when no delayed column makes a better one.

    coordinates : (column, delay) in the order of choice, the first at delay 0. falls : by how much each coordinate
    after the first lowered L (negative), the last entry being that of the best one that was refused (infinite if there
    was none to try). continuity : <eps*> (delays, dim) of each round. note : why there is none, or might be more.
    """

    coordinates: tuple[tuple[int, int], ...]
    falls: tuple[float, ...]
    continuity: tuple[np.ndarray, ...] = field(repr=False)
    note: str = ""

    @property
    def dimension(self) -> int:
        """Number of coordinates, 0 without an embedding."""
        return len(self.coordinates)

    def apply(self, x: Any) -> np.ndarray:
        """`delay_embed_columns` with these coordinates; raises `DataError` when there are none."""
        if not self.coordinates:
            raise DataError(
                self.note, "a series with an embedding", "choose one by hand, or use the columns as they are"
            )
        return delay_embed_columns(x, self.coordinates)


def pecuzal(
    x: Any,
    *,
    max_delay: int | None = None,
    window: int | None = None,
    fall: float = FALL,
    max_dimension: int = MOST,
    seed: int = 0,
) -> NonUniformEmbedding:
    """Coordinates (column, delay) of an embedding of x (time, dim), added while Uzal's L statistic falls.

    In each round every local maximum over the delays 0 .. `max_delay` of the continuity statistic, of every column, is
    a candidate (every delay, where neighbouring rows are decorrelated: maps, coarse sampling); the one that lowers L
    most is taken. L is compared at the horizon at which its fall first has a minimum. The first round tries every
    column as the first coordinate. The search ends when no candidate lowers L by more than `fall` (log10 units), or at
    `max_dimension`.

    Parameters
    ----------
    x : one column or several; standardised here, so their units do not matter.
    max_delay : three autocorrelation times of the slowest column if None, at least 10, and so few that a tenth of the
        rows stays the longest.
    window : Theiler window in steps; that of the slowest column if None.
    fall : 0 follows every fall, also those that come from chance or from a finite record.
    seed : draws at most 5000 reference rows.

    Raises `DataError` for a series too short and `SpecError` for settings out of range.

    When it misleads: noise has no embedding (a second coordinate raises L by log10(2) / 2), `coordinates` is empty and
    `note` says so. But the same happens with dynamics sampled so coarsely, or of so high a dimension, that neighbours
    have nothing to do with each other, and where a single column is the whole state (logistic map). With quantised data
    add noise of the size of the rounding. The number of coordinates is what lowers the cost, not the least possible:
    with all three columns of Lorenz-63 it is 3, or 4 to 6 on a record as short as 50 time units.
    Source: Kraemer et al., doi:10.1088/1367-2630/abe336.
    """
    columns = as_columns_that_vary(x)
    columns = (columns - columns.mean(0)) / columns.std(0)
    rows = len(columns)
    window = theiler_window(columns) if window is None else window
    if max_delay is None:
        max_delay = min(max(window, SHORTEST_RANGE), rows // 10)
    if max_delay < 3 or window < 0 or max_dimension < 2:
        raise SpecError(
            f"max_delay = {max_delay}, window = {window}, max_dimension = {max_dimension}",
            "max_delay of 3 or more, max_dimension of 2 or more, window of 0 or more",
            "change that setting",
        )
    search = _Search(columns, max_delay, window, seed)
    chosen: list[tuple[int, int]] = []
    falls, curves = [], []
    while len(chosen) < max_dimension:
        firsts = [chosen] if chosen else [[(column, 0)] for column in range(columns.shape[1])]
        best, least, continuity = min((search.best_addition(c) for c in firsts), key=lambda found: found[1])
        falls.append(least)
        curves.append(continuity)
        if not least < -fall:
            break
        chosen = best
    return NonUniformEmbedding(tuple(chosen), tuple(falls), tuple(curves), _note(chosen, falls, fall, max_dimension))


class _Search:
    """The rows that every candidate of every round is judged on."""

    def __init__(self, columns: np.ndarray, max_delay: int, window: int, seed: int) -> None:
        self.columns, self.max_delay, self.window = columns, max_delay, window
        rows = len(columns) - 2 * max_delay  # delays, and the images up to a horizon as long
        least = 2 * window + 1 + NEIGHBOURS[-1]
        if rows < least:
            raise DataError(
                f"{len(columns)} rows for delays up to {max_delay} and a Theiler window of {window}",
                f"at least {least + 2 * max_delay} rows",
                "bring a longer series or lower max_delay",
            )
        self.rows, self.reference = rows, reference_rows(rows, seed)
        self.decorrelated = autocorrelation_time(columns).max() <= 1

    def best_addition(self, chosen: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], float, np.ndarray]:
        """The coordinates with the best new one, the change of L that it brings, and the continuity statistic."""
        points = self._points(chosen)
        near = neighbourhoods(points[: self.rows], self.reference, self.window, NEIGHBOURS[-1])
        continuity = continuity_statistic(self.columns, self.max_delay, self.reference, near)
        before = self._amplification(points)
        trials = [
            [*chosen, (column, delay)]
            for column in range(self.columns.shape[1])
            for delay in (range(self.max_delay + 1) if self.decorrelated else _maxima(continuity[:, column]))
            if (column, delay) not in chosen
        ]
        changes = []
        for trial in trials:
            known = _known(trial)
            changes.append(_fall(self._amplification(self._points(trial)).cost(known) - before.cost(known)))
        best = int(np.argmin(changes)) if trials else None
        return (chosen, math.inf, continuity) if best is None else (trials[best], changes[best], continuity)

    def _points(self, coordinates: list[tuple[int, int]]) -> np.ndarray:
        length = self.rows + self.max_delay
        return np.stack([self.columns[delay : delay + length, column] for column, delay in coordinates], axis=1)

    def _amplification(self, points: np.ndarray) -> NoiseAmplification:
        return noise_amplification(points, self.reference, self.window, self.max_delay)


def _maxima(curve: np.ndarray) -> list[int]:
    """Delays of the local maxima, ends included; a plateau counts once."""
    padded = np.concatenate([[-np.inf], curve, [-np.inf]])
    return np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])).tolist()


def _known(coordinates: list[tuple[int, int]]) -> set[int]:
    """Horizons at which one coordinate arrives at the time of another of the same column."""
    return {abs(a - b) for i, a in coordinates for j, b in coordinates if i == j} - {0}


def _fall(changes: np.ndarray) -> float:
    """The change of L at the first horizon after which a fall becomes smaller; no fall where no horizon is left."""
    if not changes.size:
        return math.inf
    turns = np.flatnonzero((changes[:-1] < 0) & (changes[1:] > changes[:-1]))
    return float(changes[turns[0] if turns.size else -1])


def _note(chosen: list[tuple[int, int]], falls: list[float], fall: float, max_dimension: int) -> str:
    if not chosen:
        return (
            f"no delayed column lowers the cost of an embedding by more than {fall:g} (best change {falls[0]:+.2f}): "
            "noise, dynamics too fast or too high-dimensional for this record, or one column that is the whole state"
        )
    if len(chosen) == max_dimension:
        return f"stopped at {max_dimension} coordinates; the cost was still falling (last change {falls[-1]:+.2f})"
    return ""
