"""The share of neighbours that are neighbours only because a coordinate is missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.neighbours import nearest_neighbours
from dsr.timescales import theiler_window

from .delays import delay_embed, one_column
from .references import reference_rows, rows_for_delays

LEAST = 0.1  # of the references must have a neighbour for their share to mean anything


def false_nearest_neighbours(
    x: Any, delay: int, max_dimension: int = 8, *, ratio: float = 10.0, size: float = 2.0, seed: int = 0
) -> np.ndarray:
    """Share of neighbours that part when one more delay coordinate is added, at dimension 1 .. max_dimension.

    A neighbour is false when the distance grows by more than `ratio`, or to more than `size` standard
    deviations of the series. Neighbours closer in time than the Theiler window are not used; exact
    repetitions (quantised data) have no ratio and are passed over for the nearest that differs. At most 5000
    reference points, drawn with `seed`. NaN where fewer than a tenth of them have such a neighbour among the
    512 nearest.

    When it misleads: noise keeps the share above zero at every dimension, and values in steps of more than 0.05
    standard deviations (6 bits) lower it: neighbours are one step apart at least, so that few part by ten times that.
    Source: Kennel et al., doi:10.1103/PhysRevA.45.3403.
    """
    column = one_column(x)
    window = theiler_window(column)
    what = f"delay {delay} up to dimension {max_dimension}"
    length = rows_for_delays(len(column), max_dimension * delay, window, what)
    reference = reference_rows(length, seed)
    sd = column.std()
    shares = np.full(max_dimension, np.nan)
    for m in range(1, max_dimension + 1):
        points = delay_embed(column, m, delay)[:length]
        near, distance = nearest_neighbours(points, reference, window, distinct=True)
        found = near >= 0
        i, j, r = reference[found], near[found], distance[found]
        step = np.abs(column[i + m * delay] - column[j + m * delay])
        false = (step > ratio * r) | (np.hypot(r, step) > size * sd)
        if found.mean() >= LEAST:
            shares[m - 1] = false.mean()
    return shares
