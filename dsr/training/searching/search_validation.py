"""What a hyper-parameter search judges a fitted model by: its closed loop on rows it was not fitted to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...errors import DataError, SpecError
from ...fate import NOT_JUDGED
from ...models import Model
from ...models.closed_loop import FEWEST
from ...series import TimeSeries
from ..selection import FreeRunScore

SHARE = 0.2  # of the longest series is held out
LONGEST = 3000  # rows of a forecast
RUNS = 4  # free runs
LIMIT = 0.3  # error, in standard deviations of the training data, up to which a forecast is valid
BLOCK = 50  # rows between looks at which forecasts are still valid
FEW_ROWS, FEW_BINS = 20_000, 10  # below that many held-out rows, finer cells would be empty


@dataclass(frozen=True)
class Validated:
    """score : lower is better, infinite for a failed model. valid_time : median valid prediction time, in time units.
    d_stsp (nats), lambda_max (per time unit) and fate : of the free runs, see `FreeRunScore`."""

    score: float
    valid_time: float
    d_stsp: float
    lambda_max: float
    fate: str


def hold_out(series: Sequence[TimeSeries], context: int = 1) -> tuple[list[TimeSeries], TimeSeries]:
    """The series without the last fifth of the longest one, and that fifth.

    Where the fifth is shorter than the `context` of a forecast and 30 rows to forecast, as many of the rows before it
    come with it, though a model is fitted to them: then it is only the forecasts that are held out.
    """
    longest = max(range(len(series)), key=lambda i: len(series[i]))
    rows = int(SHARE * len(series[longest]))
    if rows < 2:
        raise DataError(
            f"a longest series of {len(series[longest])} rows to hold a fifth out of",
            "10 rows or more",
            "bring a longer series",
        )
    shorter = [s[: len(s) - rows] if i == longest else s for i, s in enumerate(series)]
    first = len(series[longest]) - rows
    lead = min(context, first) if rows < context + FEWEST else 0
    return shorter, series[longest][first - lead :]


class ClosedLoopValidation:
    """Score = (D_stsp + Hellinger distance of the spectra + misfit of the largest exponent) - ln(1 + valid rows).

    The first part is that of `FreeRunScore`, infinite when free runs diverge, come to rest or are not chaotic though
    the data are. `valid rows` is the median number of rows, over `segments` starts, that a forecast stays within 0.3
    standard deviations of the held-out data. Both parts are in nats: a forecast twice as long is worth 0.7 of D_stsp.
    Either alone misleads: clean low-dimensional data saturate D_stsp, and long forecasts may end in a wrong climate.
    """

    def __init__(
        self,
        train: Sequence[TimeSeries],
        held_out: TimeSeries,
        *,
        horizon: int | None,
        segments: int,
        free_run: int,
    ) -> None:
        if segments < 1 or free_run < 1 or (horizon is not None and horizon < 1):
            raise SpecError(
                f"segments = {segments}, free_run = {free_run}, horizon = {horizon}", "1 or more", "change that setting"
            )
        self.truth, self.dt, self.segments, self.horizon = held_out.values, held_out.dt, segments, horizon
        bins = FEW_BINS if len(held_out) < FEW_ROWS and held_out.dim <= 3 else None
        self.free_runs = FreeRunScore([held_out], train=train, steps=free_run, starts=RUNS, bins=bins)

    def __call__(self, model: Model, limit: float = math.inf) -> Validated:
        """A model whose forecasts are so short that its score cannot be below `limit` is spared the free runs, which
        take most of the time: its score is then the least that it could be, and its fate "not judged"."""
        rows = self._valid_rows(model)
        length = math.log1p(rows)
        if -length >= limit:
            return Validated(-length, rows * self.dt, math.nan, math.nan, NOT_JUDGED)
        verdict = self.free_runs(model)
        return Validated(verdict.score - length, rows * self.dt, verdict.d_stsp, verdict.lambda_max, verdict.fate)

    def _valid_rows(self, model: Model) -> float:
        context = model.min_context
        horizon = min((len(self.truth) - context) // 2, LONGEST) if self.horizon is None else self.horizon
        last = len(self.truth) - horizon
        if last < context or horizon < 1:
            raise DataError(
                f"{len(self.truth)} held-out rows for {context} rows of context and {max(horizon, 1)} of forecast",
                "at least the two together",
                "bring a longer series, or set a shorter horizon",
            )
        starts = np.linspace(context, last, self.segments).astype(int)
        twin, orbit, sd = model.in_float64(), model.orbit(), model.data_std.numpy()
        state = model.initial_state(np.stack([self.truth[s - context : s] for s in starts])).double().numpy()
        valid, alive = np.zeros(len(starts), dtype=int), np.arange(len(starts))
        for first in range(0, horizon, BLOCK):
            n = min(BLOCK, horizon - first)
            states = orbit(state, state[:0], n)[0]
            ahead = np.stack([self.truth[s + first : s + first + n] for s in starts[alive]])
            with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
                seen = twin.observe(torch.from_numpy(states)).numpy()
                fine = np.logical_and.accumulate(np.sqrt((((seen - ahead) / sd) ** 2).mean(2)) <= LIMIT, axis=1)
            valid[alive] += fine.sum(1)
            alive, state = alive[fine[:, -1]], states[fine[:, -1], -1]
            if not alive.size:
                break
        return float(np.median(valid))
