"""Delay and dimension of one observable, chosen from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, unknown
from dsr.timescales import autocorrelation_time, first_minimum, mutual_information

from .averaged_false_neighbours import AveragedFalseNeighbours, averaged_false_neighbours
from .delays import delay_embed, one_column
from .false_nearest_neighbours import false_nearest_neighbours

FALSE_SHARE = 0.01
COARSE = 0.05  # steps between values, in standard deviations, that hide false neighbours
METHODS = ("false_nearest_neighbours", "cao")


@dataclass(frozen=True, eq=False)
class Embedding:
    """A chosen embedding and the curves behind it.

    `mutual_information` (lags,) in nats; `false_neighbours` (max_dimension,) shares at dimension 1, 2, ..., or `cao`:
    the curves of the method that chose the dimension, None for the other.
    """

    dimension: int
    delay: int
    mutual_information: np.ndarray
    false_neighbours: np.ndarray | None = None
    note: str = ""
    cao: AveragedFalseNeighbours | None = None

    def apply(self, x: Any) -> np.ndarray:
        """`delay_embed` with this dimension and delay."""
        return delay_embed(x, self.dimension, self.delay)


def choose_embedding(
    x: Any, *, max_lag: int | None = None, max_dimension: int = 8, method: str = "false_nearest_neighbours"
) -> Embedding:
    """Delay by mutual information, dimension by false nearest neighbours or Cao's method, for one column (time,).

    The delay is the first minimum of the mutual information up to `max_lag` (ten autocorrelation times if None), or the
    time in which the autocorrelation falls to 1/e if that is earlier: spiky signals such as an ECG have their minimum
    far beyond the duration of a spike. It is 1 when neighbouring samples are decorrelated (maps, coarse sampling).

    With `method` "false_nearest_neighbours" the dimension is the first whose share of false neighbours is below 1 %.
    Noise can keep the share above that; then it is the first that has come nine tenths of the way from the largest
    share to the smallest, and `note` says so; it also tells values so coarse that false neighbours are hidden. With
    "cao" it is that of `averaged_false_neighbours`, or `max_dimension` with a note; `note` also says when the series
    looks like noise. Raises `SpecError` for another method, and `DataError` for a series of so few distinct values that
    no share is known.
    """
    if method not in METHODS:
        raise unknown("embedding method", method, METHODS)
    column = one_column(x)
    correlated = int(autocorrelation_time(column)[0])
    lag = max(2, min(10 * correlated, len(column) // 10)) if max_lag is None else max_lag
    information = mutual_information(column, lag)
    delay = 1 if correlated <= 1 else min(first_minimum(information), correlated)
    if method == "cao":
        return _by_cao(column, delay, information, max_dimension)
    shares = false_nearest_neighbours(column, delay, max_dimension)
    if np.isnan(shares).all():
        raise DataError(
            f"{len(np.unique(column))} distinct values in {len(column)} rows: too few neighbours that differ",
            "states that do not repeat exactly",
            "this is a cycle or coarsely quantised: look at it, and write --embed none, or such as 3x12",
        )
    dimension, notes = _least_dimension(shares)
    step = np.diff(np.unique(column)).min() / column.std()
    if step > COARSE:
        notes.append(
            f"values in steps of {step:.2g} standard deviations hide false neighbours: the dimension may be too low"
        )
    return Embedding(dimension, delay, information, shares, "; ".join(notes))


def _least_dimension(shares: np.ndarray) -> tuple[int, list[str]]:
    low = np.flatnonzero(shares < FALSE_SHARE)
    if low.size:
        return int(low[0]) + 1, []
    least, most = np.nanmin(shares), np.nanmax(shares)
    enough = int(np.flatnonzero(shares <= least + 0.1 * (most - least))[0])
    note = (
        f"no dimension up to {len(shares)} has under 1 % false neighbours (least {least:.1%}); "
        f"{enough + 1} dimensions leave {shares[enough]:.1%}"
    )
    return enough + 1, [note]


def _by_cao(column: np.ndarray, delay: int, information: np.ndarray, max_dimension: int) -> Embedding:
    found = averaged_false_neighbours(column, delay, max_dimension)
    notes = []
    if found.dimension is None:
        notes.append(f"Cao's E1 has not saturated at {max_dimension} dimensions ({found.growth[-1]:.2f})")
    if not found.deterministic:
        notes.append("by Cao's E2 the series cannot be told from noise")
    return Embedding(found.dimension or max_dimension, delay, information, note="; ".join(notes), cao=found)
