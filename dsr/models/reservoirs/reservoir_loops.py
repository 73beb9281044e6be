"""Compiled loops of reservoirs: driven by data, followed along perturbations of the data, and closed on themselves.

One state is (x, r): the columns fed in, then the units. Units read it as `receive` says.
The loops are plain Python, compiled on first use by `orbits.compiled`, with `receive` and `tanh` handed in compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..orbits import LARGEST, UNIT

# exp(y) = 2^k exp(y - k ln 2); ln 2 in two parts, the first with zeros at its end, so that k times it is exact
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
PER_LN2 = 1 / math.log(2)
ROUNDER = 6755399441055744.0  # 1.5 * 2^52: in a sum with it, the lowest bits are the nearest whole number
E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13 = (1 / math.factorial(k) for k in range(2, 14))


def tanh(x, power, series):
    """tanh in place, to 2.3e-16 absolute; `power` and `series` are scratch of the same length. Loops without a
    library call use vector units: four times faster, which halves the time of a whole reservoir step."""
    n = x.shape[0]
    bits = power.view(np.int64)
    for i in range(n):
        power[i] = 2.0 * min(abs(x[i]), 20.0) * PER_LN2 + ROUNDER
    for i in range(n):
        k = power[i] - ROUNDER
        y = (2.0 * min(abs(x[i]), 20.0) - k * LN2_HIGH) - k * LN2_LOW
        p = ((E13 * y + E12) * y + E11) * y + E10
        p = (((p * y + E9) * y + E8) * y + E7) * y + E6
        p = (((p * y + E5) * y + E4) * y + E3) * y + E2
        series[i] = p * y * y + y + 1.0
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        h = 1.0 - 2.0 / (series[i] * power[i] + 1.0)
        x[i] = h if x[i] > 0.0 else -h


@cache
def compiled_in_order(function: Callable) -> Any:
    """The numba-compiled form of a loop whose sums keep their order: `tanh` would lose its rounding, and for the few
    scattered terms of a unit vector instructions are slower than none."""
    import numba

    return numba.njit(error_model="numpy", nogil=True, fastmath={"contract"})(function)


def receive(inputs, index, weights, bias, z, s):
    """s = bias plus the weighted sum, for each unit, of the places of z that it reads: the first places through
    `inputs` (columns that all units read, units), the others through `index` and `weights`, (units, terms)."""
    N = index.shape[0]
    for i in range(N):
        s[i] = bias[i]
    for d in range(inputs.shape[0]):
        for i in range(N):
            s[i] += inputs[d, i] * z[d]
    for i in range(N):
        total = s[i]
        for j in range(index.shape[1]):
            total += weights[i, j] * z[index[i, j]]
        s[i] = total


def drive_loop(inputs, index, weights, bias, leak, receive, tanh, rows, memory, states):
    """Feed rows (time, obs) in; `memory` (units,) is advanced in place, states (time, units) are those after."""
    N, D = index.shape[0], rows.shape[1]
    z, s, power, series = np.empty(D + N), np.empty(N), np.empty(N), np.empty(N)
    for i in range(N):
        z[D + i] = memory[i]
    for t in range(rows.shape[0]):
        for d in range(D):
            z[d] = rows[t, d]
        receive(inputs, index, weights, bias, z, s)
        tanh(s, power, series)
        for i in range(N):
            z[D + i] += leak * (s[i] - z[D + i])
            states[t, i] = z[D + i]
    for i in range(N):
        memory[i] = z[D + i]


def response_loop(inputs, index, weights, bias, leak, receive, tanh, rows, memory, smallest, moved):
    """Derivatives of the units after each of the rows (time, obs) by the first of these rows, from `memory` on: moved
    (time, obs, units), filled until their square falls below `smallest` times its largest. Returns how far."""
    N, (L, D) = index.shape[0], rows.shape
    z, s, power, series = np.empty(D + N), np.empty(N), np.empty(N), np.empty(N)
    v, ds, zero = np.zeros((D, D + N)), np.empty(N), np.zeros(N)
    for i in range(N):
        z[D + i] = memory[i]
    largest = 0.0
    for t in range(L):
        for d in range(D):
            z[d] = rows[t, d]
        receive(inputs, index, weights, bias, z, s)
        tanh(s, power, series)
        length = 0.0
        for d in range(D):
            v[d, :D] = 0.0
            if t == 0:
                v[d, d] = 1.0
            receive(inputs, index, weights, zero, v[d], ds)
            for i in range(N):
                moved[t, d, i] = (1.0 - leak) * v[d, D + i] + leak * (1.0 - s[i] * s[i]) * ds[i]
                length += moved[t, d, i] * moved[t, d, i]
            for i in range(N):
                v[d, D + i] = moved[t, d, i]
        for i in range(N):
            z[D + i] += leak * (s[i] - z[D + i])
        largest = max(largest, length)
        if length <= smallest * largest:
            return t + 1
    return L


def orbit_loop(inputs, index, weights, bias, leak, receive, tanh, readout, first, start, tangent, n, renormalise):
    """Closed loop, in the form of `orbits`. Column d of x' reads the units from first[d] on with readout[d]."""
    batch, S = start.shape
    N, (D, U) = index.shape[0], readout.shape
    states, growth = np.empty((batch, n, S)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    z, s, power, series = np.empty(S), np.empty(N), np.empty(N), np.empty(N)
    ds, zero = np.empty(N), np.zeros(N)
    for b in range(batch):
        for i in range(S):
            z[i] = start[b, i]
        for t in range(n):
            receive(inputs, index, weights, bias, z, s)
            tanh(s, power, series)
            if follow:
                v = tangent[b]
                receive(inputs, index, weights, zero, v, ds)
                for i in range(N):
                    v[D + i] += leak * ((1.0 - s[i] * s[i]) * ds[i] - v[D + i])
                for d in range(D):
                    total, f = 0.0, D + first[d]
                    for i in range(U):
                        total += readout[d, i] * v[f + i]
                    v[d] = total
            for i in range(N):
                z[D + i] += leak * (s[i] - z[D + i])
            finite = True
            for d in range(D):
                total, f = 0.0, D + first[d]
                for i in range(U):
                    total += readout[d, i] * z[f + i]
                z[d] = total
                finite = finite and abs(total) <= LARGEST  # the units are bounded
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(S):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += renormalise(tangent[b])
    return states, tangent, growth
