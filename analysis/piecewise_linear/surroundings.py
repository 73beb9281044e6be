"""Where fixed points and cycles lie with respect to the data, and how much of the neighbourhood ends on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import as_columns_that_vary

from .periodic_orbit import PeriodicOrbit
from .protocol import PiecewiseLinearMap, as_pieces


@dataclass(frozen=True, eq=False)
class Place:
    """inside : every point lies in the bounding box of the data. outside_by : how far the farthest point lies outside
    the box, in standard deviations of the column (0 inside). nearest : root mean square distance per column, in
    standard deviations, between the orbit's point nearest to the data and the data."""

    inside: bool
    outside_by: float
    nearest: float


def against_data(orbits: Iterable[PeriodicOrbit], data: Any, *, columns: Any = None) -> tuple[Place, ...]:
    """Place of each orbit with respect to the data: one far outside has no bearing on the reconstructed dynamics.

    Parameters
    ----------
    orbits : fixed points or cycles, for instance a `PeriodicOrbits`.
    data : (time, columns), latent states of a free run, or the data where they are latent coordinates.
    columns : numbers of the states that the columns of `data` are; all if None. An AL-RNN with the identity
        observation has the standardised data in its first columns.

    Raises `DataError` for data that do not fit the orbits, are not finite or have a constant column.
    """
    from scipy.spatial import cKDTree

    seen = as_columns_that_vary(data, "data")
    with np.errstate(over="ignore", invalid="ignore"):
        scale = seen.std(0)
        low, high = seen.min(0), seen.max(0)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise DataError("data whose standard deviations overflow", "numbers below 1e150", "rescale the data")
    tree, places = cKDTree(seen / scale), []
    for orbit in orbits:
        points = orbit.points if columns is None else orbit.points[:, np.asarray(columns)]
        if points.shape[1] != seen.shape[1]:
            raise DataError(
                f"data of {seen.shape[1]} columns for orbits with {points.shape[1]}",
                "one column for each state, or the states named in columns",
                "pass columns=range(3) if the data are the first three states",
            )
        outside = float((np.maximum(np.maximum(low - points, points - high), 0.0) / scale).max())
        nearest = float(tree.query(points / scale)[0].min()) / np.sqrt(seen.shape[1])
        places.append(Place(outside == 0.0, outside, nearest))
    return tuple(places)


def basin_fraction(
    model: PiecewiseLinearMap,
    orbit: PeriodicOrbit,
    *,
    scale: float,
    starts: int = 200,
    steps: int = 5000,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Measure:
    """Share of starts near an orbit that end on it.

    Parameters
    ----------
    orbit : a fixed point or cycle of `model`. scale : standard deviation of the Gaussian kicks that its points get, in
        units of the state. Name it: the share falls from 1 to 0 as it grows.
    starts, steps : number of starts, and steps that each is followed for.
    tolerance : a start has arrived when it is this close, times 1 + |z|, to the orbit.

    Returns
    -------
    Measure "basin fraction" with Wilson's 68 % interval; the error comes from the number of starts. 0 for an unstable
    orbit. Starts that overflow count as not arrived; the note says how many.

    A slow approach (multiplier near 1) needs more steps: |multiplier| ** (steps / period) should be below `tolerance`.
    """
    pieces = as_pieces(model)
    if not (scale > 0 and np.isfinite(scale) and starts >= 1 and steps >= 1 and tolerance > 0):
        raise SpecError(
            f"scale = {scale}, starts = {starts}, steps = {steps}, tolerance = {tolerance}",
            "a positive finite scale and tolerance, starts and steps of 1 or more",
            "change that setting",
        )
    rng = np.random.default_rng(seed)
    z = orbit.points[rng.integers(orbit.period, size=starts)]
    z = z + scale * rng.standard_normal(z.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            z = pieces.step(z)
        distance = np.abs(z[:, None] - orbit.points).max(2).min(1)
    lost = int((~np.isfinite(z).all(1)).sum())
    arrived = int((distance < tolerance * (1 + np.abs(orbit.points).max())).sum())
    share, low, high = wilson(arrived, starts)
    settings = {"scale": scale, "starts": starts, "steps": steps, "tolerance": tolerance, "seed": seed}
    note = f"{lost} of {starts} starts left the finite numbers" if lost else ""
    return Measure("basin fraction", share, low, high, settings=settings, note=note)


def wilson(hits: int, trials: int) -> tuple[float, float, float]:
    """Share of hits, and Wilson's interval for one standard error; it does not collapse at 0 and 1."""
    share = hits / trials
    middle = (share + 0.5 / trials) / (1 + 1 / trials)
    half = np.sqrt(share * (1 - share) / trials + 0.25 / trials**2) / (1 + 1 / trials)
    return share, float(max(0.0, min(share, middle - half))), float(min(1.0, max(share, middle + half)))
