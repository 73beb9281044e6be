"""Delay vectors of one column or of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.points import as_columns_that_vary, only_column, refuse_overflow


def delay_embed(x: Any, dimension: int, delay: int) -> np.ndarray:
    """Rows (x(t), x(t + delay), ...) of one column (time,): (time - (dimension - 1) delay, dimension).

    Source: Takens, doi:10.1007/BFb0091924.
    """
    column = one_column(x)
    length = len(column) - (dimension - 1) * delay
    if dimension < 1 or delay < 1 or length < 2:
        raise SpecError(
            f"dimension {dimension} and delay {delay} for {len(column)} rows",
            "positive numbers with (dimension - 1) * delay < rows - 1",
            "choose a smaller dimension or delay",
        )
    return np.stack([column[i * delay : i * delay + length] for i in range(dimension)], axis=1)


def delay_embed_columns(x: Any, coordinates: Sequence[tuple[int, int]]) -> np.ndarray:
    """Rows of x_column(t + delay), one for each (column, delay): (time - largest delay, coordinates).

    x : (time, dim). coordinates : column numbers from 0, and delays of 0 steps or more, in any order; [(0, 0), (0, 12),
    (2, 5)] gives x_0(t), x_0(t + 12), x_2(t + 5). Raises `SpecError` for a column that is not there, a negative delay
    or one that leaves fewer than two rows. Source: Sauer, Yorke, Casdagli, doi:10.1007/BF01053745.
    """
    points = as_columns_that_vary(x)
    rows, dim = points.shape
    length = rows - max((delay for _, delay in coordinates), default=rows)
    if length < 2 or any(not (0 <= column < dim and delay >= 0) for column, delay in coordinates):
        raise SpecError(
            f"the coordinates {list(coordinates)} of {dim} columns with {rows} rows",
            f"pairs (column, delay) with columns 0 to {dim - 1} and delays from 0 to {rows - 2}",
            "write for example [(0, 0), (0, 12)]",
        )
    return np.stack([points[delay : delay + length, column] for column, delay in coordinates], axis=1)


def one_column(x: Any) -> np.ndarray:
    """`x` as one column (time,) that varies; raises `DataError` for several."""
    points = as_columns_that_vary(x)
    column = only_column(points, "choose the column to embed: x[:, i]")
    refuse_overflow(points, ["1"])
    return column
