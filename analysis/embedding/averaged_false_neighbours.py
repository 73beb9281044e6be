"""Cao's dimension: by how much the distance to the nearest neighbour grows on average with one more coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.neighbours import nearest_neighbours
from dsr.timescales import theiler_window

from ..surrogates import aaft_surrogate
from .delays import delay_embed, one_column
from .references import reference_rows, rows_for_delays

SATURATED = 0.8
SURROGATES = 3
# Four standard errors of a ratio of two means over n distances, each of which varies by 3/4 of its mean.
DEVIATION, ERRORS = 0.1, 4.2


@dataclass(frozen=True, eq=False)
class AveragedFalseNeighbours:
    """Cao's two curves at dimension 1 .. max_dimension, and what they say.

    growth : E1; rises to 1 when no neighbour is false any more.
    unpredicted : E2; 1 at every dimension when the future does not depend on the past.
    unpredicted_linear : E2 of noise with the same values and nearly the same power spectrum.
    dimension : the first with E1 of at least 0.8; None if there is none.
    deterministic : whether E2 differs from that of the noise somewhere, by more than `margin`.
    """

    growth: np.ndarray
    unpredicted: np.ndarray
    unpredicted_linear: np.ndarray
    margin: float

    @property
    def dimension(self) -> int | None:
        enough = np.flatnonzero(self.growth >= SATURATED)
        return int(enough[0]) + 1 if enough.size else None

    @property
    def deterministic(self) -> bool:
        return bool(np.abs(self.unpredicted - self.unpredicted_linear).max() > self.margin)


def averaged_false_neighbours(x: Any, delay: int, max_dimension: int = 8, *, seed: int = 0) -> AveragedFalseNeighbours:
    """Embedding dimension and "deterministic or noise" of one column (time,), by Cao's method.

    E(d) is the mean ratio by which the distance to the nearest neighbour grows from d to d + 1 coordinates,
    E1(d) = E(d + 1) / E(d). E*(d) is the mean distance of the coordinate that is added, E2(d) = E*(d + 1) / E*(d).
    Distances are Euclidean. Neighbours closer in time than the Theiler window are not used, and exact repetitions are
    skipped. At most 5000 reference points, drawn with `seed`.

    Rules: the dimension is the first with E1 >= 0.8, which separates the last rise from the plateau for Hénon, Lorenz,
    Rössler and Mackey-Glass series of 4000 rows or more. The series is called deterministic when E2 differs by more
    than 0.1 (and four standard errors) from the mean over three amplitude-adjusted surrogates; Cao asks for
    E2 = 1 instead, which coloured noise also violates.

    When it misleads: noise has a dimension as well, slowly reached: look at `deterministic`. Dynamics of so high a
    dimension that near neighbours are missing (Lorenz-96 with 40 coordinates, 10,000 rows) cannot be told from noise.
    Raises `DataError` for a series too short. Source: Cao, doi:10.1016/S0167-2789(97)00118-8.
    """
    column = one_column(x)
    window = theiler_window(column)
    what = f"delay {delay} up to dimension {max_dimension}"
    length = rows_for_delays(len(column), (max_dimension + 1) * delay, window, what)
    reference = reference_rows(length, seed)
    growth, unpredicted = _curves(column, delay, max_dimension, window, length, reference)
    linear = [
        _curves(aaft_surrogate(column, s)[:, 0], delay, max_dimension, window, length, reference)[1]
        for s in np.random.SeedSequence(seed).generate_state(SURROGATES).tolist()
    ]
    margin = max(DEVIATION, ERRORS / np.sqrt(len(reference)))
    return AveragedFalseNeighbours(growth, unpredicted, np.mean(linear, axis=0), float(margin))


def _curves(
    column: np.ndarray, delay: int, max_dimension: int, window: int, length: int, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """E1 and E2, each (max_dimension,)."""
    ratios, steps = np.ones(max_dimension + 1), np.ones(max_dimension + 1)
    for m in range(1, max_dimension + 2):
        points = delay_embed(column, m, delay)[:length]
        near, distance = nearest_neighbours(points, reference, window, distinct=True)
        found = near >= 0
        i, j, r = reference[found], near[found], distance[found]
        step = np.abs(column[i + m * delay] - column[j + m * delay])
        if found.any():
            ratios[m - 1], steps[m - 1] = (np.hypot(r, step) / r).mean(), max(step.mean(), np.finfo(float).tiny)
    return ratios[1:] / ratios[:-1], steps[1:] / steps[:-1]
