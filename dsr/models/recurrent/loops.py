"""Compiled orbits of the LSTM and the GRU with one tangent vector each; see `orbits` for what they return."""

from __future__ import annotations

import numpy as np

from ..orbits import LARGEST, UNIT


def lstm_loop(V, W, b, G, a, start, tangent, n, renormalise):
    """State (x, h, c). V (4H, N), W (4H, H), b (4H,), head G (N, H) and a (N,)."""
    batch, size = start.shape
    N, H = G.shape
    states, growth = np.empty((batch, n, size)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    u, du, z = np.empty(4 * H), np.empty(4 * H), np.empty(size)
    for k in range(batch):
        for i in range(size):
            z[i] = start[k, i]
        for t in range(n):
            for j in range(4 * H):
                total = b[j]
                for i in range(N):
                    total += V[j, i] * z[i]
                for i in range(H):
                    total += W[j, i] * z[N + i]
                u[j] = np.tanh(total) if 2 * H <= j < 3 * H else 0.5 + 0.5 * np.tanh(0.5 * total)
            if follow:
                v = tangent[k]
                for j in range(4 * H):
                    total = 0.0
                    for i in range(N):
                        total += V[j, i] * v[i]
                    for i in range(H):
                        total += W[j, i] * v[N + i]
                    du[j] = total * (1.0 - u[j] * u[j] if 2 * H <= j < 3 * H else u[j] * (1.0 - u[j]))
            for i in range(H):
                c = z[N + H + i]
                new = u[H + i] * c + u[i] * u[2 * H + i]
                shown = np.tanh(new)
                if follow:
                    dc = du[H + i] * c + u[H + i] * v[N + H + i] + du[i] * u[2 * H + i] + u[i] * du[2 * H + i]
                    v[N + H + i] = dc
                    v[N + i] = du[3 * H + i] * shown + u[3 * H + i] * (1.0 - shown * shown) * dc
                z[N + H + i], z[N + i] = new, u[3 * H + i] * shown
            finite = True
            for j in range(N):
                total, moved = a[j], 0.0
                for i in range(H):
                    total += G[j, i] * z[N + i]
                if follow:
                    for i in range(H):
                        moved += G[j, i] * v[N + i]
                    v[j] += moved
                z[j] += total
                finite = finite and abs(z[j]) <= LARGEST
            if not finite:
                states[k, t:] = np.nan
                if follow:
                    growth[k] = np.nan
                break
            for i in range(size):
                states[k, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[k] += renormalise(v)
    return states, tangent, growth


def gru_loop(V, W, b, d, G, a, start, tangent, n, renormalise):
    """State (x, h). V (3H, N), W (3H, H), b (3H,), d (H,), head G (N, H) and a (N,)."""
    batch, size = start.shape
    N, H = G.shape
    states, growth = np.empty((batch, n, size)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    u, w, du, dw, z = np.empty(3 * H), np.empty(3 * H), np.empty(3 * H), np.empty(3 * H), np.empty(size)
    for k in range(batch):
        for i in range(size):
            z[i] = start[k, i]
        for t in range(n):
            for j in range(3 * H):
                total, recurrent = b[j], 0.0
                for i in range(N):
                    total += V[j, i] * z[i]
                for i in range(H):
                    recurrent += W[j, i] * z[N + i]
                u[j], w[j] = total, recurrent
            if follow:
                v = tangent[k]
                for j in range(3 * H):
                    total, recurrent = 0.0, 0.0
                    for i in range(N):
                        total += V[j, i] * v[i]
                    for i in range(H):
                        recurrent += W[j, i] * v[N + i]
                    du[j], dw[j] = total, recurrent
            for i in range(H):
                q, s = H + i, 2 * H + i
                reset = 0.5 + 0.5 * np.tanh(0.5 * (u[i] + w[i]))
                keep = 0.5 + 0.5 * np.tanh(0.5 * (u[q] + w[q]))
                new = np.tanh(u[s] + reset * (w[s] + d[i]))
                if follow:
                    dreset = reset * (1.0 - reset) * (du[i] + dw[i])
                    dkeep = keep * (1.0 - keep) * (du[q] + dw[q])
                    dnew = (1.0 - new * new) * (du[s] + dreset * (w[s] + d[i]) + reset * dw[s])
                    v[N + i] = keep * v[N + i] + dkeep * (z[N + i] - new) + (1.0 - keep) * dnew
                z[N + i] = new + keep * (z[N + i] - new)
            finite = True
            for j in range(N):
                total, moved = a[j], 0.0
                for i in range(H):
                    total += G[j, i] * z[N + i]
                if follow:
                    for i in range(H):
                        moved += G[j, i] * v[N + i]
                    v[j] += moved
                z[j] += total
                finite = finite and abs(z[j]) <= LARGEST
            if not finite:
                states[k, t:] = np.nan
                if follow:
                    growth[k] = np.nan
                break
            for i in range(size):
                states[k, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[k] += renormalise(v)
    return states, tangent, growth
