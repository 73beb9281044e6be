"""`Operation`: one change made to a recorded series, and `make`, which applies several and writes down each."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.registry import Registry
from dsr.series import TimeSeries

OPERATIONS: Registry[Operation] = Registry("operation")
OWN = 2**32 - 1  # child of a seed that only operations draw from: trajectories take the children 0, 1, ...


@dataclass(frozen=True)
class Operation(ABC):
    """A frozen dataclass: its fields are its settings, and what `origin` tells of it."""

    @abstractmethod
    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        """The changed series; `make` adds the record to its origin. Draws come from `rng` alone."""

    def record(self) -> dict[str, Any]:
        """Name and settings, as plain values."""
        settings = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"operation": type(self).__name__, **{k: _plain(v) for k, v in settings.items() if v is not None}}


def make(series: TimeSeries, operations: Sequence[Operation | Mapping[str, Any]], *, seed: int) -> TimeSeries:
    """The series after these operations, in their order.

    Parameters
    ----------
    series : the trajectory to start from.
    operations : `Operation` objects, or what a TOML file holds: {"name": "additive_noise", "snr_db": 20.0}.
    seed : each operation draws from its own child of the seed, by its place in the list: the same seed with other
        settings of one operation leaves the draws of the others as they were. None of these draws is one that
        `System.simulate` makes with the same seed.

    `origin["made"]` lists the operations with settings, seed and place. Raises `SpecError` for settings out of range
    and `DataError` for a series that an operation cannot change.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SpecError(f"seed = {seed!r}", "a whole number, 0 or more", "give for example seed=0")
    children = np.random.SeedSequence(seed, spawn_key=(OWN,)).spawn(len(operations))
    for place, (given, child) in enumerate(zip(operations, children, strict=True)):
        operation = given if isinstance(given, Operation) else _built(given)
        before = series
        series = operation.apply(before, np.random.default_rng(child))
        made = [*before.origin.get("made", []), {**operation.record(), "seed": int(seed), "place": place}]
        series = dataclasses.replace(series, origin={**series.origin, "made": made})
    return series


def _built(given: Any) -> Operation:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise SpecError(
            f"the operation {given!r}",
            "one of " + ", ".join(OPERATIONS),
            'write for example {name = "additive_noise", snr_db = 20.0}',
        )
    return OPERATIONS.build(given["name"], {k: v for k, v in given.items() if k != "name"})


def taken_rows(series: TimeSeries, rows: np.ndarray) -> TimeSeries:
    """The rows of these increasing indices, with time stamps of their own."""
    if len(rows) < 2:
        raise SpecError(f"{len(rows)} rows left of {len(series)}", "at least two", "take fewer rows out")
    times = series.times[rows]
    return dataclasses.replace(
        series,
        values=series.values[rows],
        inputs=None if series.inputs is None else series.inputs[rows],
        stamps=times,
        dt=float(np.median(np.diff(times))),
    )


def require_setting(good: bool, where: Operation, key: str, accepted: str, example: str) -> None:
    """Raise `SpecError` about one setting of an operation unless it is good."""
    if not good:
        raise SpecError(f"{type(where).__name__}: {key} = {getattr(where, key)!r}", accepted, f"give {example}")


def name_of(function: Any) -> str:
    """What a record can tell of a Python function."""
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"


def _plain(value: Any) -> Any:
    if callable(value):
        return name_of(value)
    return list(value) if isinstance(value, tuple) else value
