"""When the system is looked at: less often, with gaps, or at irregular times. No value is invented."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dsr.errors import DataError
from dsr.registry import option
from dsr.series import TimeSeries

from .operation import OPERATIONS, Operation, require_setting, taken_rows


@OPERATIONS.register("subsample")
@dataclass(frozen=True)
class Subsample(Operation):
    """Every `every`-th row from the first on; the sampling step grows by that factor.

    No filter is applied: oscillations faster than half the new sampling rate appear as slow ones, as they would in an
    instrument that reads so seldom.
    """

    every: int = option(2, "rows per row that is kept")

    def __post_init__(self) -> None:
        require_setting(self.every >= 1, self, "every", "a whole number, 1 or more", "every=2")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        rows = slice(None, None, self.every)
        return dataclasses.replace(
            series,
            values=series.values[rows],
            inputs=None if series.inputs is None else series.inputs[rows],
            stamps=None if series.stamps is None else series.stamps[rows],
            dt=series.dt * self.every,
        )


@OPERATIONS.register("missing_stretches")
@dataclass(frozen=True)
class MissingStretches(Operation):
    """Stretches of `length` rows are lost at random places, never at either end and never touching one another.

    The rows that are left keep their times (`stamps`); `pieces` cuts the record at the gaps into regular ones.
    """

    count: int = option(3, "number of gaps")
    length: int = option(20, "rows lost in each")

    def __post_init__(self) -> None:
        require_setting(self.count >= 1, self, "count", "a whole number, 1 or more", "count=3")
        require_setting(self.length >= 1, self, "length", "a whole number, 1 or more", "length=20")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        left = len(series) - self.count * self.length
        if left < self.count + 1:
            raise DataError(
                f"{self.count} gaps of {self.length} rows in {len(series)} rows",
                "gaps that leave rows before, between and after them",
                "give fewer or shorter gaps",
            )
        # a gap lies between two of the rows that are left: every choice of places is equally likely
        after = np.sort(rng.choice(left - 1, self.count, replace=False)) + 1
        shift = self.length * np.searchsorted(after, np.arange(left), side="right")
        return taken_rows(series, np.arange(left) + shift)


@OPERATIONS.register("random_times")
@dataclass(frozen=True)
class RandomTimes(Operation):
    """Each row is kept with probability `keep`, the first one always: waiting times are geometric, for a finely sampled
    series nearly exponential (a Poisson process)."""

    keep: float = option(0.3, "share of the rows that is kept")

    def __post_init__(self) -> None:
        require_setting(0 < self.keep < 1, self, "keep", "a number between 0 and 1", "keep=0.3")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        kept = rng.random(len(series)) < self.keep
        kept[0] = True
        return taken_rows(series, np.flatnonzero(kept))


@OPERATIONS.register("jittered_times")
@dataclass(frozen=True)
class JitteredTimes(Operation):
    """Every `every`-th row in the mean, each up to `jitter` rows early or late: a clock that is not steady."""

    every: int = option(10, "mean distance of the rows that are kept")
    jitter: int = option(3, "rows by which each is early or late at most; less than half of `every`")

    def __post_init__(self) -> None:
        require_setting(self.every >= 2, self, "every", "a whole number, 2 or more", "every=10")
        require_setting(0 <= 2 * self.jitter < self.every, self, "jitter", "less than half of every", "jitter=1")

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        steady = np.arange(self.jitter, len(series) - self.jitter, self.every)
        return taken_rows(series, steady + rng.integers(-self.jitter, self.jitter + 1, len(steady)))


def pieces(series: TimeSeries, dt: float | None = None, *, least: int = 2) -> list[TimeSeries]:
    """The regular stretches of a record with gaps, each a series without stamps, at least `least` rows long.

    `dt` is the step that is regular (default: the series' own). Raises `DataError` where nothing is left.
    """
    step = series.dt if dt is None else dt
    breaks = np.flatnonzero(np.diff(series.times) > 1.5 * step) + 1
    edges = [0, *breaks.tolist(), len(series)]
    long = [(a, b) for a, b in pairwise(edges) if b - a >= max(least, series.dim)]
    if not long:
        raise DataError(
            f"no stretch of {least} rows at a step of {step:g}", "a longer stretch without a gap", "lower `least`"
        )
    return [dataclasses.replace(series[a:b], stamps=None, dt=step) for a, b in long]
