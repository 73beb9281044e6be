"""Points brought to the order of one, so that squares of distances neither overflow nor vanish."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.points import as_columns_that_vary
from dsr.timescales import theiler_window


def of_order_one(x: Any, name: str = "x", *, rows: int = 2) -> tuple[np.ndarray, int]:
    """`x` (time, dim) divided by a power of two, and the exponent of that power: nothing is rounded.

    Raises `DataError` for what is no trajectory, for a constant column, and for one whose variation is lost
    beside the magnitude of the largest.
    """
    points = as_columns_that_vary(x, name, rows=rows)
    exponent = int(np.frexp(np.abs(points).max())[1])
    scaled = np.ldexp(points, -exponent)
    lost = np.flatnonzero(scaled.max(0) - scaled.min(0) < 1e-140)
    if lost.size:
        raise DataError(
            f"column {lost[0] + 1} of {name} varies by less than 1e-140 of the largest number",
            "columns of comparable size",
            "divide each column by its standard deviation",
        )
    return scaled, exponent


def window_or_default(points: np.ndarray, theiler: int | None) -> int:
    """`theiler` as given, or `theiler_window` of the points (time, dim). Raises `SpecError` if negative."""
    if theiler is None:
        low, high = points.min(0), points.max(0)
        return theiler_window((points - low) / (high - low))
    if theiler < 0:
        raise SpecError(f"theiler = {theiler}", "a number of steps >= 0", "leave it out for the default")
    return theiler
