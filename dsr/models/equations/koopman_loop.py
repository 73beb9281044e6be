"""Compiled orbit of the Koopman autoencoder with one tangent vector; see `orbits` for what it returns."""

from __future__ import annotations

import numpy as np

from ..orbits import LARGEST, UNIT


def koopman_loop(L1, A1, a1, B1, L2, A2, a2, B2, start, tangent, n, renormalise):
    """x' = L2 y + B2 tanh(A2 y + a2) with y = L1 x + B1 tanh(A1 x + a1). L1 (M, N), B1 (M, H), L2 (N, M), B2 (N, H)."""
    batch, N = start.shape
    M, H = B1.shape
    states, growth = np.empty((batch, n, N)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    h, dh, y, dy, z = np.empty(H), np.empty(H), np.empty(M), np.empty(M), np.empty(N)
    for k in range(batch):
        for i in range(N):
            z[i] = start[k, i]
        for t in range(n):
            for j in range(H):
                total, moved = a1[j], 0.0
                for i in range(N):
                    total += A1[j, i] * z[i]
                    if follow:
                        moved += A1[j, i] * tangent[k, i]
                h[j] = np.tanh(total)
                dh[j] = (1.0 - h[j] * h[j]) * moved
            for m in range(M):
                total, moved = 0.0, 0.0
                for i in range(N):
                    total += L1[m, i] * z[i]
                    if follow:
                        moved += L1[m, i] * tangent[k, i]
                for j in range(H):
                    total += B1[m, j] * h[j]
                    moved += B1[m, j] * dh[j]
                y[m], dy[m] = total, moved
            for j in range(H):
                total, moved = a2[j], 0.0
                for m in range(M):
                    total += A2[j, m] * y[m]
                    moved += A2[j, m] * dy[m]
                h[j] = np.tanh(total)
                dh[j] = (1.0 - h[j] * h[j]) * moved
            finite = True
            for i in range(N):
                total, moved = 0.0, 0.0
                for m in range(M):
                    total += L2[i, m] * y[m]
                    moved += L2[i, m] * dy[m]
                for j in range(H):
                    total += B2[i, j] * h[j]
                    moved += B2[i, j] * dh[j]
                z[i] = total
                if follow:
                    tangent[k, i] = moved
                finite = finite and abs(total) <= LARGEST
            if not finite:
                states[k, t:] = np.nan
                if follow:
                    growth[k] = np.nan
                break
            for i in range(N):
                states[k, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[k] += renormalise(tangent[k])
    return states, tangent, growth
