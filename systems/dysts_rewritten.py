"""Four dysts flows whose code numba cannot take, written for it: f(x1, ..., xd, t, *parameters by name)."""

from __future__ import annotations

import numpy as np


def beer_rnn(x, y, z, t, tau, theta, w):
    state, slope = np.array([x, y, z]), np.empty(3)
    for i in range(3):
        total = -state[i]
        for j in range(3):
            total += w[i, j] / (1.0 + np.exp(-(state[j] + theta[j])))
        slope[i] = total / tau[i]
    return slope[0], slope[1], slope[2]


def hopfield(x1, x2, x3, x4, x5, x6, t, beta, eps, k, tau):
    state, slope = np.array([x1, x2, x3, x4, x5, x6]), np.empty(6)
    for i in range(6):
        total = 0.0
        for j in range(6):
            total += k[i, j] * state[j]
        slope[i] = -state[i] / tau + 0.5 * (1.0 + np.tanh(eps * total)) - beta
    return slope[0], slope[1], slope[2], slope[3], slope[4], slope[5]


def mac_arthur(n1, n2, n3, n4, n5, r1, r2, r3, r4, r5, t, c, d, k, m, r, s):
    number, resource = np.array([n1, n2, n3, n4, n5]), np.array([r1, r2, r3, r4, r5])
    growth, supply = np.empty(5), np.empty(5)
    for i in range(5):
        least = np.inf  # the scarcest resource sets the pace
        for j in range(5):
            least = min(least, r * resource[j] / (k[j, i] + resource[j]))
        growth[i] = least
    for j in range(5):
        supply[j] = d * (s[j] - resource[j])
        for i in range(5):
            supply[j] -= c[j, i] * growth[i] * number[i]
    g = number * (growth - m)
    return g[0], g[1], g[2], g[3], g[4], supply[0], supply[1], supply[2], supply[3], supply[4]


def multi_chua(x, y, z, t, a, b, c, m):
    diode = m[5] * x
    for i in range(1, 6):
        diode += 0.5 * (m[i - 1] - m[i]) * (abs(x + c[i]) - abs(x - c[i]))
    return a * (y - diode), x - y + z, -b * y


REWRITTEN = {"BeerRNN": beer_rnn, "Hopfield": hopfield, "MacArthur": mac_arthur, "MultiChua": multi_chua}
