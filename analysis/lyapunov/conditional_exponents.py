"""Conditional Lyapunov exponents: how fast a model that is driven by data forgets its own state."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.tangent import tangent_method

from ..protocol import DrivenTangentMap
from .spectrum import LyapunovSpectrum, spectrum_of
from .stretching import positive_time, stretching


def conditional_exponents(
    driven_map: DrivenTangentMap,
    state: Any,
    inputs: Any,
    *,
    k: int | None = 1,
    transient: int,
    dt: float,
    members: int = 1,
    qr_every: int = 5,
    seed: int = 0,
    time_unit: str = "time units",
) -> LyapunovSpectrum:
    """The k largest exponents of a model along the data that drive it.

    All negative: the model is contractive, so that it forgets its initial state (the echo state property) and is a
    function of a finite window of the past. Where the largest of them is above an exponent of the system, memory modes
    stand in that one's place in the spectrum of the free run: read the two together.

    Parameters
    ----------
    driven_map : (x (members, d), Q (members, d, k), y (members, obs)) -> (x', Q'): state and tangent vectors after
        one step in which the data y took the place of the model's own output (`Model.driven_tangent_map()`).
    state : (d,) at the first row of `inputs`; which one does not matter for a contractive model.
    inputs : (time, obs) data, a trajectory on the attractor.
    k : number of exponents; None for all of them, as many as there are coordinates that the data do not overwrite.
        These others carry no memory and have no exponent.
    transient : steps before the averaging, in which the state comes to follow the data and the tangent vectors align.
    dt : time of one step.
    members : the data are cut into that many stretches that are followed together, each with its own transient: a
        model in Python then takes as many times less time.
    qr_every : steps between re-orthonormalisations, as in `lyapunov_spectrum`.
    seed : of the initial tangent vectors.

    Returns
    -------
    LyapunovSpectrum with standard errors from blocks of the data; NaN with `diverged` counted where the driven model
    leaves the finite numbers. The data are not repeated, so its precision ends with them.

    Raises `DataError` for inputs that are too short or not finite, `SpecError` for settings out of range.

    Source: Pecora & Carroll, doi:10.1103/PhysRevLett.64.821; Hart, arXiv:2401.00885 (which exponents a reservoir
    needs). By repeated QR, as in `lyapunov_spectrum`.
    """
    start, data = np.array(state, dtype=np.float64), np.asarray(inputs, dtype=np.float64)
    if start.ndim != 1 or data.ndim != 2 or not (np.isfinite(start).all() and np.isfinite(data).all()):
        raise DataError(
            f"a state of shape {start.shape} and inputs of shape {data.shape}",
            "one finite state (d,) and finite data (time, obs)",
            "pass model.initial_state(...)[0] and series.values",
        )
    dt = positive_time(dt)
    if not (qr_every >= 1 and transient >= 0 and members >= 1):
        raise SpecError(
            f"transient = {transient}, qr_every = {qr_every}, members = {members}",
            "transient >= 0, qr_every >= 1, members >= 1",
            "change that setting",
        )
    d, length = start.size, len(data) // members
    with np.errstate(over="ignore", invalid="ignore"):
        moved = driven_map(start[None], np.eye(d)[None], data[:1])[1][0]
    free = int((np.abs(moved) > 0).any(axis=0).sum())  # columns of overwritten coordinates vanish
    k = free if k is None else k
    if not 1 <= k <= free:
        raise SpecError(
            f"k = {k}", f"1 to {free}, the number of coordinates with a memory", "change k, or leave it out"
        )
    aligning = -(-transient // qr_every)
    rounds = length // qr_every - aligning
    if rounds < 1:
        raise DataError(
            f"{len(data)} rows of data for {members} members with {transient} steps of transient each",
            f"{members * (aligning + 1) * qr_every} rows or more",
            "bring a longer series, or fewer members",
        )
    segments = data[: members * length].reshape(members, length, -1)
    frame = np.linalg.qr(np.random.default_rng(seed).standard_normal((members, d, k)))[0]
    followed = np.repeat(start[None], members, axis=0)
    x, q, _, kept = stretching(
        lambda n, alive, x, q: driven_map(x, q, segments[alive, n]), followed, frame, qr_every, aligning
    )
    _, _, growth, _ = stretching(
        lambda n, alive, x, q: driven_map(x, q, segments[kept[alive], aligning * qr_every + n]), x, q, qr_every, rounds
    )
    settings = {
        "transient": aligning * qr_every,
        "seed": seed,
        "time_unit": time_unit,
        "driven": True,
        "method": tangent_method(driven_map),
    }
    return spectrum_of(growth, members=members, qr_every=qr_every, dt=dt, settings=settings)
