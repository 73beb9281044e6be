"""Columns of times: numbers as they are, dates and durations as seconds since the first row."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from ..errors import DataError
from .tables import MISSING_CELLS, Table, as_stored, first_text, is_number, place

UNIT = "s"  # of dates
_LIKE_A_DATE = re.compile(r"\d+([./-])\d+\1\d+|\d+:\d\d")
_CONVERT = (
    "write them so, in Python with table['{0}'] = pandas.to_datetime(table['{0}'], dayfirst=True), or give the step "
    "instead: --time-column none --columns ... --dt 0.01 (time_column='none', columns=[...], dt=0.01)"
)


def is_date(cell: str) -> bool:
    """Whether a text is a date in ISO 8601, with or without a time of day; 20240331 is a number."""
    return not is_number(cell.replace(",", ".")) and _moment(cell) is not None


def holds_dates(column: Any) -> bool:
    """Whether a column holds dates or durations: by its type, or by the text in its first cell."""
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "mM"
    import pyarrow.types as kinds

    if kinds.is_timestamp(column.type) or kinds.is_date(column.type) or kinds.is_duration(column.type):
        return True
    return is_date(first_text(column))


def looks_dated(column: Any) -> bool:
    """Whether the first cell of a column of text looks like a date or a time of day, in whatever format."""
    return bool(_LIKE_A_DATE.match(first_text(column)))


def elapsed(table: Table, index: int, file: str) -> np.ndarray:
    """Times (time,): column `index` as it is stored, or as seconds since the first row where it holds dates.

    Missing ones are NaN. Raises `DataError` for dates in another format than ISO 8601.
    """
    column, name = table.columns[index], table.names[index]
    if not holds_dates(column):
        text = first_text(column)
        if text and not is_number(text.replace(",", ".")):  # a decimal comma has a refusal of its own
            raise DataError(
                f"time column '{name}' of '{file}' holds '{text}' ({place(table, 0)})",
                "numbers, or dates in ISO 8601 such as 2024-03-31T01:30:00.5",
                _CONVERT.format(name),
            )
        return as_stored(table, index, file)
    if not first_text(column):
        stamps = np.asarray(column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False))
        return (stamps - np.fmin.reduce(stamps)) / np.timedelta64(1, "s")
    moments: list[datetime | None] = []
    for row, cell in enumerate(column.to_pylist()):
        missing = cell is None or cell.strip().lower() in MISSING_CELLS
        moment = None if missing else _moment(cell)
        if moment is None and not missing:
            raise DataError(
                f"time column '{name}' of '{file}' holds '{cell}' ({place(table, row)}) among dates",
                "dates in ISO 8601 such as 2024-03-31T01:30:00.5",
                "correct the cell",
            )
        moments.append(moment)
    first = moments[0]
    try:
        return np.array([(m - first).total_seconds() if m and first else np.nan for m in moments])
    except TypeError:
        raise DataError(
            f"time column '{name}' of '{file}' holds dates with an offset of the time zone and dates without",
            "an offset in every date, or in none",
            "write the dates alike, for example all in UTC: 2024-03-31T01:30:00+00:00",
        ) from None


def _moment(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
