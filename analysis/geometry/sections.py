"""Poincaré sections: where a trajectory crosses a plane, to far better than one sampling step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..block_means import error_of_mean
from ..magnitude import of_order_one

Field = Callable[[np.ndarray], np.ndarray]
HALVINGS = 60


@dataclass(frozen=True, eq=False)
class PoincareSection:
    """Crossings of the plane normal . x = offset.

    points (crossings, dim) on the plane. times (crossings,) since the first row. directions (crossings,): 1 where
    normal . x grew, -1 where it fell. measure: the mean return time.
    """

    points: np.ndarray
    times: np.ndarray
    directions: np.ndarray
    settings: Mapping[str, Any]
    measure: Measure


def poincare_section(
    x: Any,
    *,
    dt: float,
    normal: Any,
    offset: float = 0.0,
    direction: int = 1,
    field: Field | None = None,
    time_unit: str = "time units",
) -> PoincareSection:
    """Points and times at which the trajectory `x` (time, dim) crosses a plane.

    Parameters
    ----------
    normal : the number of a column (the plane is x[:, normal] = offset), or a vector (dim,).
    direction : 1 for crossings with growing normal . x, -1 with falling, 0 for both.
    field : (crossings, dim) -> (crossings, dim), the right-hand side of the differential equation in units of time.
        With it each crossing is found by one Runge-Kutta step whose independent variable is normal . x (Hénon's
        trick), with an error of dt^5; without it by cubic Hermite interpolation with slopes from five neighbouring
        rows, with an error of dt^4.

    Returns
    -------
    PoincareSection; its measure "return time" is the mean time between crossings -+ its standard error (blocks of
    successive returns, of which neighbours are correlated; NaN below four returns). NaN with a note with fewer than two
    crossings. A row exactly on the plane belongs to what follows it.

    When it misleads: noise makes a slow crossing many; a trajectory that touches the plane between two rows is not
    seen; with a field that is not that of the data the points leave the trajectory. Source: Hénon,
    doi:10.1016/0167-2789(82)90034-3.
    """
    points, exponent = of_order_one(x, rows=6)
    dim = points.shape[1]
    plane = np.eye(dim)[normal] if isinstance(normal, int | np.integer) and 0 <= normal < dim else normal
    plane = np.asarray(plane, dtype=np.float64)
    if plane.shape != (dim,) or not np.isfinite(plane).all() or not plane.any() or direction not in (-1, 0, 1):
        raise SpecError(
            f"normal of shape {plane.shape}, direction = {direction}",
            f"a column 0 .. {dim - 1} or a vector of {dim} numbers, not all zero; direction -1, 0 or 1",
            "change that setting",
        )
    if not (math.isfinite(offset) and 0 < dt < math.inf):
        raise SpecError(f"offset = {offset}, dt = {dt}", "finite numbers, dt above 0", "change that setting")
    height = points @ plane - np.ldexp(offset, -exponent)
    sign = np.where(height >= 0, 1, -1)
    before = np.flatnonzero(sign[1:] != sign[:-1])
    before = before[(direction == 0) | (sign[before + 1] == direction)]
    if field is None:
        fraction, found = _hermite(points, height, before, plane)
    else:
        fraction, found = _henon(np.ldexp(points, exponent), np.ldexp(height, exponent), before, plane, field, dt)
        found = np.ldexp(found, -exponent)
    times = dt * (before + fraction)
    settings = {
        "normal": plane.tolist(), "offset": float(offset), "direction": direction, "length": len(points),
        "method": "hermite" if field is None else "henon",
    }  # fmt: skip
    return PoincareSection(
        np.ldexp(found, exponent), times, sign[before + 1], settings, _return_time(times, time_unit, settings)
    )


def _slopes(points: np.ndarray) -> np.ndarray:
    """Derivative per row: central differences of fourth order, one-sided ones of second order at the ends."""
    slopes = np.gradient(points, axis=0, edge_order=2)
    slopes[2:-2] = (8 * (points[3:-1] - points[1:-3]) - (points[4:] - points[:-4])) / 12
    return slopes


def _hermite(
    points: np.ndarray, height: np.ndarray, before: np.ndarray, plane: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(fraction of a step, point) where the cubic through both rows is on the plane, by halving."""
    slopes = _slopes(points)
    a, b = height[before], height[before + 1]
    p, q = slopes[before] @ plane, slopes[before + 1] @ plane

    def cubic(s: np.ndarray, first: Any, last: Any, start: Any, end: Any) -> np.ndarray:
        return (
            (1 + 2 * s) * (1 - s) ** 2 * first + s**2 * (3 - 2 * s) * last + s * (1 - s) ** 2 * start
            + s**2 * (s - 1) * end
        )  # fmt: skip

    low, high = np.zeros(before.size), np.ones(before.size)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        same = (cubic(middle, a, b, p, q) >= 0) == (a >= 0)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    s = 0.5 * (low + high)
    on_plane = cubic(s[:, None], points[before], points[before + 1], slopes[before], slopes[before + 1])
    return s, on_plane


def _henon(
    points: np.ndarray, height: np.ndarray, before: np.ndarray, plane: np.ndarray, field: Field, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """(fraction of a step, point) by integrating dx / dh = f / (normal . f) from the nearer row to h = 0."""
    nearer = before + (np.abs(height[before + 1]) < np.abs(height[before]))
    start, reach = points[nearer], -height[nearer][:, None]

    def rate(state: np.ndarray) -> np.ndarray:
        slope = np.asarray(field(state), dtype=np.float64)
        speed = (slope @ plane)[:, None]
        if not (np.isfinite(slope).all() and (speed != 0).all()):
            raise DataError("a field that is not finite or runs along the plane at a crossing", "a flow through it",
                            "leave out field, or move the plane")  # fmt: skip
        return np.hstack([slope, np.ones_like(speed)]) / speed

    k1 = rate(start)
    k2 = rate(start + 0.5 * reach * k1[:, :-1])
    k3 = rate(start + 0.5 * reach * k2[:, :-1])
    k4 = rate(start + reach * k3[:, :-1])
    step = reach / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return (nearer - before) + step[:, -1] / dt, start + step[:, :-1]


def _return_time(times: np.ndarray, unit: str, settings: Mapping[str, Any]) -> Measure:
    name, returns = "return time", np.diff(times)
    settings = {**settings, "crossings": times.size}
    if not returns.size:
        note = f"{times.size} crossings of the plane"
        return Measure(name, math.nan, unit=unit, settings=settings, note=note)
    value = float(returns.mean())
    error = error_of_mean(returns)
    return Measure(name, value, value - error, value + error, unit, settings)
