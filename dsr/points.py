"""The one check that every measure makes of its input: finite real numbers, shape (time, dim)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import DataError

LARGEST = 1e150
ROUNDING = 1e-13
CONVERT = "convert them first; of a tensor pass x.detach().cpu()"


def masked_as_nan(x: Any) -> Any:
    """`x` as it is, or, if it is a masked array, as a float64 array with NaN in place of what the mask hides."""
    return np.ma.filled(x.astype(np.float64), np.nan) if isinstance(x, np.ma.MaskedArray) else x


def real_numbers(x: Any, name: str, convert: str = CONVERT) -> np.ndarray:
    """`x` as a float64 array, NaN where it is masked; not copied where it is one.

    Raises `DataError`, with `convert` as advice, for what numpy would convert without a word (complex numbers, text,
    dates) or cannot convert.
    """
    try:
        found = np.asarray(x)
        if found.dtype.kind not in "biufO" or (found.dtype.kind == "O" and any(isinstance(v, str) for v in found.flat)):
            raise TypeError
        return np.asarray(masked_as_nan(x), dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise DataError(f"{name} that are not real numbers", "an array of real numbers", convert) from problem


def as_points(x: Any, name: str = "x", *, rows: int = 2) -> np.ndarray:
    """`x` as a float64 array (time, dim); a vector becomes one column.

    Raises `DataError` for another shape, fewer than `rows` rows, or values that are no real numbers, masked or
    not finite.
    """
    points = real_numbers(x, f"values of {name}")
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
    constant = constant_columns(points)
    if constant:
        raise DataError(
            f"column {min(constant) + 1} of {name} is {constant[min(constant)]}",
            "columns that vary in time",
            "leave that column out",
        )
    return points


def only_column(points: np.ndarray, advice: str = "call it for each column: x[:, i]") -> np.ndarray:
    """The one column (time,) of points (time, dim); raises `DataError`, with `advice`, for several."""
    if points.shape[1] != 1:
        raise DataError(f"{points.shape[1]} columns", "one column", advice)
    return points[:, 0]


def require_same_columns(true: np.ndarray, gen: np.ndarray) -> None:
    """Raise `DataError` for two trajectories (time, dim) of unequal dim."""
    if true.shape[1] != gen.shape[1]:
        got = f"{true.shape[1]} columns against {gen.shape[1]}"
        raise DataError(got, "the same columns in both", "select the same columns")


def constant_columns(points: np.ndarray) -> dict[int, str]:
    """Columns of (time, dim) without variation, each "constant", or "numerically constant" where rounding varies.

    That is a standard deviation of at most 1e-13 of the largest magnitude.
    """
    largest = np.abs(points).max(0)
    deviation = (points / np.where(largest > 0, largest, 1.0)).std(0)
    exact = points.max(0) == points.min(0)
    return {
        int(i): "constant" if exact[i] else "numerically constant (it varies by rounding only)"
        for i in np.flatnonzero(exact | (deviation <= ROUNDING))
    }


def refuse_overflow(points: np.ndarray, names: Sequence[str]) -> None:
    """Raise `DataError` for finite values in (time, dim) whose squares overflow."""
    huge = np.isfinite(points) & (np.abs(points) > LARGEST)
    if huge.any():
        row, column = np.argwhere(huge)[0]
        raise DataError(
            f"column {names[column]} holds {points[row, column]:g} (row {row}), the square of which overflows",
            f"numbers of magnitude up to {LARGEST:g}",
            "rescale the columns, for example by dividing each by its standard deviation",
        )
