"""Systems of dysts whose code numba cannot take or makes slow, or that end at a border, written anew.

Each is a function (x1, ..., [t,] *parameters in alphabetical order); those of maps take no time.
"""

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


def cell_cycle(c1, m1, x1, c2, m2, x2, t, K, Kc, Kd1, Kim, V2, V4, Vm1, Vm3, kd1, vd, vi):
    """Two coupled cascades; numba takes dysts's own code, but its lists cost 50 times as much."""
    c, m, x = np.array([c1, c2]), np.array([m1, m2]), np.array([x1, x2])
    dc, dm, dx = np.empty(2), np.empty(2), np.empty(2)
    for i in range(2):
        dc[i] = vi * Kim / (Kim + m[1 - i]) - vd * x[i] * c[i] / (Kd1 + c[i]) - kd1 * c[i]
        made = Vm1 * c[i] / (Kc + c[i]) * (1.0 - m[i]) / (K + (1.0 - m[i]))
        dm[i] = made - V2 * m[i] / (K + m[i])
        dx[i] = m[i] * Vm3 * (1.0 - x[i]) / (K + (1.0 - x[i])) - V4 * x[i] / (K + x[i])
    return dc[0], dm[0], dx[0], dc[1], dm[1], dx[1]


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


def blinking_vortex(radius, angle, a, b, gamma, t):
    image = a * a / b
    ratio2 = (b * b + radius**2 - 2 * b * radius * np.cos(angle)) / (
        image**2 + radius**2 - 2 * image * radius * np.cos(angle)
    )
    ratio = np.sqrt(ratio2)
    centre = (b - ratio2 * image) / (1 - ratio2)
    orbit = abs(ratio / (1 - ratio2) * (image - b))
    before = np.arctan2(radius * np.sin(angle), -centre + radius * np.cos(angle))
    steepness = 2 * ratio / (1 + ratio2)
    turn = (2 * np.pi * orbit) ** 2 / gamma * (1 + ratio2) / (1 - ratio2)
    wanted = before - steepness * np.sin(before) + 2 * np.pi * t / turn
    after = wanted  # of a particle on a circle around the vortex: Kepler's equation, by Newton's method
    for _ in range(100):
        change = (after - steepness * np.sin(after) - wanted) / (1 - steepness * np.cos(after))
        after -= min(max(change, -1.0), 1.0)
        if abs(change) < 1e-14 * max(1.0, abs(after)):
            break
    x, y = centre + orbit * np.cos(after), orbit * np.sin(after)
    return np.sqrt(x * x + y * y), np.arctan2(y, x)


def chebyshev(x, a):
    if abs(x) <= 1.0:
        return np.cos(a * np.arccos(x))
    beyond = np.cosh(a * np.arccosh(abs(x)))  # only differences at the ends of the interval look there
    return beyond if x > 0.0 else np.cos(a * np.pi) * beyond


REWRITTEN = {
    "BeerRNN": beer_rnn,
    "BlinkingVortexMap": blinking_vortex,
    "CellCycle": cell_cycle,
    "Chebyshev": chebyshev,
    "Hopfield": hopfield,
    "MacArthur": mac_arthur,
    "MultiChua": multi_chua,
}
