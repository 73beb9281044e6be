"""Tangent vectors from a compiled orbit loop, which follows one each: as many orbits from a state as it has vectors."""

from __future__ import annotations

import numpy as np

from ..tangent import Stretch
from .orbits import Orbit
from .states import require_tangents


def orbit_stretch(orbit: Orbit, dim: int) -> Stretch:
    """The stretch of any model with a compiled orbit of states (members, dim). States are computed once for each
    tangent vector, which costs less than leaving the loop at every step."""

    def stretch(x: np.ndarray, q: np.ndarray, steps: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        require_tangents(x, q, dim)
        members, _, k = q.shape
        growth = np.empty((rounds, members, k))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for n in range(rounds):
                states, moved, grown = orbit(np.repeat(x, k, axis=0), q.mT.reshape(members * k, dim), steps)
                x = states[::k, -1]
                moved = moved * np.exp(grown)[:, None]
                q, r = np.linalg.qr(moved.reshape(members, k, dim).mT)
                growth[n] = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)))
        return x, q, growth

    return stretch
