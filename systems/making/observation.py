"""What of the state is seen: some of the columns, or functions of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsr.errors import DataError, SpecError, unknown
from dsr.registry import option
from dsr.series import TimeSeries

from .operation import OPERATIONS, Operation, name_of


@OPERATIONS.register("columns")
@dataclass(frozen=True)
class Columns(Operation):
    """Only some of the columns, by name, in the order given: partial observation."""

    names: tuple[str, ...] = option((), "names of the columns that are kept")

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise SpecError(f"Columns: names = {self.names!r}", "different names, one or more", 'give names=("x",)')

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        for name in self.names:
            if name not in series.names:
                raise unknown("column", name, series.names)
        kept = [series.names.index(name) for name in self.names]
        return dataclasses.replace(series, values=series.values[:, kept], names=self.names)


@OPERATIONS.register("formulas")
@dataclass(frozen=True)
class Formulas(Operation):
    """Functions of the columns written as text, such as "tanh(x) + 0.1*y**2"; see `dsr.systems.own.expression`.

    The new columns are named h1, h2, ... unless `names` says otherwise. Raises `DataError` where a formula is not
    finite on the series (a logarithm of 0), and `SpecError` where it cannot be read.
    """

    formulas: tuple[str, ...] = option((), "one formula for each new column")
    names: tuple[str, ...] | None = option(None, "names of the new columns")

    def __post_init__(self) -> None:
        if not self.formulas:
            raise SpecError("Formulas without formulas", "one or more", 'give formulas=("x**2",)')

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        from ..own.expression import parse, symbols_of
        from ..own.expression_code import field_function

        symbols = symbols_of(series.names)
        parsed = [parse(f, symbols, f"formula {i + 1}") for i, f in enumerate(self.formulas)]
        seen = np.empty((len(parsed), len(series)))
        with np.errstate(all="ignore"):
            field_function(parsed, list(symbols.values()), [])(series.values.T, seen)
        return _observed(series, seen.T, self.names, f"{self.formulas}")


@dataclass(frozen=True)
class Function(Operation):
    """A Python function of all values (time, dim), which returns (time,) or (time, columns).

    `origin` keeps the function's name only; `Formulas` is recorded whole.
    """

    function: Callable[[np.ndarray], np.ndarray]
    names: tuple[str, ...] | None = None

    def apply(self, series: TimeSeries, rng: np.random.Generator) -> TimeSeries:
        seen = np.asarray(self.function(np.array(series.values)), dtype=float)
        seen = seen[:, None] if seen.ndim == 1 else seen
        if seen.ndim != 2 or len(seen) != len(series):
            raise DataError(
                f"an observation of shape {seen.shape} of a series of {len(series)} rows",
                "(time,) or (time, columns)",
                "let the function act on all rows at once",
            )
        return _observed(series, seen, self.names, name_of(self.function))


def _observed(series: TimeSeries, seen: np.ndarray, names: tuple[str, ...] | None, what: str) -> TimeSeries:
    if not np.isfinite(seen).all():
        row = int(np.argmin(np.isfinite(seen).all(axis=1)))
        raise DataError(
            f"{what} is not finite on row {row}: {series.values[row].tolist()}",
            "functions that are finite on the whole series",
            "keep away from logarithms and roots of negative numbers",
        )
    names = names or tuple(f"h{i + 1}" for i in range(seen.shape[1]))
    return dataclasses.replace(series, values=seen, names=names)
