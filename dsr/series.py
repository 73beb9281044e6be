"""`TimeSeries`: values on a regular time grid with their provenance; the type every other room receives."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .errors import DataError, SpecError
from .points import CONVERT, constant_columns, real_numbers, refuse_overflow

SAME_STEP = 1e-6  # relative difference of two time steps that are one and the same
MOST_OFF = 10  # factor between the median step of time stamps and dt
DATES = "give times in the unit of dt: for dates (dates - dates[0]) / np.timedelta64(1, 's')"


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One trajectory sampled at a constant step.

    Attributes
    ----------
    values : float64 array (time, dim), finite, read-only.
    dt : time between two rows, in `time_unit`; 1 per iteration for discrete maps.
    time_unit : the unit of `dt` ("time units", "s", "iterations").
    names : one name per column; those of a data frame, or x1, x2, ..., if none are given.
    origin : where the values come from: system, parameters and seed, or file and sha256.
    inputs : float64 array (time, inputs) of external inputs that act on the system, None without.
    stamps : increasing times (time,) of the rows where they are not regular, None where they are, as numbers in the
        unit of `dt`, which is then the typical step. Only training of models in continuous time accepts such a series.

    Several trajectories are a list of `TimeSeries`. Nothing is guessed: axis order is (time, dim), and a
    series that is longer in dim than in time is refused. Missing and masked values are refused; `interpolate_missing`
    (in `dsr.repair`) repairs them, and `resample` there puts irregular samples on a regular grid.
    """

    values: np.ndarray
    dt: float
    time_unit: str = "time units"
    names: tuple[str, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    inputs: np.ndarray | None = None
    stamps: np.ndarray | None = None

    def __post_init__(self) -> None:
        values = _as_matrix(self.values)
        dt = positive_step(self.dt)
        for name, extra, advice in (("inputs", self.inputs, CONVERT), ("stamps", self.stamps, DATES)):
            if extra is not None:
                numbers = np.array(real_numbers(extra, name, advice))
                object.__setattr__(self, name, _beside(numbers, name, len(values)))
        if self.stamps is not None:
            _require_step(self.stamps, dt)
        names = tuple(self.names) or _column_names(self.values) or tuple(f"x{i + 1}" for i in range(values.shape[1]))
        if len(names) != values.shape[1]:
            raise DataError(
                f"{len(names)} names for {values.shape[1]} columns",
                "one name per column",
                "give names of that number",
            )
        repeated = [name for i, name in enumerate(names) if name in names[:i]]
        if repeated:
            raise DataError(
                f"the column name '{repeated[0]}' twice", "a different name for each column", "rename one of them"
            )
        _refuse_missing(values, names)
        values.setflags(write=False)
        for key, value in (("values", values), ("dt", dt), ("names", names), ("origin", dict(self.origin))):
            object.__setattr__(self, key, value)

    @property
    def dim(self) -> int:
        return self.values.shape[1]

    @property
    def duration(self) -> float:
        """Time from the first to the last row."""
        return (len(self) - 1) * self.dt

    @property
    def times(self) -> np.ndarray:
        """Times of the rows; starting at 0 unless they have stamps of their own."""
        return np.arange(len(self)) * self.dt if self.stamps is None else self.stamps

    def __array__(self, *_: object, **__: object) -> NoReturn:
        raise DataError("a TimeSeries", "an array of states (time, dim)", "pass its values: series.values")

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, rows: slice) -> TimeSeries:
        """A stretch of consecutive rows: `series[1000:2000]`."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise DataError(f"the index {rows!r}", "a slice of consecutive rows", "write series[a:b]")
        start, stop, _ = rows.indices(len(self))
        if stop <= start:
            raise DataError(
                f"the rows {start}:{stop} of {len(self)}", "at least one row", "write series[a:b] with a < b"
            )
        before = self.origin.get("rows", [0])[0]
        # A stretch of an accepted series needs no second look: one of two rows has no wrong axis order.
        part = copy.copy(self)
        for name in ("values", "inputs", "stamps"):
            whole = getattr(self, name)
            object.__setattr__(part, name, None if whole is None else whole[start:stop])
        object.__setattr__(part, "origin", {**self.origin, "rows": [before + start, before + stop]})
        return part

    def split(self, train: float, validation: float) -> tuple[TimeSeries, TimeSeries, TimeSeries]:
        """Train, validation and test stretches in order of time; the test stretch is what is left.

        Raises `DataError` unless both fractions are positive and leave at least two rows for each stretch, and
        `SpecError` for what is no finite number.
        """
        for name, value in (("train", train), ("validation", validation)):
            if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
                raise SpecError(f"{name} = {value!r}", "a fraction between 0 and 1", "call split(0.7, 0.1)")
        a = round(len(self) * train)
        b = a + round(len(self) * validation)
        if not (train > 0 and validation > 0 and a >= 2 and b - a >= 2 and len(self) - b >= 2):
            raise DataError(
                f"a split of {len(self)} rows into {train:g} train and {validation:g} validation",
                "two positive fractions with a sum below 1 that leave at least two rows each",
                "call split(0.7, 0.1), or bring a longer series",
            )
        return self[:a], self[a:b], self[b:]

    def require_variation(self) -> None:
        """Raise `DataError` for a column that cannot be standardised: constant, or of squares that overflow."""
        refuse_overflow(self.values, self.names)
        constant = constant_columns(self.values)
        if constant:
            raise DataError(
                "; ".join(f"column {self.names[i]} is {kind}" for i, kind in constant.items()),
                "columns that vary in time",
                "leave it out by naming the other columns (--columns, or columns=[...])",
            )

    def require_regular(self, what: str) -> None:
        """Raise `DataError` if the rows have time stamps of their own, which `what` cannot use."""
        if self.stamps is not None:
            raise DataError(
                f"irregular time stamps for {what}",
                "rows at a constant step",
                "put them on a regular grid first (dsr.repair.resample)",
            )

    @classmethod
    def load(cls, path: str | Path, **how: Any) -> TimeSeries:
        """The one trajectory in a file; see `dsr.reading.load_trajectories` for formats and keywords.

        Raises `DataError` when the file holds several trajectories.
        """
        from .reading import load_trajectories

        found = load_trajectories(path, **how)
        if len(found) > 1:
            raise DataError(
                f"'{path}' holds {len(found)} trajectories",
                "one trajectory",
                "call dsr.reading.load_trajectories, which returns the list",
            )
        return found[0]


def _column_names(values: Any) -> tuple[str, ...]:
    """The names of the columns of a data frame if all are text."""
    columns = tuple(getattr(values, "columns", ()))
    return columns if all(isinstance(name, str) for name in columns) else ()


def _as_matrix(values: Any) -> np.ndarray:
    array = np.array(real_numbers(values, "values"), order="C")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"an array of shape {array.shape}", "(time, dim) with at least one row", "reshape the array")
    if array.shape[1] > array.shape[0]:
        raise DataError(
            f"{array.shape[1]} columns and only {array.shape[0]} rows",
            "time along the rows: shape (time, dim), with more rows than columns",
            "transpose it (values.T; for a file --transpose, transpose=True) or bring a longer series",
        )
    return array


def _beside(extra: np.ndarray, name: str, rows: int) -> np.ndarray:
    """External inputs as (time, inputs), or increasing time stamps (time,), checked."""
    if name == "inputs" and extra.ndim == 1:
        extra = extra[:, None]
    shape = (rows, extra.shape[1]) if name == "inputs" and extra.ndim == 2 else (rows,)
    if extra.shape != shape or not np.isfinite(extra).all() or (name == "stamps" and (np.diff(extra) <= 0).any()):
        raise DataError(
            f"{name} of shape {extra.shape} for {rows} rows",
            "finite inputs, one row each" if name == "inputs" else "finite, increasing times, one per row",
            f"give {name} beside every row of the values",
        )
    extra.setflags(write=False)
    return extra


def same_step(dt: float, other: float) -> bool:
    """Whether two time steps are the same but for rounding."""
    return math.isclose(dt, other, rel_tol=SAME_STEP)


def _require_step(stamps: np.ndarray, dt: float) -> None:
    """Raise `DataError` for stamps in another unit than dt."""
    step = float(np.median(np.diff(stamps))) if len(stamps) > 1 else dt
    if not dt / MOST_OFF <= step <= dt * MOST_OFF:
        raise DataError(
            f"stamps with a median step of {step:g} beside dt = {dt:g}",
            f"stamps in the unit of dt, which is their typical step: at most {MOST_OFF} times off",
            "give dt as the median step of the stamps, or change the unit of one of them",
        )


def positive_step(dt: Any) -> float:
    """`dt` as a float. Raises `DataError` unless it is a positive, finite number."""
    if (
        isinstance(dt, bool)
        or not isinstance(dt, int | float | np.integer | np.floating)
        or not math.isfinite(dt)
        or dt <= 0
    ):
        raise DataError(f"dt = {dt!r}", "a positive number", "give the time between two rows, for example dt=0.01")
    return float(dt)


def _refuse_missing(values: np.ndarray, names: Sequence[str]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{int(bad.sum())} values are missing or infinite (first in column {names[column]}, row {row})",
            "finite numbers only",
            "repair with --missing interpolate, or dsr.repair.interpolate_missing(values)",
        )
