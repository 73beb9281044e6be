"""The one check that every measure makes of its input: finite numbers, shape (time, dim)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DataError


def as_points(x: Any, name: str = "x", *, rows: int = 2) -> np.ndarray:
    """`x` as a float64 array (time, dim); a vector becomes one column.

    Raises `DataError` for another shape, fewer than `rows` rows, or values that are not finite.
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or points.shape[0] < rows or points.shape[1] < 1:
        raise DataError(
            f"{name} of shape {np.shape(x)}",
            f"(time, dim) with at least {rows} rows",
            "reshape the array or bring a longer series",
        )
    if not np.isfinite(points).all():
        row = int(np.argwhere(~np.isfinite(points))[0, 0])
        raise DataError(
            f"{name} is not finite from row {row} on",
            "finite numbers",
            f"cut the series before row {row}, and report the run as diverged",
        )
    return points


def as_columns_that_vary(x: Any, name: str = "x", *, rows: int = 2) -> np.ndarray:
    """As `as_points`, and `DataError` for a constant column, which has no scale."""
    points = as_points(x, name, rows=rows)
    constant = np.flatnonzero(points.max(0) == points.min(0))
    if constant.size:
        raise DataError(
            f"column {constant[0] + 1} of {name} is constant",
            "columns that vary in time",
            "leave that column out",
        )
    return points
