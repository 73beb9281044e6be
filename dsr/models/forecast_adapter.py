"""Multi-horizon forecasters of other libraries, judged beside the models: forecasts and free runs, no exponents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..errors import DataError, NoTangentError, SpecError
from .base import FreeRun
from .states import require_states, require_steps

Forecaster = Callable[[np.ndarray, int], np.ndarray]
"""(context (time, obs), number of rows) -> the rows that follow, (rows, obs), both in data units."""


class ForecastAdapter:
    """A forecaster as a `dsr.analysis.Reconstruction`: its state is the last `context` rows.

    A free run asks for `horizon` rows at a time and appends them to the context, so a forecaster that was trained for
    some horizon is used as it was meant. `judge` gives it valid prediction times, D_stsp and D_H; between two calls
    nothing is a function of a state, so it has no tangent map, and exponents are refused.

    Parameters
    ----------
    forecast : see `Forecaster`, `from_darts`, `from_chronos`. dt : time between rows. context : rows it is shown.
    horizon : rows asked for in one call.
    """

    def __init__(self, forecast: Forecaster, obs_dim: int, dt: float, *, context: int = 512, horizon: int = 64) -> None:
        if context < 1 or horizon < 1 or obs_dim < 1 or not dt > 0:
            raise SpecError(
                f"obs_dim = {obs_dim}, dt = {dt}, context = {context}, horizon = {horizon}",
                "whole numbers of 1 or more, and a positive dt",
                "change that setting",
            )
        self.forecast, self.obs_dim, self.dt = forecast, obs_dim, dt
        self.min_context, self.horizon = context, horizon
        self.state_dim = context * obs_dim

    def initial_state(self, context: np.ndarray, /) -> np.ndarray:
        """The last rows of context (batch, time, obs) as states (batch, state)."""
        rows = np.asarray(context, dtype=np.float64)
        if rows.ndim != 3 or rows.shape[2] != self.obs_dim or rows.shape[1] < self.min_context:
            raise DataError(
                f"a context of shape {rows.shape}",
                f"(batch, time, {self.obs_dim}) with at least {self.min_context} rows of time",
                "pass series.values[None, :rows]",
            )
        return rows[:, -self.min_context :].reshape(len(rows), -1)

    def free_run(self, z0: np.ndarray, n: int, /) -> FreeRun:
        """`n` rows after each context; `states` are the observations themselves. Raises `DataError` for z0 of another
        shape, `SpecError` for n below 1."""
        starts = require_states(z0, self.state_dim).reshape(-1, self.min_context, self.obs_dim)
        require_steps(n)
        found = np.full((len(starts), n, self.obs_dim), np.nan)
        diverged_at = np.full(len(starts), -1)
        for row, start in enumerate(starts):
            past, done = start, 0
            while done < n:
                ahead = self._ask(past)[: n - done]
                finite = np.isfinite(ahead).all(axis=1)
                kept = len(ahead) if finite.all() else int(finite.argmin())
                found[row, done : done + kept] = ahead[:kept]
                if kept < len(ahead):
                    diverged_at[row] = done + kept
                    break
                past, done = np.concatenate([past, ahead])[-self.min_context :], done + kept
        return FreeRun(found, found, diverged_at)

    def tangent_map(self) -> NoReturn:
        raise NoTangentError(
            "exponents of a multi-horizon forecaster, which has no map from state to state",
            "valid prediction times, D_stsp and D_H of it",
            "leave the exponents out, or choose a model of `dsr models`",
        )

    def _ask(self, past: np.ndarray) -> np.ndarray:
        ahead = np.asarray(self.forecast(past, self.horizon), dtype=np.float64)
        if ahead.shape != (self.horizon, self.obs_dim):
            raise DataError(
                f"a forecast of shape {ahead.shape}",
                f"({self.horizon}, {self.obs_dim})",
                "let the forecaster return the rows that follow, one column per observation",
            )
        return ahead


def from_darts(model: Any) -> Forecaster:
    """A fitted darts forecasting model that accepts new series (`model.predict(n, series=...)`)."""

    def forecast(past: np.ndarray, rows: int) -> np.ndarray:
        from darts import TimeSeries as DartsSeries

        return model.predict(rows, series=DartsSeries.from_values(past)).values()

    return forecast


def from_chronos(pipeline: Any) -> Forecaster:
    """A Chronos-like pipeline whose weights are present: `predict(series, rows)` of one column (time,) gives samples or
    quantiles (1, draws, rows); their median is taken. Columns are forecast one by one, as such models do."""

    def forecast(past: np.ndarray, rows: int) -> np.ndarray:
        import torch

        columns = [pipeline.predict(torch.tensor(column, dtype=torch.float32), rows) for column in past.T]
        return np.stack([np.median(np.asarray(c[0], dtype=np.float64), axis=0) for c in columns], axis=1)

    return forecast
