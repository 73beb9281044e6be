"""Unstable periodic orbits of models trained on flows: hundreds of steps long, found from close returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError

from .chains import paired
from .close_returns import close_returns
from .cycle_equations import closed, region_maps
from .cycles import confirmed
from .gates import find_gates
from .periodic_orbit import PeriodicOrbit, PeriodicOrbits
from .protocol import Pieces, PiecewiseLinearMap, as_pieces
from .regions import checked_states
from .words import primitive_root

BATCH_BYTES = 1 << 26
DAMPINGS = (1.0, 0.5, 0.25, 0.1, 0.03)


def orbits_from_returns(
    model: PiecewiseLinearMap,
    states: Any,
    *,
    shortest: int,
    longest: int,
    seeds: int = 200,
    every: int = 5,
    iterations: int = 40,
    neighbours: int = 1,
) -> PeriodicOrbits:
    """Cycles of a piecewise-linear map near a long trajectory, by multiple shooting from its close returns.

    Each close return of k steps gives k points that nearly close. Newton's method on all of them at once solves the
    linear cycle of the regions that the points are in; the step is shortened as long as it widens the gaps between the
    image of a point and the next point. Where the regions repeat themselves the cycle is exact. Seeds of equal length
    are solved together.

    Parameters
    ----------
    model : see `PiecewiseLinearMap`. states : (time, M), latent states of a free run on the attractor.
    shortest, longest : range of periods in steps. For a flow, from about the mean return time to a few of them.
    seeds : close returns that are tried; every : steps between the starts that are looked at.
    iterations : most Newton steps per seed.
    neighbours : a return after k steps is tried with k - neighbours ... k + neighbours steps too.

    Returns
    -------
    PeriodicOrbits with period 0 (each orbit has its own), never complete. `saturation` counts the distinct orbits
    after each group of seeds. `orbit.floquet_exponents(dt)` gives rates.

    The step of a model samples a flow at dt, and the period of a flow's orbit is no multiple of dt. A cycle of the MAP
    exists only where the model locks to the step, or returns after several turns: most seeds lead nowhere, and the
    orbits found are a selection, not the shortest ones.

    Raises `DataError` for states that are not finite, too few, or not those of the model, `SpecError` for a range of
    periods that makes no sense.

    Source: close returns: Auerbach et al., doi:10.1103/PhysRevLett.58.2387.
    """
    pieces = as_pieces(model)
    seen = checked_states(states, pieces)
    if not (1 <= shortest <= longest and seeds >= 1 and every >= 1 and iterations >= 1 and neighbours >= 0):
        raise SpecError(
            f"shortest = {shortest}, longest = {longest}, seeds = {seeds}, every = {every}, iterations = {iterations}",
            "1 <= shortest <= longest, seeds, every and iterations of 1 or more",
            "change that setting",
        )
    if seen is None or len(seen) < longest + 3:
        raise DataError(
            f"{0 if seen is None else len(seen)} states",
            f"more than longest + 2 = {longest + 2}",
            "run the model longer",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        scale = seen.std(0)
    if not np.isfinite(scale).all() or (scale == 0).all():
        raise DataError("states that do not move or overflow", "a run on the attractor", "run the model longer")
    returns = close_returns(seen / np.where(scale > 0, scale, 1.0), shortest, longest, every=every, most=seeds)
    starts = np.concatenate([returns + np.array([0, shift]) for shift in range(-neighbours, neighbours + 1)])
    starts = starts[(starts[:, 1] >= 1) & (starts.sum(1) <= len(seen))]
    gates, saturation, solved = find_gates(pieces), [], 0
    known: dict[bytes, PeriodicOrbit] = {}
    for period in np.unique(starts[:, 1]):
        chosen = starts[starts[:, 1] == period, 0]
        at_once = max(1, BATCH_BYTES // (8 * int(period) * pieces.states**2))
        for i in range(0, len(chosen), at_once):
            points = seen[chosen[i : i + at_once, None] + np.arange(period)]
            words, tries = _shoot(pieces, points, iterations)
            solved += tries
            for orbit in confirmed(pieces, gates, [primitive_root(word) for word in words])[0]:
                known.setdefault(orbit.bits.tobytes(), orbit)
        saturation.append(len(known))
    settings = {
        "states": len(seen), "shortest": shortest, "longest": longest, "seeds": seeds, "every": every,
        "iterations": iterations, "neighbours": neighbours,
    }  # fmt: skip
    orbits = tuple(sorted(known.values(), key=lambda orbit: (orbit.period, orbit.bits.tobytes())))
    return PeriodicOrbits(
        orbits, 0, "close returns", False, solved, -1, settings, saturation=np.array(saturation, np.int64)
    )


def _shoot(pieces: Pieces, points: np.ndarray, iterations: int) -> tuple[list[np.ndarray], int]:
    """Words (k, gates) that repeat themselves, from points (n, k, M), and the number of equations solved."""
    found: list[np.ndarray] = []
    solved = 0
    period, states = points.shape[1:]
    gap = _gaps(pieces, points)
    for _ in range(iterations):
        bits = pieces.bits(points.reshape(-1, states)).reshape(len(points), period, -1)
        target, single = closed_chains(pieces, bits)
        solved += len(points)
        after = np.zeros(bits.shape, bool)
        after[single] = pieces.bits(target[single].reshape(-1, states)).reshape(-1, *bits.shape[1:])
        closed = single & (after == bits).all((1, 2))
        found += list(bits[closed])
        going = np.flatnonzero(single & ~closed)
        points, target, gap = points[going], target[going], gap[going]
        if not len(points):
            break
        waiting, moved, smaller = np.arange(len(points)), points.copy(), gap.copy()
        for damping in DAMPINGS:
            trial = points[waiting] + damping * (target[waiting] - points[waiting])
            size = _gaps(pieces, trial)
            better = size < gap[waiting]
            moved[waiting[better]], smaller[waiting[better]] = trial[better], size[better]
            waiting = waiting[~better]
            if not len(waiting):
                break
        kept = np.setdiff1d(np.arange(len(points)), waiting)  # those that no damping helps are given up
        points, gap = moved[kept], smaller[kept]
        if not len(points):
            break
    return found, solved


def _gaps(pieces: Pieces, points: np.ndarray) -> np.ndarray:
    """Root of the summed squares of all gaps of each closed chain (n, k, M) of points."""
    ahead = pieces.step(points.reshape(-1, points.shape[2])).reshape(points.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(((ahead - np.roll(points, -1, axis=1)) ** 2).sum((1, 2)))


def closed_chains(pieces: Pieces, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `solve_words`, for long words: the chain is condensed pair by pair, in log2(period) rounds of products."""
    maps, offsets, index = region_maps(pieces, bits)
    with np.errstate(over="ignore", invalid="ignore"):
        A, c = maps[index], offsets[index]
        while A.shape[1] > 1:
            A, c = paired(A, c)
        closing = np.eye(pieces.states) - A[:, 0]
        single = np.isfinite(closing).all((1, 2)) & np.isfinite(c[:, 0]).all(1)
        single[single] &= np.linalg.cond(closing[single]) < 1e13
        z = np.zeros((len(index), pieces.states))
        z[single] = np.linalg.solve(closing[single], c[single, 0, :, None])[..., 0]
        return closed(maps, offsets, index, z, single)
