"""Is a time column regular, and what is its step? Judged to the precision in which the times were written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TOLERANCE = 1e-6


def resolution(times: np.ndarray, step: float) -> float:
    """The unit in which times were rounded: one of the last decimal written, or the floating point spacing.

    A decimal counts only if it is finer than half a step: whole numbers 0, 1, 3, 4 are irregular times, not
    rounded ones. `times` keeps the dtype of the file: float32 times far from zero are coarse.
    """
    wide = times.astype(np.float64)
    largest = np.abs(wide).max()
    spacing = float(np.spacing(np.float32(largest) if times.dtype == np.float32 else largest))
    for decimals in range(13):
        if 10.0**-decimals <= 0.5 * step and (np.abs(np.round(wide, decimals) - wide) <= 2 * spacing).all():
            return max(10.0**-decimals, spacing)
    return spacing


def explains(times: np.ndarray, step: float) -> bool:
    """Whether times at multiples of `step`, rounded as these were, would read so."""
    wide = times.astype(np.float64) - float(times[0])
    return bool(np.ptp(wide - step * np.arange(len(times))) <= _allowed(times, step))


def _allowed(times: np.ndarray, step: float) -> float:
    return resolution(times, step) * (1 + 1e-9) + 2 * TOLERANCE * step


def regular_step(times: np.ndarray) -> tuple[float, float]:
    """(dt, irregularity): the step of the best line through the times, and how far they scatter around it.

    The irregularity is in units of dt and is 0 where the scatter is explained by rounding and a relative
    tolerance of 1e-6. Needs at least two strictly increasing times.
    """
    rows = np.arange(len(times), dtype=np.float64)
    wide = times.astype(np.float64) - float(times[0])
    centred = rows - rows.mean()
    step = float(centred @ (wide - wide.mean()) / (centred @ centred))
    scatter = float(np.ptp(wide - step * rows))
    unit = resolution(times, step)
    if unit < scatter <= unit * (1 + 2 / np.sqrt(len(times))):
        scatter = _least_scatter(wide, rows, step, scatter)
    return float(f"{step:.12g}"), 0.0 if scatter <= _allowed(times, step) else scatter / step


def is_monotone(parts: Sequence[np.ndarray]) -> bool:
    """Whether a column, in the trajectories (time,) of a file, rises from each row to the next, or falls, over ten rows
    or more: as clocks and counters do, and no trajectory on an attractor."""
    steps = np.concatenate([np.diff(part[np.isfinite(part)]) for part in parts])
    return len(steps) >= 9 and bool((steps > 0).all() or (steps < 0).all())


def _least_scatter(wide: np.ndarray, rows: np.ndarray, step: float, scatter: float) -> float:
    """The scatter around the line that makes it least: rounded times lie within one unit of that line."""
    low, high = step - scatter / rows[-1], step + scatter / rows[-1]
    for _ in range(60):  # thirds of an interval that holds the minimum: the scatter is convex in the slope
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if np.ptp(wide - a * rows) <= np.ptp(wide - b * rows):
            high = b
        else:
            low = a
    return float(np.ptp(wide - low * rows))
