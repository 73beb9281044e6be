"""The cycle of a word of regions: a chain of affine maps that has to close, solved for many words at once."""

from __future__ import annotations

import numpy as np

from ..symbols.region_codes import region_codes
from .gates import Gates
from .periodic_orbit import MarginalSet, PeriodicOrbit
from .protocol import TOLERANCE, Pieces
from .stability import sorted_multipliers

NULL = 1e-10  # singular values below this, relative to 1 + the largest, belong to directions that stay where they are


def region_maps(pieces: Pieces, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices (R, M, M) and offsets (R, M) of the regions among bits (..., gates), and the number of each (...)."""
    rows = bits.reshape(int(np.prod(bits.shape[:-1])), bits.shape[-1])  # without gates -1 would mean nothing
    _, first, index = np.unique(region_codes(rows), return_index=True, return_inverse=True)
    maps, offsets = pieces.affine(rows[first])
    return np.ascontiguousarray(maps), np.ascontiguousarray(offsets), index.reshape(bits.shape[:-1])


def composed(maps: np.ndarray, offsets: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (n, M, M) and offset (n, M) of the chains of maps numbered in index (n, period)."""
    A, c = maps[index[:, 0]], offsets[index[:, 0]]
    for t in range(1, index.shape[1]):
        W = maps[index[:, t]]
        A, c = W @ A, (W @ c[..., None])[..., 0] + offsets[index[:, t]]
    return A, c


def solve_words(pieces: Pieces, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, period, M) of the cycle of each word (n, period, gates), wherever they lie, and (n,) whether there is
    a single solution."""
    import torch

    maps, offsets, index = region_maps(pieces, bits)
    with np.errstate(over="ignore", invalid="ignore"):
        A, c = composed(maps, offsets, index)
        closing = np.eye(pieces.states) - A
        z, info = torch.linalg.solve_ex(torch.from_numpy(closing), torch.from_numpy(c[..., None]))
        points = np.empty((*index.shape, pieces.states))
        points[:, 0] = z.numpy()[..., 0]
        for t in range(1, index.shape[1]):
            before = index[:, t - 1]
            points[:, t] = (maps[before] @ points[:, t - 1, :, None])[..., 0] + offsets[before]
    return points, (info.numpy() == 0) & np.isfinite(points).all((1, 2))


def periodic_orbit(pieces: Pieces, gates: Gates | None, word: np.ndarray) -> PeriodicOrbit | MarginalSet | None:
    """The cycle of one word (period, gates), refined and put to the exact test; None where it is not real.

    Real: the model's own regions along the orbit are those of the word. A gate within 1e-9 (1 + |z|) of a point may be
    on either side; the orbit then gets the regions that the model gives and is marked as lying on the border.
    """
    maps, offsets, index = region_maps(pieces, word[None])
    A, c = (a[0] for a in composed(maps, offsets, index))
    closing = np.eye(pieces.states) - A
    if not np.isfinite(closing).all() or not np.isfinite(c).all():
        return None
    left, sizes, right = np.linalg.svd(closing)
    still = sizes <= NULL * (1 + sizes[0])
    if still.any():
        return _marginal_set(pieces, gates, word, (left, sizes, right), still, c)
    z = np.linalg.solve(closing, c)
    z += np.linalg.solve(closing, A @ z + c - z)
    points = [z]
    for i in index[0, :-1]:
        points.append(maps[i] @ points[-1] + offsets[i])
    orbit = np.array(points)
    if not np.isfinite(orbit).all():
        return None
    near = gates_within_reach(pieces, gates, orbit)
    found = pieces.bits(orbit)
    if ((found != word) & ~near).any():
        return None
    residual = float(np.abs(pieces.step(orbit) - np.roll(orbit, -1, axis=0)).max())
    if residual > TOLERANCE * (1 + np.abs(orbit).max()):
        return None
    maps, offsets, index = region_maps(pieces, found[None])
    multipliers = sorted_multipliers(composed(maps, offsets, index)[0][0])
    return PeriodicOrbit(orbit, found, multipliers, residual, bool(near.any()))


def gates_within_reach(pieces: Pieces, gates: Gates | None, points: np.ndarray) -> np.ndarray:
    """Which gates (n, P) lie within 1e-9 (1 + |z|) of each point (n, M)."""
    reach = TOLERANCE * (1 + np.abs(points).max(1))
    if gates is not None:
        return np.abs(gates.values(points)) < reach[:, None]
    moves = np.concatenate([np.eye(pieces.states), -np.eye(pieces.states)])
    around = pieces.bits((points[:, None] + reach[:, None, None] * moves).reshape(-1, pieces.states))
    return (around.reshape(len(points), len(moves), -1) != pieces.bits(points)[:, None]).any(1)


def _marginal_set(
    pieces: Pieces,
    gates: Gates | None,
    word: np.ndarray,
    factors: tuple[np.ndarray, np.ndarray, np.ndarray],
    still: np.ndarray,
    c: np.ndarray,
) -> MarginalSet | None:
    """The solutions of a singular equation, if there are any inside the regions of the word."""
    left, sizes, right = factors
    if (np.abs(left[:, still].T @ c) > 1e-8 * (1 + np.abs(c).max())).any():
        return None
    point = right[~still].T @ ((left[:, ~still].T @ c) / sizes[~still])
    directions = right[still].T
    if gates is not None:
        inside = _deepest(pieces, gates, word, point, directions)
        return None if inside is None else MarginalSet(inside, directions, word)
    orbit = [point]
    for _ in range(len(word) - 1):
        orbit.append(pieces.step(orbit[-1][None])[0])
    return MarginalSet(point, directions, word) if (pieces.bits(np.array(orbit)) == word).all() else None


def _deepest(
    pieces: Pieces, gates: Gates, word: np.ndarray, point: np.ndarray, directions: np.ndarray
) -> np.ndarray | None:
    """The point + directions a that keeps farthest from all gates (at most 1), by linear programming; None where the
    set misses the region or only touches its border."""
    from scipy.optimize import linprog

    maps, offsets, index = region_maps(pieces, word[None])
    rows, bounds, now, along = [], [], point, directions
    for t, i in enumerate(index[0]):
        sign = np.where(word[t], 1.0, -1.0)
        rows.append(-sign[:, None] * (gates.V @ along))
        bounds.append(sign * gates.values(now))
        now, along = maps[i] @ now + offsets[i], maps[i] @ along
    n = directions.shape[1]
    if not rows[0].size:
        return point
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([np.concatenate(rows), np.ones(sum(map(len, bounds)))]),
        b_ub=np.concatenate(bounds),
        bounds=[(None, None)] * n + [(None, 1.0)],
    )
    if found.status != 0 or found.x[-1] <= TOLERANCE * (1 + np.abs(point).max()):
        return None
    return point + directions @ found.x[:n]
