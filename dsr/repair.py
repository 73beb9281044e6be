"""Repairs of user data, never applied unasked: filling gaps, resampling irregular times."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DataError
from .points import masked_as_nan

MAX_GAP = 10
CUT = (
    "cut the record there into two trajectories, told apart by a column that --trajectory-column names "
    "(trajectory_column='...')"
)


def interpolate_missing(values: Any, *, max_gap: int = MAX_GAP, times: Any = None) -> np.ndarray:
    """Values with each missing one (masked, NaN or infinite) put on the straight line between its neighbours.

    Parameters
    ----------
    values : array (time, dim) or (time,).
    max_gap : the longest run of missing rows that is filled, in rows.
    times : times of the rows where they are irregular; rows are taken as equally spaced without them.

    Returns a new float64 array. Raises `DataError` for a longer gap, or where the first or last row is
    missing: there is no neighbour, and an extrapolated value is an invention.

    Misleads when the gap is not short against the fastest oscillation: a straight line has no dynamics, so it
    lowers the power at high frequencies, adds kinks, and gives stretches on which one-step errors and
    exponents are false. Cutting the record at long gaps into several trajectories is then the honest repair.
    """
    out = np.array(masked_as_nan(values), dtype=np.float64)
    columns = out[:, None] if out.ndim == 1 else out
    at = np.arange(len(out), dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    for index, column in enumerate(columns.T):
        bad = ~np.isfinite(column)
        if not bad.any():
            continue
        start, length = _longest_run(bad)
        if bad[0] or bad[-1]:
            edge = "first" if bad[0] else "last"
            raise DataError(
                f"the {edge} value of column {index} is missing",
                "gaps that have a value on both sides",
                "cut the missing rows off at that end of the record",
            )
        if length > max_gap:
            raise DataError(
                f"column {index} has a gap of {length} rows at row {start}",
                f"gaps of at most {max_gap} rows",
                "cut the record there into two trajectories, or call "
                f"dsr.repair.interpolate_missing(values, max_gap={length}) if a straight line is right",
            )
        column[bad] = np.interp(at[bad], at[~bad], column[~bad])
    return out


def longest_gap(times: np.ndarray, dt: float | None = None) -> tuple[int, float, float]:
    """(row before it, length, rows missing in it) of the longest step of increasing times (time,), at least two.

    Rows are counted in median steps, or in steps of `dt` where that is longer.
    """
    steps = np.diff(np.asarray(times, dtype=np.float64))
    row = int(np.argmax(steps))
    return row, float(steps[row]), float(steps[row] / max(np.median(steps), dt or 0.0)) - 1


def resample(times: Any, values: Any, dt: float | None = None, *, max_gap: int = MAX_GAP) -> tuple[np.ndarray, float]:
    """Irregular samples on the regular grid times[0], times[0] + dt, ... by a cubic spline.

    `times` is (time,), `values` (time, dim) or (time,); `dt` is the median step if it is not given. Returns
    the values (time, dim) and dt. Raises `DataError` unless the times increase strictly, there are at least
    four samples, all numbers are finite, 0 < dt <= the duration, and no gap is longer than `max_gap` missing rows
    (see `longest_gap`).

    Misleads in three ways: a spline smooths noise and correlates neighbours (a filter, which lowers the noise
    level and can lower the entropy); across a gap of a few steps it already draws an arc that was
    never measured; and a `dt` above the median step skips samples without a low-pass filter, so fast oscillations
    fold to slow ones.
    """
    from scipy.interpolate import CubicSpline

    at, x = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if at.ndim != 1 or x.ndim != 2 or len(at) != len(x) or len(at) < 4:
        raise DataError(
            f"times of shape {at.shape} for values of shape {x.shape}",
            "one time for each row, and at least four rows",
            "give times (time,) and values (time, dim)",
        )
    if not (np.isfinite(at).all() and np.isfinite(x).all()):
        raise DataError(
            "times or values that are missing or infinite",
            "finite numbers",
            "repair the values first with dsr.repair.interpolate_missing(values, times=times)",
        )
    steps = np.diff(at)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        raise DataError(
            f"times that do not increase: {at[row]:g} in row {row} after {at[row - 1]:g}",
            "strictly increasing times",
            "sort the rows by time and drop repeated times; several trajectories in one file need "
            "--trajectory-column (trajectory_column='...')",
        )
    step = float(np.median(steps)) if dt is None else float(dt)
    if not 0 < step <= at[-1] - at[0]:
        raise DataError(
            f"dt = {step:g} for a record of duration {at[-1] - at[0]:g}",
            "a positive dt below the duration",
            "give dt in the unit of the times",
        )
    row, length, missing = longest_gap(at, step)
    if missing >= max_gap + 0.5:
        raise DataError(
            f"the times have a gap of {length:g} ({missing:.0f} missing rows) after row {row} (time {at[row]:g})",
            f"gaps of at most {max_gap} rows",
            f"{CUT}, or call dsr.repair.resample(times, values, max_gap={missing:.0f}) if a spline across it is right",
        )
    # The small excess keeps a last point that rounding puts just beyond the record.
    grid = at[0] + step * np.arange(int((at[-1] - at[0]) / step * (1 + 1e-12) + 1e-9) + 1)
    return CubicSpline(at, x, axis=0)(np.minimum(grid, at[-1])), step


def _longest_run(bad: np.ndarray) -> tuple[int, int]:
    """(start, length) of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    longest = int(np.argmax(lengths))
    return int(starts[longest]), int(lengths[longest])
