"""Orbits of the continuous-time AL-RNN with one tangent vector each, compiled: exact flow and Runge-Kutta form."""

from __future__ import annotations

import numpy as np

from ..orbits import LARGEST, UNIT, Orbit, checked, compiled, renormalise
from .region_loops import MOST_SEGMENTS, Weights, bernstein, parts, reach


def exact_orbit(weights: Weights) -> Orbit:
    """Orbit function (see `dsr.models.orbits`) of the exact flow over one unit of time."""

    def orbit(z: np.ndarray, v: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        start, tangent = (np.array(a, dtype=np.float64, order="C") for a in (z, v))
        lengths, gates = np.empty(MOST_SEGMENTS), np.empty((MOST_SEGMENTS, z.shape[1]))
        return compiled(exact_loop)(
            *weights, reach(weights), bernstein(), start, tangent, n, lengths, gates, compiled(renormalise), *parts()
        )

    return checked(orbit, len(weights[0]))


def exact_loop(
    A, W, h, first, reach, bernstein, start, tangent, n, lengths, gates, renormalise, trace, first_crossing, polish
):
    batch, M = start.shape
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    z, v = np.empty(M), np.empty((M, 1 if follow else 0))
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        for t in range(n):
            if follow:
                for i in range(M):
                    v[i, 0] = tangent[b, i]
            trace(A, W, h, first, reach, bernstein, z, v, 1.0, lengths, gates, first_crossing, polish)
            if follow:
                for i in range(M):
                    tangent[b, i] = v[i, 0]
            finite = True
            for i in range(M):
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


def runge_kutta_loop(A, W, h, first, substeps, start, tangent, n, renormalise):
    """`substeps` steps of the classical fourth-order scheme per unit of time, with the derivative of that scheme."""
    batch, M = start.shape
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    z, at, rate, total = np.empty(M), np.empty(M), np.empty(M), np.empty(M)
    v, along, bend, sum_v = np.empty(M), np.empty(M), np.empty(M), np.empty(M)
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        for t in range(n):
            if follow:
                for i in range(M):
                    v[i] = tangent[b, i]
            for _ in range(substeps):
                for i in range(M):
                    at[i] = z[i]
                total[:] = 0.0
                if follow:
                    for i in range(M):
                        along[i] = v[i]
                    sum_v[:] = 0.0
                for stage in range(4):
                    weight = (2.0 if stage == 1 or stage == 2 else 1.0) / (6.0 * substeps)
                    ahead = (1.0 if stage == 2 else 0.5) / substeps
                    for i in range(M):
                        s = A[i] * at[i] + h[i]
                        for j in range(M):
                            s += W[i, j] * (0.0 if j >= first and at[j] <= 0.0 else at[j])
                        rate[i] = s
                    if follow:
                        for i in range(M):
                            s = A[i] * along[i]
                            for j in range(M):
                                s += W[i, j] * (0.0 if j >= first and at[j] <= 0.0 else along[j])
                            bend[i] = s
                        for i in range(M):
                            sum_v[i] += weight * bend[i]
                            along[i] = v[i] + ahead * bend[i]
                    for i in range(M):
                        total[i] += weight * rate[i]
                        at[i] = z[i] + ahead * rate[i]
                for i in range(M):
                    z[i] += total[i]
                    if follow:
                        v[i] += sum_v[i]
            if follow:
                for i in range(M):
                    tangent[b, i] = v[i]
            finite = True
            for i in range(M):
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
