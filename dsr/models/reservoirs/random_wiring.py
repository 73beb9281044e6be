"""Random sparse weights of reservoirs: which units read which, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..plrnn import require

DENSE = 200  # units up to which all eigenvalues are computed


def sparse_recurrence(
    units: int, density: float, radius: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Index and weights, each (units, terms), of the units that each unit reads: round(density units) of them, at
    least one, uniform on (-1, 1), then scaled to the spectral radius.

    An equal number for every unit makes both arrays rectangular; and as every unit reads one, there is a cycle, so
    the radius before scaling is not zero.
    """
    terms = min(units, max(1, round(density * units)))
    drawn = [rng.choice(units, terms, replace=False, shuffle=False) for _ in range(units)]
    index = np.sort(np.stack(drawn), axis=1)
    weights = rng.uniform(-1.0, 1.0, (units, terms))
    return index, weights * (radius / spectral_radius(index, weights))


def spectral_radius(index: np.ndarray, weights: np.ndarray) -> float:
    """Largest absolute eigenvalue of the matrix with `weights` (units, terms) in the columns `index` of each row.

    To a relative 1e-5, by Krylov iteration from a fixed start; exact for small matrices, and where that does not
    converge. Many eigenvalues of a random matrix are nearly as large as the largest: when one or two are asked for,
    the iteration can settle on another one and miss it by a percent, which asking for ten prevents.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import ArpackNoConvergence, eigs

    units, terms = index.shape
    matrix = csr_matrix((weights.ravel(), index.ravel(), np.arange(0, units * terms + 1, terms)), (units, units))
    if units > DENSE:
        try:
            start = np.ones(units)
            found = eigs(matrix, k=10, ncv=40, tol=1e-4, maxiter=100, v0=start, return_eigenvectors=False)
            return float(np.abs(found).max())
        except ArpackNoConvergence:
            pass
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())


@dataclass(frozen=True, eq=False)
class Wiring:
    """Which places of the state (x, r) each unit reads, inputs first: index (units, terms) int64, weights (units,
    terms) and bias (units,) float64."""

    index: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


def random_wiring(
    columns: np.ndarray,
    obs_dim: int,
    *,
    density: float,
    spectral_radius: float,
    input_scale: float,
    bias: float,
    bias_spread: float,
    rng: np.random.Generator,
) -> Wiring:
    """Units that read the observed columns `columns` (units, inputs), and each other at random.

    Input weights are uniform on (-input_scale, input_scale), biases within `bias_spread` of `bias`. Raises `SpecError`
    for settings out of range.
    """
    units = len(columns)
    require(0 < density <= 1, f"density = {density}", "above 0, at most 1")
    require(spectral_radius > 0, f"spectral_radius = {spectral_radius}", "above 0")
    require(input_scale > 0, f"input_scale = {input_scale}", "above 0")
    require(bias_spread >= 0, f"bias_spread = {bias_spread}", "0 or more")
    index, weights = sparse_recurrence(units, density, spectral_radius, rng)
    inputs = rng.uniform(-input_scale, input_scale, columns.shape)
    biases = bias + rng.uniform(-bias_spread, bias_spread, units)
    return Wiring(np.hstack([columns, obs_dim + index]), np.hstack([inputs, weights]), biases)


def all_columns(units: int, obs_dim: int) -> np.ndarray:
    """Every column for each unit: (units, obs_dim) int64."""
    return np.tile(np.arange(obs_dim), (units, 1))


def ring(centres: np.ndarray, count: int, obs_dim: int) -> np.ndarray:
    """The `count` columns around each of `centres` (units,) on a ring of `obs_dim`: (units, count) int64."""
    return (centres[:, None] + np.arange(count) - (count - 1) // 2) % obs_dim
