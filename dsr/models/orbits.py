"""Orbits of a model with one tangent vector each: compiled loops for the piecewise-linear family, and the plain loop.

An orbit function takes z (batch, state), v (batch, state) and n, and returns the next n states (batch, n, state), the
tangent vectors after them at unit length, and the logarithm by which each has grown (batch,). With v of shape
(0, state) no tangent vector is followed. An orbit ends at its first state that is not finite: rows from there on are
NaN, and so is its growth. Everything is float64.

The loops are plain Python and are compiled on first use (a second or two per process), so that importing costs
nothing. They take sums in any order, so they equal the plain loop to rounding; chaos then parts them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .states import require_states, require_steps

Orbit = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray, np.ndarray]]

UNIT = 8  # steps between normalisations of a tangent vector
# compared with instead of isfinite, which is compiled to z - z and that, with sums in any order, to 0
LARGEST = float(np.finfo(np.float64).max)


@cache
def compiled(function: Callable) -> Any:
    """The numba-compiled form of a loop. Sums may be reordered (which lets them use vector units); NaN and infinity
    keep their meaning."""
    import numba

    return numba.njit(error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz"})(function)


def checked(orbit: Orbit, dim: int) -> Orbit:
    """The same orbit function, but with `DataError` for states or tangent vectors that are not `dim` wide, and
    `SpecError` for a number of steps that is none."""

    def judged(z: np.ndarray, v: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = require_states(z, dim)
        require_steps(n)
        if v.shape != (len(v), dim) or len(v) not in (0, len(z)):
            raise DataError(
                f"tangent vectors of shape {v.shape} at {len(z)} states",
                f"({len(z)}, {dim}), or (0, {dim}) to follow none",
                f"give each state a vector of {dim} numbers",
            )
        return orbit(z, v, n)

    return judged


def compiled_orbit(loop: Callable, dim: int, *weights: Tensor | float) -> Orbit:
    """The orbit function of one model with states (batch, dim): `loop` with its weights bound."""
    arrays = [np.ascontiguousarray(w.detach().numpy()) if isinstance(w, Tensor) else w for w in weights]

    def orbit(z: np.ndarray, v: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        start, tangent = (np.array(a, dtype=np.float64, order="C") for a in (z, v))
        return compiled(loop)(*arrays, start, tangent, n, compiled(renormalise))

    return checked(orbit, dim)


def plain_orbit(step: Callable[[Tensor], Tensor], jvp: Callable[[Tensor, Tensor], Tensor]) -> Orbit:
    """The orbit function of any model; stops early only when every orbit has left the finite numbers."""

    @torch.no_grad()
    def orbit(z: np.ndarray, v: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        now, tangent = torch.tensor(z, dtype=torch.float64), torch.tensor(v, dtype=torch.float64)
        states = torch.full((n, *now.shape), torch.nan, dtype=torch.float64)
        growth = torch.zeros(len(tangent), dtype=torch.float64)
        for t in range(n):
            if len(tangent):
                tangent = jvp(now, tangent[..., None])[..., 0]
            now = step(now)
            states[t] = now
            if (t + 1) % UNIT == 0 or t == n - 1:
                norm = torch.linalg.vector_norm(tangent, dim=1)
                growth += norm.log()
                tangent = tangent / torch.where(norm > 0, norm, 1.0)[:, None]
                if not torch.isfinite(now).all(dim=-1).any():
                    break
        finite = torch.isfinite(states).all(dim=-1).cummin(0).values
        states[~finite] = torch.nan
        if len(tangent):
            growth[~finite[-1]] = torch.nan
        return states.transpose(0, 1).contiguous().numpy(), tangent.numpy(), growth.numpy()

    return orbit


def alrnn_loop(A, W, h, first, start, tangent, n, renormalise):
    """z' = A z + W phi(z) + h; units from `first` on are rectified. A (M,), W (M, M), h (M,)."""
    batch, M = start.shape
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    phi, dphi, z = np.empty(M), np.empty(M), np.empty(M)
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        for t in range(n):
            for i in range(M):
                phi[i] = 0.0 if i >= first and z[i] <= 0.0 else z[i]
            if follow:
                v = tangent[b]
                for i in range(M):
                    dphi[i] = 0.0 if i >= first and z[i] <= 0.0 else v[i]
                for i in range(M):
                    moved = 0.0
                    for j in range(M):
                        moved += W[i, j] * dphi[j]
                    v[i] = A[i] * v[i] + moved
            finite = True
            for i in range(M):
                moved = 0.0
                for j in range(M):
                    moved += W[i, j] * phi[j]
                z[i] = A[i] * z[i] + moved + h[i]
                finite = finite and abs(z[i]) <= LARGEST
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(M):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += renormalise(tangent[b])
    return states, tangent, growth


def shallow_loop(A, W1, W2T, h1, h2, clipped, start, tangent, n, renormalise):
    """z' = A z + W1 [relu(u + h2) - relu(u) if clipped] + h1, u = W2 z. W1 (M, L), W2T (M, L) the transpose of W2."""
    batch, M = start.shape
    L = h2.shape[0]
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    u, du, z = np.empty(L), np.empty(L), np.empty(M)
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        for t in range(n):
            u[:] = 0.0
            for m in range(M):
                for k in range(L):
                    u[k] += W2T[m, k] * z[m]
            if follow:
                v = tangent[b]
                du[:] = 0.0
                for m in range(M):
                    for k in range(L):
                        du[k] += W2T[m, k] * v[m]
                for k in range(L):
                    on = 1.0 if u[k] + h2[k] > 0.0 else 0.0
                    du[k] *= on - (1.0 if clipped and u[k] > 0.0 else 0.0)
                for m in range(M):
                    moved = 0.0
                    for k in range(L):
                        moved += W1[m, k] * du[k]
                    v[m] = A[m] * v[m] + moved
            for k in range(L):
                # not "max": NaN stays NaN
                on = 0.0 if u[k] + h2[k] <= 0.0 else u[k] + h2[k]
                u[k] = on - (0.0 if not clipped or u[k] <= 0.0 else u[k])
            finite = True
            for m in range(M):
                moved = 0.0
                for k in range(L):
                    moved += W1[m, k] * u[k]
                z[m] = A[m] * z[m] + moved + h1[m]
                finite = finite and abs(z[m]) <= LARGEST
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(M):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += renormalise(tangent[b])
    return states, tangent, growth


def renormalise(v):
    """Scale v (M,) to unit length in place; the logarithm of its length."""
    square = 0.0
    for i in range(v.shape[0]):
        square += v[i] * v[i]
    norm = np.sqrt(square)
    if norm > 0.0:
        for i in range(v.shape[0]):
            v[i] /= norm
    return np.log(norm)
