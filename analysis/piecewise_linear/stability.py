"""Names for the stability of fixed points and cycles, from their multipliers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

MARGINAL = 1e-8  # distance of a multiplier from the unit circle below which linear terms do not decide
LARGE = 1e6  # entries of a product of matrices beyond which its small eigenvalues are lost to rounding
SWEEPS = 10


def sorted_multipliers(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of (..., M, M), complex, the largest modulus first."""
    values = np.linalg.eigvals(matrix).astype(np.complex128)
    return np.take_along_axis(values, np.argsort(-np.abs(values), axis=-1, kind="stable"), axis=-1)


def cycle_multipliers(maps: np.ndarray) -> np.ndarray:
    """Eigenvalues (M,) of the product maps[k - 1] ... maps[0] of matrices (k, M, M), the largest modulus first.

    Up to entries of 1e6 those of the product itself, each to about 1e-10. Beyond, its small eigenvalues are rounding:
    orthogonal iteration through the maps turns it into block triangles, whose blocks have eigenvalues of one size, and
    small ones keep their digits next to large ones. Not finite where an eigenvalue exceeds 1e308.

    Source: Bojanczyk, Golub, Van Dooren, Proc. SPIE 1770, 31 (1992) (the periodic Schur form).
    """
    M = maps.shape[1]
    product = np.eye(M)
    with np.errstate(over="ignore", invalid="ignore"):
        for W in maps:
            product = W @ product
    if np.abs(product).max() <= LARGE:
        return sorted_multipliers(product)
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((M, M)))[0]
    for _ in range(SWEEPS):
        start, product = Q, np.eye(M)
        with np.errstate(over="ignore", invalid="ignore"):
            for W in maps:
                Q, R = np.linalg.qr(W @ Q)
                product = R @ product
        turn = start.T @ Q  # the product of the maps is start (turn product) start.T
        cuts = [j for j in range(1, M) if np.abs(turn[j:, :j]).max() < 1e-12]
        if len(cuts) == M - 1:
            break
    if not np.isfinite(product).all():
        return np.full(M, np.nan, dtype=np.complex128)
    ends = [0, *cuts, M]
    blocks = [slice(a, b) for a, b in pairwise(ends)]
    values = np.concatenate([np.linalg.eigvals(turn[b, b] @ product[b, b]).astype(np.complex128) for b in blocks])
    return values[np.argsort(-np.abs(values), kind="stable")]


def unstable_directions(multipliers: np.ndarray) -> int:
    """Number of multipliers outside the unit circle."""
    return int((np.abs(multipliers) > 1 + MARGINAL).sum())


def stability_type(multipliers: np.ndarray) -> str:
    """ "stable node", "stable focus", "unstable node", "unstable focus", "saddle", "saddle focus" or "marginal".

    Focus: a multiplier nearest to the unit circle, on either side of it, is complex (Shilnikov's leading multipliers).
    Unstable: all directions are. Marginal: some multiplier lies on the circle, within 1e-8.
    """
    size = np.abs(multipliers)
    if (np.abs(size - 1) <= MARGINAL).any():
        return "marginal"
    outside, inside = multipliers[size > 1], multipliers[size < 1]
    leading = [part[np.abs(np.abs(part) - 1).argmin()] for part in (outside, inside) if part.size]
    focus = any(abs(m.imag) > 1e-12 * abs(m) for m in leading)
    if outside.size and inside.size:
        return "saddle focus" if focus else "saddle"
    return f"{'unstable' if outside.size else 'stable'} {'focus' if focus else 'node'}"
