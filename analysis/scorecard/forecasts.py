"""Prediction rows of the scorecard: forecasts from many starts, and what chance would give."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from dsr.measure import Measure
from dsr.series import TimeSeries

from ..protocol import Reconstruction
from ..temporal.prediction import prediction_error, valid_prediction_time, windows
from .floor import quantile_floor
from .rows import Row

LYAPUNOV_TIMES = 15
MOST_STATES = 200_000_000  # numbers: the states of forecasts that are held at once
CHANCE = "chance: stretches of {} used as forecasts"


def prediction_rows(
    test: TimeSeries,
    model: Reconstruction,
    *,
    independent: Sequence[np.ndarray],
    surrogate: np.ndarray,
    noise: np.ndarray,
    lyapunov_time: float | None,
    starts: int,
    steps: int,
) -> list[Row]:
    """Rows "prediction error" (after `steps` steps) and "valid prediction time" from `starts` starts, or as many as the
    test series has rows for.

    surrogate, noise : (time, dim), as long as the test series; their stretches are used as forecasts. The
    floor of these rows is the chance level: other stretches of the true system used as forecasts.
    """
    truth, dt, sd = test.values, test.dt, test.values.std(0)
    longest = 1000 if lyapunov_time is None else math.ceil(LYAPUNOV_TIMES * lyapunov_time / dt)
    context = model.min_context
    n = max(1, min(max(longest, steps), (len(test) - context) // 2))
    rows = np.unique(np.linspace(context - 1, len(test) - 1 - n, starts).astype(int))
    past = truth[rows[:, None] + np.arange(1 - context, 1)]
    forecast = forecasts(model, past, n)
    true = windows(truth, rows, n)
    steps = min(steps, n)

    def error(candidate: np.ndarray) -> Measure:
        return prediction_error(true[:, :steps], candidate[:, :steps], sd=sd)

    def valid(candidate: np.ndarray) -> Measure:
        return valid_prediction_time(
            true, candidate, dt=dt, lyapunov_time=lyapunov_time, sd=sd, time_unit=test.time_unit
        )

    others = [other for other in independent if len(other) > rows[-1] + n]
    kind = CHANCE.format("independent trajectories" if others else "the same record")
    chance = [windows(other, rows, n) for other in others or [np.roll(truth, len(truth) // 2, axis=0)]]
    baselines = windows(surrogate, rows, n), windows(noise, rows, n)
    found = []
    for score in (error, valid):
        floor = quantile_floor([score(candidate).value for candidate in chance], kind)
        measure = dataclasses.replace(score(forecast), floor=floor)
        found.append(Row(measure.name, None, measure, *(score(b) for b in baselines)))
    return found


def forecasts(model: Reconstruction, past: np.ndarray, n: int) -> np.ndarray:
    """Observations (starts, n, obs) after each context (starts, time, obs), of so many starts at once as their states
    fit into memory: 800 units over 15 Lyapunov times of the Rössler system from 100 starts take 13 GB."""
    initial = model.initial_state(past)
    most = max(1, MOST_STATES // (n * model.state_dim))
    return np.concatenate([model.free_run(initial[i : i + most], n).observations for i in range(0, len(past), most)])
