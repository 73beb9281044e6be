"""Tangent vectors of a piecewise-linear model: one matrix per visited region, multiplied in a compiled loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..tangent import Stretch, orthonormalise
from .orbits import Orbit, compiled
from .states import require_tangents

MOST_NUMBERS = 2**22  # in the matrices of one stretch of the orbit, if every state were in a region of its own


def region_stretch(model: Any, orbit: Orbit) -> Stretch:
    """The compiled loop of a model with `bits` and `affine`, in double precision, whose states `orbit` follows.

    The matrix of a region is made once per stretch of the orbit, however often the orbit is there.
    """

    @torch.no_grad()
    def stretch(x: np.ndarray, q: np.ndarray, steps: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        require_tangents(x, q, model.state_dim)
        members, dim, k = q.shape
        q, growth = np.array(q, dtype=np.float64, order="C"), np.empty((rounds, members, k))
        at_once = max(1, MOST_NUMBERS // (members * steps * dim * dim))
        for first in range(0, rounds, at_once):
            part = growth[first : first + at_once]
            states = orbit(x, x[:0], len(part) * steps)[0]
            visited = np.concatenate([x[:, None], states[:, :-1]], axis=1)
            region, matrices = _regions(model, visited)
            compiled(multiply)(matrices, region, q, steps, part, compiled(orthonormalise))
            x = states[:, -1]
        return x, q, growth

    return stretch


def multiply(matrices, region, q, steps, growth, orthonormalise):
    """Advance q (members, d, k) in place along the regions (members, rounds * steps); growth (rounds, members, k)."""
    members, d, k = q.shape
    moved = np.empty((d, k))
    for n in range(growth.shape[0]):
        for b in range(members):
            for t in range(n * steps, (n + 1) * steps):
                W = matrices[region[b, t]]
                for i in range(d):
                    for c in range(k):
                        moved[i, c] = 0.0
                    for j in range(d):
                        entry = W[i, j]
                        for c in range(k):
                            moved[i, c] += entry * q[b, j, c]
                for i in range(d):
                    for c in range(k):
                        q[b, i, c] = moved[i, c]
            orthonormalise(q[b], growth[n, b])


def _regions(model: Any, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the region of each state (members, time), and the matrices (regions, state, state)."""
    count = states.shape[0] * states.shape[1]
    bits = model.bits(torch.from_numpy(states.reshape(count, -1))).numpy()
    rows = np.packbits(bits, axis=1) if bits.shape[1] else np.zeros((count, 1), dtype=np.uint8)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, region = np.unique(keys, return_index=True, return_inverse=True)
    matrices = model.affine(torch.from_numpy(bits[first]))[0].numpy()
    return region.reshape(states.shape[:2]), np.ascontiguousarray(matrices)
