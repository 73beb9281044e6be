"""The return map of successive maxima, and how far two of them are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.measure import Measure
from dsr.points import as_points

from .sliced_wasserstein import sliced_wasserstein
from .successive_maxima import SuccessiveMaxima, successive_maxima

FEWEST = 10


@dataclass(frozen=True, eq=False)
class ReturnMap:
    """pairs (maxima - 1, 2): each maximum and the next; draw one against the other. measure: maxima per unit time."""

    pairs: np.ndarray
    maxima: SuccessiveMaxima

    @property
    def measure(self) -> Measure:
        return self.maxima.measure


def return_map(x: Any, *, dt: float, smoothing: float = 0.0, time_unit: str = "time units") -> ReturnMap:
    """Successive maxima (m_n, m_n+1) of one column; arguments as in `successive_maxima`.

    For the z coordinate of Lorenz-63 they lie on a tent-shaped curve without an inverse: chaos made visible. Source:
    Lorenz, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2.
    """
    maxima = successive_maxima(x, dt=dt, smoothing=smoothing, time_unit=time_unit)
    return ReturnMap(np.stack([maxima.values[:-1], maxima.values[1:]], axis=1), maxima)


def return_map_distance(
    x_true: Any, x_gen: Any, *, dt: float, smoothing: float = 0.0, projections: int = 200, seed: int = 0
) -> Measure:
    """Sliced Wasserstein distance of the pairs (m_n, m_n+1) of successive maxima, in units of those of the truth.

    Parameters
    ----------
    x_true, x_gen : (time,) the same column of truth and model, of any two lengths, sampled at the same dt.
    smoothing : of both series, in units of time; see `successive_maxima`.

    Returns
    -------
    Measure "return-map distance" -+ its standard error, in standard deviations of the true maxima; settings hold the
    maxima per unit of time of both, which must agree before the distance says anything about the map. A generated
    series with fewer than 10 pairs (a fixed point, a drift) is judged as resting at its last value, and a note says
    so. Raises `DataError` when the truth has fewer than 10 pairs.

    When it misleads: 2 % of noise changes the maxima more than a wrong parameter does; smooth both. Two maps over the
    same interval with equal density are told apart only by their shape: compare with the floor of equal length.
    """
    true = return_map(x_true, dt=dt, smoothing=smoothing)
    if len(true.pairs) < FEWEST:
        raise DataError(
            f"{len(true.pairs)} pairs of successive maxima in the truth",
            f"at least {FEWEST}",
            "choose a column that oscillates, less smoothing, or a longer series",
        )
    series, note = as_points(x_gen, "x_gen"), ""
    rates = {"maxima_per_time_true": true.measure.value, "maxima_per_time_generated": 0.0}
    moves = series.shape[1] > 1 or series.max() > series.min()
    generated = return_map(series, dt=dt, smoothing=smoothing) if moves else None
    if generated is not None:
        rates["maxima_per_time_generated"] = generated.measure.value
    if generated is None or len(generated.pairs) < FEWEST:
        count = 0 if generated is None else len(generated.maxima.values)
        note = f"the generated series has {count} maxima: judged as resting at its last value"
        pairs = np.full((FEWEST, 2), series[-1, 0])
    else:
        pairs = generated.pairs
    found = sliced_wasserstein(true.pairs, pairs, projections=projections, points=None, scale="columns", seed=seed)
    settings = {"smoothing": smoothing, "dt": dt, **rates, **found.settings}
    low, high = (math.nan, math.nan) if note else (found.low, found.high)
    return Measure("return-map distance", found.value, low, high, "sd", settings, note=note)
