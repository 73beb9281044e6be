"""What every exponent from a tangent map rests on: members, their tangent vectors, and how much these are stretched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.tangent import TangentSteps

from ..block_means import covariance_of_mean
from ..protocol import TangentMap

HISTORY_POINTS = 400
ROUNDING = math.log(1e-14)
Advance = Callable[[int, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Walked = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""States and orthonormal vectors of the members that stayed finite, their log stretching (rounds, stayed, k), and
their numbers (stayed,)."""


def members_from(
    x0: Any, *, k: int | None, steps: int, transient: int, qr_every: int, kick: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """States (members, d) with a random displacement each, and random orthonormal vectors (members, d, k).

    A coordinate that is a whole number in every member, as the time of a map, is not displaced.

    Raises `DataError` for states that are not finite or not (members, d), `SpecError` for settings out of range.
    """
    start, k = require_members(x0, k=k, steps=steps, transient=transient, qr_every=qr_every, kick=kick)
    members, d = start.shape
    rng = np.random.default_rng(seed)
    size = np.maximum(np.abs(start).max(0), np.finfo(float).tiny)  # squares of large numbers would overflow
    spread = np.where((start == np.round(start)).all(0), 0.0, (start / size).std(0) * size)
    start += kick * spread * rng.standard_normal(start.shape)
    return start, np.linalg.qr(rng.standard_normal((members, d, k)))[0]


def require_members(
    x0: Any, *, k: int | None, steps: int, transient: int, qr_every: int, kick: float = 0.0
) -> tuple[np.ndarray, int]:
    """The states as an array of their own and the number of exponents; raises as `members_from`."""
    start = np.array(x0, dtype=np.float64)
    if start.ndim != 2 or not start.size or not np.isfinite(start).all():
        raise DataError(f"x0 of shape {start.shape}", "finite states (members, d)", "draw x0 from the attractor")
    d = start.shape[1]
    k = d if k is None else k
    if not (1 <= k <= d and qr_every >= 1 and steps >= qr_every and transient >= 0 and kick >= 0):
        raise SpecError(
            f"k = {k}, steps = {steps}, transient = {transient}, qr_every = {qr_every}, kick = {kick}",
            f"1 <= k <= {d}, steps >= qr_every >= 1, transient >= 0, kick >= 0",
            "change that setting",
        )
    return start, k


def positive_time(dt: Any) -> float:
    """The time of one step as a float, also from a tensor of one number such as `Model.dt`.

    Raises `SpecError` for what is no positive number.
    """
    try:
        time = float(dt)
    except (TypeError, ValueError, RuntimeError):
        time = math.nan
    if not 0 < time < math.inf:
        raise SpecError(f"dt = {dt!r}", "a positive number", "give the time of one step; 1 for maps")
    return time


def walk(tangent_map: TangentMap, x: np.ndarray, q: np.ndarray, qr_every: int, rounds: int) -> Walked:
    """`rounds` times `qr_every` steps with orthonormalisation, by the compiled loop where the map brings one.

    A direction that one step annihilates has a log stretching of -inf in that round, see `_resolved`.
    """
    return _resolved(lambda every, count: _walked(tangent_map, x, q, every, count), qr_every, rounds)


def stretching(advance: Advance, x: np.ndarray, q: np.ndarray, qr_every: int, rounds: int) -> Walked:
    """The same for any step: `advance` takes the number of the step, the numbers of the members left, their states
    and tangent vectors."""
    return _resolved(lambda every, count: _stretched(advance, x, q, every, count), qr_every, rounds)


def beyond_rounding(growth: np.ndarray) -> np.ndarray:
    """Where a log stretching (..., k) is -inf, or so far below the largest of its round that rounding decides it; not
    where all of them are -inf."""
    with np.errstate(invalid="ignore"):
        return growth - growth.max(-1, keepdims=True) < ROUNDING


def _resolved(run: Callable[[int, int], Walked], qr_every: int, rounds: int) -> Walked:
    """`run(qr_every, rounds)`; where rounding decides in some round, the walk is repeated with orthonormalisation after
    every step. A member's own is then the second one, if it has a direction beyond rounding within one step (-inf
    there), or in the mean of its rounds: single rounds hardly move a mean."""
    x, q, growth, alive = walked = run(qr_every, rounds)
    if not beyond_rounding(growth).any():
        return walked
    states, frames, steps, kept = run(1, rounds * qr_every) if qr_every > 1 else walked
    _, old, new = np.intersect1d(alive, kept, return_indices=True)
    annihilated = beyond_rounding(steps[:, new])
    chosen = annihilated.any((0, 2)) | beyond_rounding(growth[:, old].mean(0)).any(1)
    if not chosen.any():
        return walked
    old, new = old[chosen], new[chosen]
    x, q, growth, steps = x.copy(), q.copy(), growth.copy(), np.where(annihilated[:, chosen], -np.inf, steps[:, new])
    x[old], q[old] = states[new], frames[new]
    growth[:, old] = steps.reshape(rounds, qr_every, *steps.shape[1:]).sum(1)
    return x, q, growth, alive


def _walked(tangent_map: TangentMap, x: np.ndarray, q: np.ndarray, qr_every: int, rounds: int) -> Walked:
    if not isinstance(tangent_map, TangentSteps) or tangent_map.stretch is None:
        return _stretched(lambda n, alive, x, q: tangent_map(x, q), x, q, qr_every, rounds)
    if not len(x) or not rounds:
        return x, q, np.empty((rounds, len(x), q.shape[2])), np.arange(len(x))
    x, q, growth = tangent_map.stretch(x, q, qr_every, rounds)
    stayed = np.flatnonzero(np.isfinite(x).all(1) & (growth < np.inf).all((0, 2)))
    return x[stayed], q[stayed], growth[:, stayed], stayed


def _stretched(advance: Advance, x: np.ndarray, q: np.ndarray, qr_every: int, rounds: int) -> Walked:
    members, _, k = q.shape
    alive = np.arange(members)
    growth = np.empty((rounds, members, k))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for n in range(rounds):
            if not alive.size:
                break
            for i in range(qr_every):
                x, q = advance(n * qr_every + i, alive, x, q)
            finite = np.isfinite(x).all(1) & np.isfinite(q).all((1, 2))
            if not finite.all():
                x, q, alive = x[finite], q[finite], alive[finite]
            q, r = np.linalg.qr(q)
            growth[n, alive] = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)))
    return x, q, growth[:, alive], alive


def averages(rates: np.ndarray, stretches: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its covariance from `stretches` blocks of each member (those that follow each other being correlated),
    running mean and its rounds; rates are (rounds, survivors, k)."""
    rounds, survivors, k = rates.shape
    if not survivors:
        return np.full(k, np.nan), np.full((k, k), np.nan), np.empty((0, k)), np.empty(0)
    length = rounds // stretches
    blocks = rates[: stretches * length].reshape(stretches, length, survivors, k).mean(1).reshape(-1, k)
    mean = rates.mean((0, 1))
    order = np.argsort(-mean)
    known = np.where(np.isfinite(mean), blocks, 0.0)[:, order]  # an exponent of -inf has no spread
    covariance = covariance_of_mean(known, stretches)
    done = np.unique(np.linspace(1, rounds, min(rounds, HISTORY_POINTS)).astype(int))
    history = rates.mean(1).cumsum(0)[done - 1] / done[:, None]
    return mean[order], covariance, history[:, order], done
