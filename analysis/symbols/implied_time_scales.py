"""Implied time scales: whether a Markov-state model can be trusted, from its slow processes against the lag."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from .markov_state_model import NAME, markov_state_model, visited_cells
from .state_partition import StatePartition


@dataclass(frozen=True, eq=False)
class ImpliedTimeScales:
    """Implied time scales against the lag: flat where the chain is Markovian.

    lags : (l,), in the time of the trajectory. time_scales, errors : (l, k).
    measure : "slowest implied time scale" at the longest lag, low and high widened to the range over the longer half
        of the lags.
    """

    lags: np.ndarray
    time_scales: np.ndarray
    errors: np.ndarray
    measure: Measure


def implied_time_scales(
    x: Any,
    lags: Iterable[int],
    *,
    cells: int = 50,
    partition: StatePartition | None = None,
    dt: float = 1.0,
    time_scales: int = 4,
    seed: int = 0,
    blocks: int = 20,
) -> ImpliedTimeScales:
    """Implied time scales of the Markov-state models at several lags, all on one partition.

    `lags`: steps, ascending. All else, errors and warnings as in `markov_state_model`. A scale much shorter than
    the lag is noise.
    """
    steps = [int(lag) for lag in lags]
    if not steps or sorted(set(steps)) != steps:
        raise SpecError(f"lags {steps}", "at least one, ascending", "give lags such as [5, 10, 20, 40]")
    found = visited_cells(x, cells, partition, dt, seed)
    models = [markov_state_model(found, lag, time_scales=time_scales, blocks=blocks) for lag in steps]
    k = min(m.time_scales.size for m in models)
    scales, errors = (np.array([getattr(m, n)[:k] for m in models]) for n in ("time_scales", "errors"))
    last = models[-1].measure
    longer = [m.measure for m in models[len(models) // 2 :]]
    bounds = [b for m in longer for b in (m.low, m.high, m.value) if math.isfinite(b)]
    low, high = (min(bounds), max(bounds)) if bounds else (math.nan, math.nan)
    settings = {**last.settings, "lags": steps}
    measure = Measure(NAME, last.value, low, high, last.unit, settings, note=last.note)
    return ImpliedTimeScales(np.array(steps) * found.step, scales, errors, measure)
