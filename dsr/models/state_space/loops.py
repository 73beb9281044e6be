"""Compiled orbits of stacks of linear layers, with one tangent vector each; see `orbits` for what they return."""

from __future__ import annotations

import math

import numpy as np

from ..orbits import LARGEST, UNIT


def single_input_step(weights, layer, memory, u, y, scratch):
    """Dense step of one system per feature, in place: A (layers, H, N, N), B, C (layers, H, N), D (layers, H)."""
    A, B, C, D = weights
    H, N = B.shape[1:]
    for h in range(H):
        total = D[layer, h] * u[h]
        for i in range(N):
            moved = B[layer, h, i] * u[h]
            for j in range(N):
                moved += A[layer, h, i, j] * memory[h * N + j]
            scratch[i] = moved
        for i in range(N):
            total += C[layer, h, i] * scratch[i]
        # not in the loop above: the compiler would then choose the order of the sum by where the arrays lie
        for i in range(N):
            memory[h * N + i] = scratch[i]
        y[h] = total


def shared_input_step(weights, layer, memory, u, y, scratch):
    """Step of one diagonal complex system of P modes, in place: poles (layers, P), B (layers, P, H), C (layers, H, P),
    each as real and imaginary part, D (layers, H)."""
    a, b, B_re, B_im, C_re, C_im, D = weights
    P, H = B_re.shape[1:]
    for p in range(P):
        re = a[layer, p] * memory[p] - b[layer, p] * memory[P + p]
        im = b[layer, p] * memory[p] + a[layer, p] * memory[P + p]
        for h in range(H):
            re += B_re[layer, p, h] * u[h]
            im += B_im[layer, p, h] * u[h]
        memory[p], memory[P + p] = re, im
    for h in range(H):
        total = D[layer, h] * u[h]
        for p in range(P):
            total += C_re[layer, h, p] * memory[p] - C_im[layer, h, p] * memory[P + p]
        y[h] = total


def stack_loop(advance, linear, E, e, norm, scale, offset, eps, W, w, G, g, start, tangent, n, renormalise):
    """State (x, memories). `advance` is the linear step, `linear` its weights. Encoder E (H, N), e; layer norm (if
    `norm`) scale, offset (layers, H), eps; gates W (layers, 2H, H), w; head G (N, H), g with the gain in them."""
    batch, size = start.shape
    N, H = G.shape
    layers = scale.shape[0]
    memory = (size - N) // layers
    states, growth = np.empty((batch, n, size)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    z, u, r, y, q, dq = np.empty(size), np.empty(H), np.empty(H), np.empty(H), np.empty(2 * H), np.empty(2 * H)
    du, dr, dy, scratch = np.empty(H), np.empty(H), np.empty(H), np.empty(memory)
    for k in range(batch):
        for i in range(size):
            z[i] = start[k, i]
        for t in range(n):
            for i in range(H):
                total, moved = e[i], 0.0
                for j in range(N):
                    total += E[i, j] * z[j]
                u[i] = total
                if follow:
                    for j in range(N):
                        moved += E[i, j] * tangent[k, j]
                    du[i] = moved
            for m in range(layers):
                first, last = N + m * memory, N + (m + 1) * memory
                for i in range(H):
                    r[i], dr[i] = u[i], du[i]
                if norm:
                    mean, square = 0.0, 0.0
                    for i in range(H):
                        mean += u[i]
                    mean /= H
                    for i in range(H):
                        square += (u[i] - mean) ** 2
                    inverse = 1.0 / np.sqrt(square / H + eps)
                    for i in range(H):
                        r[i] = (u[i] - mean) * inverse
                    if follow:
                        shift, along = 0.0, 0.0
                        for i in range(H):
                            shift += du[i]
                            along += r[i] * du[i]
                        for i in range(H):
                            dr[i] = scale[m, i] * (du[i] - shift / H - r[i] * along / H) * inverse
                    for i in range(H):
                        r[i] = scale[m, i] * r[i] + offset[m, i]
                advance(linear, m, z[first:last], r, y, scratch)
                if follow:
                    advance(linear, m, tangent[k, first:last], dr, dy, scratch)
                for i in range(H):
                    share = 0.5 * (1.0 + math.erf(y[i] * math.sqrt(0.5)))
                    if follow:
                        density = math.exp(-0.5 * y[i] * y[i]) / math.sqrt(2.0 * math.pi)
                        dy[i] *= share + y[i] * density
                    y[i] *= share
                for i in range(2 * H):
                    total = w[m, i]
                    for j in range(H):
                        total += W[m, i, j] * y[j]
                    q[i] = total
                if follow:
                    for i in range(2 * H):
                        moved = 0.0
                        for j in range(H):
                            moved += W[m, i, j] * dy[j]
                        dq[i] = moved
                for i in range(H):
                    gate = 0.5 + 0.5 * math.tanh(0.5 * q[H + i])
                    u[i] += q[i] * gate
                    if follow:
                        du[i] += dq[i] * gate + q[i] * gate * (1.0 - gate) * dq[H + i]
            finite = True
            for i in range(N):
                total, moved = g[i], 0.0
                for j in range(H):
                    total += G[i, j] * u[j]
                z[i] += total
                finite = finite and abs(z[i]) <= LARGEST
                if follow:
                    for j in range(H):
                        moved += G[i, j] * du[j]
                    tangent[k, i] += moved
            if not finite:
                states[k, t:] = np.nan
                if follow:
                    growth[k] = np.nan
                break
            for i in range(size):
                states[k, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[k] += renormalise(tangent[k])
    return states, tangent, growth
