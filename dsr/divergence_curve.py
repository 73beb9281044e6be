"""How initially close states of a trajectory part: the curve behind every exponent estimated from data alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError, SpecError
from .neighbours import nearest_neighbours
from .points import as_columns_that_vary
from .timescales import theiler_window


@dataclass(frozen=True, eq=False)
class DivergenceCurve:
    """Mean logarithmic distance of initially close states against time.

    times (steps + 1,) in units of time; log_distance (steps + 1,); saturation: mean log distance of two
    random states; theiler: window in steps; references: number of pairs.
    """

    times: np.ndarray
    log_distance: np.ndarray
    saturation: float
    theiler: int
    references: int
    radius: float = math.nan

    def slope(self, start: int, stop: float, *, base: int = 0) -> float:
        """Growth per unit of time from step `start` until `stop` of the rise from step `base` to saturation is
        reached. NaN with fewer than three points in between."""
        s = self.log_distance
        if start >= s.size:
            return math.nan
        over = s > s[base] + stop * (self.saturation - s[base])
        end = int(over.argmax()) if over.any() else s.size
        if end - start < 3:
            return math.nan
        return float(np.polyfit(self.times[start:end], s[start:end], 1)[0])


def divergence_curve(
    x: Any,
    dt: float,
    *,
    theiler: int | None = None,
    steps: int | None = None,
    references: int = 5000,
    seed: int = 0,
) -> DivergenceCurve:
    """Follow nearest neighbours for `steps` steps, by default to 75 % of the rise to saturation.

    x : (time, dim) states (embed a single observable first), scaled column by column to unit standard
        deviation.
    theiler : `theiler_window` if None. references : at most so many starting points, drawn with `seed`.
    """
    if references < 1:
        raise SpecError(f"references = {references}", "1 or more", "use the default 5000")
    points, window, followed = followed_rows(x, theiler, steps)
    rng = np.random.default_rng(seed)
    usable = len(points) - followed
    reference = np.arange(usable) if usable <= references else np.sort(rng.choice(usable, references, replace=False))
    near, _ = nearest_neighbours(points[:usable], reference, window, distinct=True)
    i, j = reference[near >= 0], near[near >= 0]
    if not i.size:
        raise DataError("no two distinct states apart in time", "a trajectory that returns", "bring a longer series")
    a, b = rng.integers(0, len(points), (2, 20_000))
    saturation = _mean_log(points[a], points[b])
    curve = [_mean_log(points[i], points[j])]
    for k in range(1, followed + 1):
        curve.append(_mean_log(points[i + k], points[j + k]))
        if steps is None and k >= 4 and curve[-1] > curve[0] + 0.75 * (saturation - curve[0]):
            break
    return DivergenceCurve(np.arange(len(curve)) * dt, np.array(curve), saturation, window, i.size)


def followed_rows(x: Any, theiler: int | None, steps: int | None) -> tuple[np.ndarray, int, int]:
    """Columns of unit standard deviation, the Theiler window, and for how many steps pairs are followed at most.

    Raises `DataError` for a series too short for that, `SpecError` for settings out of range.
    """
    points = as_columns_that_vary(x)
    points = np.ldexp(points, -np.frexp(np.abs(points).max(0))[1])  # exact, and squares do not overflow
    points = points / points.std(0)
    window = theiler_window(points) if theiler is None else theiler
    longest = len(points) // 4
    if window < 0 or (steps is not None and steps < 1):
        raise SpecError(f"theiler = {theiler}, steps = {steps}", "theiler >= 0, steps >= 1", "leave them out")
    if longest < 8 or len(points) < 4 * window or (steps is not None and steps > len(points) - 2):
        raise DataError(
            f"{len(points)} rows with a Theiler window of {window}" + (f", {steps} steps" if steps is not None else ""),
            f"at least {max(32, 4 * window, (steps or 0) + 2)} rows",
            "bring a longer series, or remove a trend that makes the autocorrelation long",
        )
    return points, window, longest if steps is None else steps


def _mean_log(a: np.ndarray, b: np.ndarray) -> float:
    distance = np.linalg.norm(a - b, axis=1)
    return float(np.log(distance[distance > 0]).mean()) if (distance > 0).any() else -math.inf
