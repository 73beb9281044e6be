"""Divergence of whole neighbourhoods (Kantz): the mean distance first, its logarithm after."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.divergence_curve import DivergenceCurve, followed_rows
from dsr.errors import DataError, SpecError

from ..compiled import compiled

CANDIDATES = 20_000  # rows that may be neighbours; more of a longer series would only cost memory
CHUNK = 64  # reference rows searched at once
PAIRS = 200_000
LEAST_NEIGHBOURS = 5
LEAST_REFERENCES = 20
RISE = 0.75


def kantz_curve(
    x: Any,
    dt: float,
    *,
    theiler: int | None = None,
    steps: int | None = None,
    correlation: float = 1e-3,
    references: int = 2000,
    seed: int = 0,
) -> DivergenceCurve:
    """ln of the mean distance between a state and its neighbours, averaged over states, against time.

    Parameters
    ----------
    x, dt, theiler, steps, seed : as in `divergence_curve`.
    correlation : the correlation sum C at which the radius is read: that share of all pairs are neighbours.
    references : at most so many states, drawn with `seed`.

    Returns
    -------
    DivergenceCurve with its `radius` in standard deviations. States with fewer than five neighbours more than a
    Theiler window away are left out.

    Raises `DataError` for a series too short to have such neighbours or with more coinciding pairs than `correlation`,
    `SpecError` for settings out of range.

    When it misleads: the early part rises too fast, since neighbours at the rim turn to the unstable direction, and the
    late part folds; the slope moves more with the fit window than Rosenstein's. With noise, a radius below its
    amplitude shows the noise. Source: Kantz, doi:10.1016/0375-9601(94)90991-1.
    """
    if not 0 < correlation < 1 or references < 1:
        raise SpecError(
            f"correlation = {correlation}, references = {references}",
            "correlation between 0 and 1, references >= 1",
            "use the default 1e-3 and 2000",
        )
    points, window, followed = followed_rows(x, theiler, steps)
    usable = len(points) - followed
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, usable, (2, PAIRS))
    far = np.abs(a - b) > window
    distance = np.linalg.norm(points[a[far]] - points[b[far]], axis=1)
    radius = float(np.quantile(distance, correlation)) if distance.size else 0.0
    if radius == 0.0:
        raise DataError(
            f"more than {correlation:g} of the pairs coincide",
            "a series of more distinct values, longer than two Theiler windows",
            "use a finer recording, or raise correlation",
        )
    reference = np.arange(usable) if usable <= references else np.sort(rng.choice(usable, references, replace=False))
    rows, first, near = _neighbourhoods(points, reference, usable, window, radius)
    if rows.size < LEAST_REFERENCES:
        raise DataError(
            f"{rows.size} of {reference.size} states with {LEAST_NEIGHBOURS} neighbours at C = {correlation:g}",
            f"at least {LEAST_REFERENCES} of them",
            "bring a longer series, or raise correlation",
        )
    saturation = float(np.log(distance.mean()))
    curve = compiled(follow)(points, rows, first, near, followed, saturation, RISE if steps is None else math.inf)
    return DivergenceCurve(np.arange(curve.size) * dt, curve, saturation, window, rows.size, radius)


def _neighbourhoods(
    points: np.ndarray, reference: np.ndarray, usable: int, window: int, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reference rows that have enough neighbours, and those of row i: near[first[i] : first[i + 1]]."""
    from scipy.spatial import cKDTree

    stride = -(-usable // CANDIDATES)
    tree = cKDTree(points[:usable:stride])
    rows, lists = [], []
    for start in range(0, reference.size, CHUNK):
        some = reference[start : start + CHUNK]
        for row, found in zip(some, tree.query_ball_point(points[some], radius, return_sorted=False), strict=True):
            near = np.array(found, dtype=np.int64) * stride
            near = near[np.abs(near - row) > window]
            near = near[(points[near] != points[row]).any(axis=1)]  # coinciding states have no logarithm
            if near.size >= LEAST_NEIGHBOURS:
                rows.append(row)
                lists.append(near)
    first = np.cumsum([0, *(near.size for near in lists)])
    return np.array(rows, dtype=np.int64), first, np.concatenate(lists) if lists else np.empty(0, dtype=np.int64)


def follow(points, rows, first, near, steps, saturation, rise):
    """Mean over rows of ln(mean distance to their neighbours) after 0 .. steps steps; ends where the curve has done the
    share `rise` of its way to saturation."""
    curve = np.empty(steps + 1)
    for k in range(steps + 1):
        total, count = 0.0, 0
        for r in range(rows.size):
            mean = 0.0
            for n in range(first[r], first[r + 1]):
                square = 0.0
                for c in range(points.shape[1]):
                    apart = points[rows[r] + k, c] - points[near[n] + k, c]
                    square += apart * apart
                mean += np.sqrt(square)
            if mean > 0.0:
                total += np.log(mean / (first[r + 1] - first[r]))
                count += 1
        curve[k] = total / count if count > 0 else -np.inf
        if k >= 4 and curve[k] > curve[0] + rise * (saturation - curve[0]):
            return curve[: k + 1]
    return curve
