"""Continuity statistic: how badly a delayed column is a continuous function of the coordinates already there."""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled

NEIGHBOURS = range(8, 14)
SIGNIFICANCE = 0.05


def continuity_statistic(columns: np.ndarray, delays: int, reference: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Mean <eps*> over the reference rows, for each delay 0 .. delays and column: (delays + 1, dim).

    columns : (time, dim), standardised. reference, near : rows and their 13 neighbours (references, 13) in the
    embedding so far; rows + delays must exist. For the nearest k = 8 .. 13 neighbours, eps is the smallest distance
    within which so many images lie that fewer than 5 % of fair coins would do as well; eps* is the least over k. It is
    small where the column at that delay follows from the embedding, large where it brings something new or where the
    images are unrelated. Source: Pecora, Moniz, Nichols, Carroll, doi:10.1063/1.2430294.
    """
    needed = np.zeros(NEIGHBOURS[-1] + 1, dtype=np.int64)
    needed[NEIGHBOURS[0] :] = [_least_count(k) for k in NEIGHBOURS]
    columns = np.ascontiguousarray(columns)
    return compiled(mean_images)(columns, delays, reference, near, needed) / len(reference)


def _least_count(k: int) -> int:
    """Smallest number of heads that k fair coins reach or exceed with a probability below the significance."""
    tails = np.cumsum([math.comb(k, heads) / 2**k for heads in range(k, -1, -1)])
    return k + 1 - int(np.argmax(tails >= SIGNIFICANCE))


def mean_images(columns, delays, reference, near, needed):
    """Sums (delays + 1, dim) of eps* over the reference rows; compiled."""
    total = np.zeros((delays + 1, columns.shape[1]))
    most = needed.shape[0] - 1
    nearest = np.empty(most)
    for column in range(columns.shape[1]):
        for delay in range(delays + 1):
            for row in range(reference.shape[0]):
                here = columns[reference[row] + delay, column]
                least = np.inf
                for k in range(most):
                    distance = abs(columns[near[row, k] + delay, column] - here)
                    place = k
                    while place > 0 and nearest[place - 1] > distance:
                        nearest[place] = nearest[place - 1]
                        place -= 1
                    nearest[place] = distance
                    if needed[k + 1] > 0:
                        least = min(least, nearest[needed[k + 1] - 1])
                total[delay, column] += least
    return total
