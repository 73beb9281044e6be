"""Close returns: where a trajectory comes back to near where it was, the seeds of periodic orbits."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled


def close_returns(states: np.ndarray, shortest: int, longest: int, *, every: int, most: int) -> np.ndarray:
    """Rows (seeds, 2) of start and period in steps, the closest return first.

    states (time, M), scaled as distances should count. A return is a local minimum over the period, from `shortest` to
    `longest`, of |z(t + period) - z(t)|. Each `every`-th start is looked at, and the `most` closest returns are kept,
    no more than an eighth of them of any one period.
    """
    returns = compiled(_minima)(states, shortest, longest, every)
    order = np.argsort(returns[:, 2], kind="stable")
    found: list[tuple[int, int]] = []
    used: dict[float, int] = {}
    for start, period, _ in returns[order]:
        if used.get(period, 0) < max(1, most // 8):
            used[period] = used.get(period, 0) + 1
            found.append((int(start), int(period)))
        if len(found) == most:
            break
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _minima(states: np.ndarray, shortest: int, longest: int, every: int) -> np.ndarray:
    found = []
    distance = np.empty(longest - shortest + 3)
    for t in range(0, len(states) - longest - 1, every):
        for i in range(len(distance)):
            total = 0.0
            for m in range(states.shape[1]):
                total += (states[t + shortest - 1 + i, m] - states[t, m]) ** 2
            distance[i] = total
        for i in range(1, len(distance) - 1):
            if distance[i] < distance[i - 1] and distance[i] <= distance[i + 1]:
                found.append((float(t), float(shortest - 1 + i), distance[i]))
    rows = np.empty((len(found), 3))
    for n in range(len(found)):
        rows[n, 0], rows[n, 1], rows[n, 2] = found[n]
    return rows
