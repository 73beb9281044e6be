"""Names for the stability of fixed points and cycles, from their multipliers."""

from __future__ import annotations

import numpy as np

MARGINAL = 1e-8  # distance of a multiplier from the unit circle below which linear terms do not decide


def sorted_multipliers(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of (..., M, M), complex, the largest modulus first."""
    values = np.linalg.eigvals(matrix).astype(np.complex128)
    return np.take_along_axis(values, np.argsort(-np.abs(values), axis=-1, kind="stable"), axis=-1)


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
