"""Optimal transport between two samples with entropy: Sinkhorn's iteration, safe at small regularisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHRINK = 0.25
SWEEPS, ROUNDS = 50, 100


@dataclass(frozen=True, eq=False)
class Transport:
    """left (rows,), right (columns,) : the potentials; the cost is the sum of their means. marginal_error : summed
    absolute deviation of the plan's column sums from equal weights."""

    left: np.ndarray
    right: np.ndarray
    marginal_error: float


def entropic_transport(x: np.ndarray, y: np.ndarray, epsilon: float, tolerance: float) -> Transport:
    """Potentials of the transport of `x` (rows, dim) to `y` (columns, dim), all rows of equal weight.

    The cost is the squared distance and `epsilon` multiplies the relative entropy of the plan to the product of its
    marginals. epsilon is lowered from the largest cost in steps. The potentials are kept in the logarithmic domain
    and the quick scaling iterations work on what is left, so that nothing underflows (Schmitzer,
    arXiv:1610.06519). At most 5000 sweeps are made at the last epsilon. Where `y` is `x` both potentials are equal,
    and averaging old and new finds them in a few sweeps (Feydy et al., arXiv:1810.08278).
    """
    from scipy.spatial.distance import cdist

    cost = cdist(x, y, "sqeuclidean")
    left, right = np.zeros(len(x)), np.zeros(len(y))
    now = max(float(cost.max()), epsilon)
    error = np.inf
    while True:
        for _ in range(ROUNDS if now == epsilon else 1):
            if y is x:
                left = 0.5 * (left + _soft_minimum(cost, left, now))
                left, error = _symmetric_sweeps(cost, left, now, tolerance)
                right = left
            else:
                right = _soft_minimum(cost.T, left, now)
                left = _soft_minimum(cost, right, now)
                left, right, error = _sweeps(cost, left, right, now, tolerance)
            if error <= tolerance:
                break
        if now == epsilon:
            return Transport(left, right, error)
        now = max(epsilon, SHRINK * now)


def _soft_minimum(cost: np.ndarray, other: np.ndarray, epsilon: float) -> np.ndarray:
    """-epsilon log mean_j exp((other_j - cost_ij) / epsilon): the best potential against the other one."""
    exponent = (other - cost) / epsilon
    top = exponent.max(1)
    return -epsilon * (top + np.log(np.exp(exponent - top[:, None]).mean(1)))


def _sweeps(
    cost: np.ndarray, left: np.ndarray, right: np.ndarray, epsilon: float, tolerance: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Up to 50 scalings of the plan that belongs to the potentials; stops early where a factor leaves double range."""
    plan = np.exp((left[:, None] + right - cost) / epsilon)
    u, v = np.ones(len(left)), np.ones(len(right))
    error = np.inf
    for _ in range(SWEEPS):
        columns = u @ plan / len(left)
        error = float(np.abs(v * columns - 1).mean())
        if error <= tolerance or columns.min() < 1e-200:
            break
        v = 1 / columns
        rows = plan @ v / len(right)
        if rows.min() < 1e-200:
            break
        u = 1 / rows
    return left + epsilon * np.log(u), right + epsilon * np.log(v), error


def _symmetric_sweeps(
    cost: np.ndarray, potential: np.ndarray, epsilon: float, tolerance: float
) -> tuple[np.ndarray, float]:
    """The same for a sample and itself, with one factor for rows and columns."""
    plan = np.exp((potential[:, None] + potential - cost) / epsilon)
    u = np.ones(len(potential))
    error = np.inf
    for _ in range(SWEEPS):
        sums = plan @ u / len(u)
        error = float(np.abs(u * sums - 1).mean())
        if error <= tolerance or sums.min() < 1e-200:
            break
        u = np.sqrt(u / sums)
    return potential + epsilon * np.log(u), error
