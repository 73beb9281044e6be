"""Delay embedding of one observable, with the delay and the dimension chosen from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.points import as_columns_that_vary
from dsr.timescales import autocorrelation_time, first_minimum, mutual_information, theiler_window

FALSE_SHARE = 0.01
REFERENCES = 5000


@dataclass(frozen=True, eq=False)
class Embedding:
    """A chosen embedding and the two curves behind it.

    `mutual_information` (lags,) in nats; `false_neighbours` (max_dimension,) shares at dimension 1, 2, ...
    """

    dimension: int
    delay: int
    mutual_information: np.ndarray
    false_neighbours: np.ndarray
    note: str = ""

    def apply(self, x: Any) -> np.ndarray:
        """`delay_embed` with this dimension and delay."""
        return delay_embed(x, self.dimension, self.delay)


def delay_embed(x: Any, dimension: int, delay: int) -> np.ndarray:
    """Rows (x(t), x(t + delay), ...) of one column (time,): (time - (dimension - 1) delay, dimension).

    Source: Takens, doi:10.1007/BFb0091924.
    """
    column = _one_column(x)
    length = len(column) - (dimension - 1) * delay
    if dimension < 1 or delay < 1 or length < 2:
        raise SpecError(
            f"dimension {dimension} and delay {delay} for {len(column)} rows",
            "positive numbers with (dimension - 1) * delay < rows - 1",
            "choose a smaller dimension or delay",
        )
    return np.stack([column[i * delay : i * delay + length] for i in range(dimension)], axis=1)


def false_nearest_neighbours(
    x: Any, delay: int, max_dimension: int = 8, *, ratio: float = 10.0, size: float = 2.0, seed: int = 0
) -> np.ndarray:
    """Share of neighbours that part when one more delay coordinate is added, at dimension 1 .. max_dimension.

    A neighbour is false when the distance grows by more than `ratio`, or to more than `size` standard
    deviations of the series. Neighbours closer in time than the Theiler window are not used; exact
    repetitions (quantised data) have no ratio and are skipped. At most 5000 reference points, drawn with
    `seed`.

    Noise keeps the share above zero at every dimension. Source: Kennel et al., doi:10.1103/PhysRevA.45.3403.
    """
    from dsr.neighbours import nearest_neighbours

    column = _one_column(x)
    length = len(column) - max_dimension * delay
    window = theiler_window(column)
    if length < 2 * window + 10:
        raise DataError(
            f"{len(column)} rows for delay {delay} up to dimension {max_dimension}",
            f"at least {max_dimension * delay + 2 * window + 10} rows",
            "bring a longer series or lower max_dimension",
        )
    reference = _sample(length, seed)
    sd = column.std()
    shares = np.empty(max_dimension)
    for m in range(1, max_dimension + 1):
        points = delay_embed(column, m, delay)[:length]
        near, distance = nearest_neighbours(points, reference, window)
        found = (near >= 0) & (distance > 0)
        i, j, r = reference[found], near[found], distance[found]
        step = np.abs(column[i + m * delay] - column[j + m * delay])
        false = (step > ratio * r) | (np.hypot(r, step) > size * sd)
        shares[m - 1] = false.mean() if found.any() else 1.0
    return shares


def choose_embedding(x: Any, *, max_lag: int | None = None, max_dimension: int = 8) -> Embedding:
    """Delay by mutual information, dimension by false nearest neighbours, for one column (time,).

    The delay is the first minimum of the mutual information up to `max_lag` (ten autocorrelation times if None), or the
    time in which the autocorrelation falls to 1/e if that is earlier: spiky signals such as an ECG have their minimum
    far beyond the duration of a spike. It is 1 when neighbouring samples are decorrelated (maps, coarse sampling).
    The dimension is the first whose share of false neighbours is below 1 %. Noise can keep the share above that; then
    it is the first that has come nine tenths of the way from the largest share to the smallest, and `note` says so.
    """
    column = _one_column(x)
    correlated = int(autocorrelation_time(column)[0])
    lag = max(2, min(10 * correlated, len(column) // 10)) if max_lag is None else max_lag
    information = mutual_information(column, lag)
    delay = 1 if correlated <= 1 else min(first_minimum(information), correlated)
    shares = false_nearest_neighbours(column, delay, max_dimension)
    low = np.flatnonzero(shares < FALSE_SHARE)
    if low.size:
        return Embedding(int(low[0]) + 1, delay, information, shares)
    enough = int(np.flatnonzero(shares <= shares.min() + 0.1 * (shares.max() - shares.min()))[0])
    note = (
        f"no dimension up to {max_dimension} has under 1 % false neighbours (least {shares.min():.1%}); "
        f"{enough + 1} dimensions leave {shares[enough]:.1%}"
    )
    return Embedding(enough + 1, delay, information, shares, note)


def _one_column(x: Any) -> np.ndarray:
    points = as_columns_that_vary(x)
    if points.shape[1] != 1:
        raise DataError(f"{points.shape[1]} columns", "one column", "choose the column to embed: x[:, i]")
    return points[:, 0]


def _sample(length: int, seed: int) -> np.ndarray:
    if length <= REFERENCES:
        return np.arange(length)
    return np.sort(np.random.default_rng(seed).choice(length, REFERENCES, replace=False))
