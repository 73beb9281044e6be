"""The compiled loop of the dendritic PLRNN; those of the other piecewise-linear families are in `orbits`."""

from __future__ import annotations

import numpy as np

from .orbits import LARGEST, UNIT


def dendritic_loop(A, W, h, alpha, H, clipped, start, tangent, n, renormalise):
    """z' = A z + W sum_b alpha_b [relu(z - H_b) - relu(z) if clipped] + h. A (M,), W (M, M), H (M, B)."""
    batch, M = start.shape
    B = alpha.shape[0]
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    phi, slope, z = np.empty(M), np.empty(M), np.empty(M)
    total = alpha.sum() if clipped else 0.0
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        for t in range(n):
            for i in range(M):
                sent, steep = 0.0, 0.0
                for k in range(B):
                    above = z[i] - H[i, k]
                    # not "max": NaN stays NaN
                    sent += 0.0 if above <= 0.0 else alpha[k] * above
                    steep += alpha[k] if above > 0.0 else 0.0
                phi[i] = sent - (0.0 if z[i] <= 0.0 else total * z[i])
                slope[i] = steep - (total if z[i] > 0.0 else 0.0)
            if follow:
                v = tangent[b]
                for i in range(M):
                    slope[i] *= v[i]
                for i in range(M):
                    moved = 0.0
                    for j in range(M):
                        moved += W[i, j] * slope[j]
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
