"""The tangent map of an ensemble: every member moves under a system of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.tangent import TangentSteps, orthonormalise

from .base import System
from .integration.integrate import compiled


def ensemble_tangent_map(systems: Sequence[System], dt: float | None = None) -> TangentSteps:
    """The map (x (batch, dim), Q (batch, dim, k)) -> (x', Q') that moves member b by one step dt of systems[b].

    A member that leaves the finite numbers is NaN from there on, and keeps its place, so that rows stay matched to
    systems; of the call in which it left, all its logarithms of stretching are NaN. Nothing is raised for it. A member
    that moves alone moves the same way, bit for bit.

    Raises `SpecError` for other numbers of states than systems. Take `stretch` for exponents: it runs each member's
    compiled loop once, where the stepwise call costs 20 microseconds per member and step.
    """
    if not len(systems):
        raise SpecError("a tangent map of no systems", "one system per member", "give for example [system]")
    maps = [system.tangent_map(dt) for system in systems]

    def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, Q = _matched(x, Q, len(maps))
        for b, step in enumerate(maps):
            x[b], Q[b] = _advanced(step, x[b], Q[b])
        return x, Q

    def stretch(x: np.ndarray, Q: np.ndarray, steps: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, Q = _matched(x, Q, len(maps))
        growth = np.full((rounds, len(maps), Q.shape[2]), np.nan)
        for b, step in enumerate(maps):
            x[b], Q[b] = _stretched(step, x[b], Q[b], steps, growth[:, b])
        return x, Q, growth

    return TangentSteps(advance, maps[0].method, stretch)


def _matched(x: np.ndarray, Q: np.ndarray, members: int) -> tuple[np.ndarray, np.ndarray]:
    x, Q = np.array(x, dtype=float), np.array(Q, dtype=float)
    if len(x) != members or len(Q) != members:
        raise SpecError(
            f"{len(x)} states and {len(Q)} tangents for {members} systems",
            "one of each per system",
            "give one start per system, and keep the rows of members that failed",
        )
    return x, Q


def _advanced(step: TangentSteps, x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One member, x (dim,) and Q (dim, k), one step on; NaN where it is not finite."""
    if np.isfinite(x).all():
        try:
            moved, turned = step(x[None], Q[None])
            return moved[0], turned[0]
        except DataError:
            pass
    return np.full_like(x, np.nan), np.full_like(Q, np.nan)


def _stretched(
    step: TangentSteps, x: np.ndarray, Q: np.ndarray, steps: int, growth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One member as far as growth (rounds, k) is long, which is filled unless the member leaves the finite numbers."""
    if step.stretch is None:
        found = np.full_like(growth, np.nan)
        for line in found:
            for _ in range(steps):
                x, Q = _advanced(step, x, Q)
            Q = np.ascontiguousarray(Q)
            compiled(orthonormalise)(Q, line)
    elif np.isfinite(x).all():
        try:
            moved, turned, found = step.stretch(x[None], Q[None], steps, len(growth))
            x, Q, found = moved[0], turned[0], found[:, 0]
        except DataError:
            x = np.full_like(x, np.nan)
    if np.isfinite(x).all():
        growth[:] = found
        return x, Q
    return np.full_like(x, np.nan), np.full_like(Q, np.nan)
