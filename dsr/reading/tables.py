"""Tables of named columns: what a file holds before it is judged to be a time series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError

TIME_NAMES = ("t", "time")
_WORDS = (
    r"(?i:(?:elapsed[ _]?)?times?|time[ _]?stamps?|elapsed|(?:milli)?seconds|zeit(?:en|stempel)?|temps|tiempo|tempo|tid"
    r"|tijd|czas)"
)
_UNITS = {
    "ns": "ns nsec nanosecond nanoseconds",
    "us": "us \u00b5s \u03bcs usec microsecond microseconds",
    "ms": "ms msec millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
    "weeks": "week weeks",
    "yr": "yr yrs year years",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
ITERATIONS = "iterations"  # the unit of time of a map, which counts its steps
_UNIT = rf"(?i:{'|'.join(_UNIT_OF)}|{ITERATIONS})"
# "T (K)" and "T_s" are temperatures: only a small t takes a unit, and only one of time.
_TIME = re.compile(
    rf"{_WORDS}|(?:t|{_WORDS})(?:\s*[\[(]\s*{_UNIT}\s*[\])]|\s*[ _/,]\s*{_UNIT})|{_WORDS}\s*[\[(][^\])]*[\])]"
)
_UNIT_TOLD = re.compile(rf"(?:(?:t|{_WORDS})\s*[ _/,]\s*|.*[\[(]\s*|)({_UNIT})\s*[\])]?\s*")
MISSING_CELLS = ("", "na", "n/a", "#n/a", "nan", "null", "none")
_LEAVE_OUT = "correct the cell, or name the columns to read (--columns x,y or columns=['x', 'y'])"


@dataclass(frozen=True)
class Layout:
    """What the user said about the file: keys of the wanted arrays, swapped axes, header, time column."""

    array: str | Sequence[str] | None = None
    transpose: bool = False
    header: bool | None = None
    time_column: str | int | None = None


@dataclass(frozen=True)
class Table:
    """One trajectory as stored: columns (numpy or arrow arrays, not yet numbers), their names, its label.

    `first_line` is the line of the file that holds row 0 (text files only): people look for a bad cell by
    line. `dt` and `time_unit` are what the file says of them beside its columns, None where it says nothing.
    """

    names: tuple[str, ...]
    columns: Sequence[Any]
    label: str = ""
    first_line: int | None = None
    dt: float | None = None
    time_unit: str | None = None


def time_columns(names: Sequence[str]) -> list[int]:
    """Indices of the columns named `t` or `time`; without any, of those such as "Time (s)", "t_ms", "timestamp"."""
    plain = [i for i, name in enumerate(names) if name.lower() in TIME_NAMES]
    return plain or [i for i, name in enumerate(names) if _TIME.fullmatch(name.strip())]


def unit_told(name: str) -> str | None:
    """The unit in the name of a time column, such as s of "Time (s)" and "time_s"; None without one."""
    found = _UNIT_TOLD.fullmatch(name)
    return found[1].lower() if found else None


def same_unit(one: str, other: str) -> bool:
    """Whether two units of time do not contradict each other, as s and ms do; one that is not known never does."""
    known = {_UNIT_OF.get(unit.strip().lower()) for unit in (one, other)}
    return None in known or len(known) == 1


def numbers(table: Table, index: int, file: str) -> np.ndarray:
    """Column `index` as float64, missing cells as NaN. Raises `DataError` naming column, row and text."""
    column, name = table.columns[index], table.names[index]
    if isinstance(column, np.ndarray):
        if column.dtype.kind not in "biuf":
            raise _not_numbers(file, name, f"values of type {column.dtype}")
        return column.astype(np.float64)
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        absent = pc.is_in(pc.utf8_lower(text), value_set=pa.array(MISSING_CELLS, text.type))
        column = pc.if_else(absent, pa.scalar(None, text.type), text)
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            column = pa.array(_parse_cells(column.to_pylist(), table, name, file))
    elif not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise _not_numbers(file, name, f"values of type {column.type}")
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def as_stored(table: Table, index: int, file: str) -> np.ndarray:
    """As `numbers`, but float32 where the file holds that: it tells how coarsely times are rounded."""
    column, wide = table.columns[index], numbers(table, index, file)
    kind = str(column.dtype if isinstance(column, np.ndarray) else column.type)
    return wide.astype(np.float32) if kind in ("float32", "float") else wide


def labels(column: Any) -> np.ndarray:
    """A column as it is written, for telling trajectories apart; numbers stay numbers, cells may be text."""
    return column if isinstance(column, np.ndarray) else np.array([str(v) for v in column.to_pylist()])


def first_text(column: Any) -> str:
    """The first cell of a column of text, "" where it is missing or of another type."""
    if isinstance(column, np.ndarray) or not len(column) or not isinstance(cell := column[0].as_py(), str):
        return ""
    return "" if cell.strip().lower() in MISSING_CELLS else cell.strip()


def is_number(cell: str) -> bool:
    """Whether a text is a number as Python writes them."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def place(table: Table, row: int) -> str:
    """Where a row is: its number from 0, and the line of the file."""
    return f"row {row}" + (f", line {table.first_line + row}" if table.first_line is not None else "")


def from_array(array: np.ndarray, layout: Layout, file: str, label: str = "") -> list[Table]:
    if array.dtype.names and array.ndim == 1:
        return [Table(array.dtype.names, [array[n] for n in array.dtype.names], label)]
    if array.ndim == 1:
        array = array[:, None]
    elif layout.transpose and array.ndim > 1:
        array = np.swapaxes(array, -1, -2)
    if array.ndim not in (2, 3) or array.size == 0:
        raise DataError(
            f"'{file}' holds an array of shape {array.shape}",
            "shape (time,), (time, dim) or (trajectory, time, dim) with at least one row",
            "reshape it and save it again",
        )
    stack = array[None] if array.ndim == 2 else array
    names = default_names(stack.shape[2])
    tags = [label] if array.ndim == 2 else [f"{label}[{i}]" for i in range(len(stack))]
    return [Table(names, list(one.T), tag) for one, tag in zip(stack, tags, strict=True)]


def default_names(width: int) -> tuple[str, ...]:
    """x1, x2, ...: the names of columns that have none."""
    return tuple(f"x{i + 1}" for i in range(width))


def damaged(file: str, kind: str, problem: Exception) -> DataError:
    reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return DataError(f"'{file}' cannot be read as {kind} ({reason})", "an undamaged file", "export the data again")


def _parse_cells(cells: Sequence[str | None], table: Table, name: str, file: str) -> list[float | None]:
    # Python accepts what arrow does not ("+1.5"), and finds the first cell that is no number.
    out: list[float | None] = []
    for row, cell in enumerate(cells):
        try:
            out.append(None if cell is None else float(cell))
        except ValueError:
            comma = re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", str(cell))
            raise DataError(
                f"'{file}' has the text '{cell}' in column '{name}' ({place(table, row)})",
                "numbers with a decimal point; empty, NA or NaN for a missing one",
                "write decimals with a point" if comma else _LEAVE_OUT,
            ) from None
    return out


def _not_numbers(file: str, name: str, what: str) -> DataError:
    return DataError(f"column '{name}' of '{file}' holds {what}", "real numbers", _LEAVE_OUT)
