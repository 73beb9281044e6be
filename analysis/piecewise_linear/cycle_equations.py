"""The cycle of a word of regions: a chain of affine maps that has to close, solved for many words at once."""

from __future__ import annotations

import numpy as np

from ..symbols.region_codes import region_codes
from .chains import NULL, ClosedChains, solve_chains
from .gates import Gates
from .periodic_orbit import MarginalSet, PeriodicOrbit
from .protocol import TOLERANCE, Pieces
from .stability import cycle_multipliers

STAYS = 1e-6  # part by which the image of a direction may differ from the direction at the next point


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
    a single solution. The first point is carried along; words whose chain then does not close are solved as a whole."""
    import torch

    maps, offsets, index = region_maps(pieces, bits)
    with np.errstate(over="ignore", invalid="ignore"):
        A, c = composed(maps, offsets, index)
        closing = np.eye(pieces.states) - A
        z, info = torch.linalg.solve_ex(torch.from_numpy(closing), torch.from_numpy(c[..., None]))
        return closed(maps, offsets, index, z.numpy()[..., 0], info.numpy() == 0)


def closed(
    maps: np.ndarray, offsets: np.ndarray, index: np.ndarray, z: np.ndarray, single: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, period, M) of the chains of maps in index (n, period) from first points z (n, M), and (n,) whether
    there is a single solution.

    Where the points do not close within 1e-9 (1 + |z|), since rounding has grown along the chain or there was no
    `single` (n,) solution, all points are solved for together.
    """
    points = np.empty((*index.shape, z.shape[1]))
    points[:, 0] = z
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, index.shape[1]):
            points[:, t] = _step(maps, offsets, index[:, t - 1], points[:, t - 1])
        gap = np.abs(_step(maps, offsets, index[:, -1], points[:, -1]) - z).max(1)
        good = single & (gap <= TOLERANCE * (1 + np.abs(points).max((1, 2))))
        bad = np.flatnonzero(~good)
        if len(bad):
            points[bad], good[bad] = solve_chains(maps[index[bad]], offsets[index[bad]])
    return points, good & np.isfinite(points).all((1, 2))


def _step(maps: np.ndarray, offsets: np.ndarray, index: np.ndarray, z: np.ndarray) -> np.ndarray:
    return (maps[index] @ z[..., None])[..., 0] + offsets[index]


def periodic_orbit(pieces: Pieces, gates: Gates | None, word: np.ndarray) -> PeriodicOrbit | MarginalSet | None:
    """The cycle of one word (period, gates), refined and put to the exact test; None where it is not real.

    Real: the model's own regions along the orbit are those of the word. A gate within 1e-9 (1 + |z|) of a point may be
    on either side; the orbit then gets the regions that the model gives and is marked as lying on the border. None
    also for a cycle with a multiplier beyond 1e308.
    """
    maps, offsets, index = region_maps(pieces, word[None])
    orbit = _one_point(maps[index[0]], offsets[index[0]])
    if orbit is None:
        chain = ClosedChains(maps[index], offsets[index, :, None])
        if not (np.isfinite(chain.left).all() and np.isfinite(chain.right).all()):
            return None
        left, sizes, right = np.linalg.svd(chain.left[0])
        still = _still(chain, maps[index[0]], sizes, right)
        if still.any():
            return _marginal_set(pieces, gates, word, chain, (left, sizes, right), still)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = right.T @ ((left.T @ chain.right[0]) / sizes[:, None])
        orbit = chain.points(z[None])[0, ..., 0]
    if not np.isfinite(orbit).all():
        return None
    near = gates_within_reach(pieces, gates, orbit)
    found = pieces.bits(orbit)
    if ((found != word) & ~near).any():
        return None
    residual = float(np.abs(pieces.step(orbit) - np.roll(orbit, -1, axis=0)).max())
    if residual > TOLERANCE * (1 + np.abs(orbit).max()):
        return None
    maps, _, index = region_maps(pieces, found[None])
    multipliers = cycle_multipliers(maps[index[0]])
    if not np.isfinite(multipliers).all():
        return None
    return PeriodicOrbit(orbit, found, multipliers, residual, bool(near.any()))


def gates_within_reach(pieces: Pieces, gates: Gates | None, points: np.ndarray) -> np.ndarray:
    """Which gates (n, P) lie within 1e-9 (1 + |z|) of each point (n, M)."""
    reach = TOLERANCE * (1 + np.abs(points).max(1))
    if gates is not None:
        return np.abs(gates.values(points)) < reach[:, None]
    moves = np.concatenate([np.eye(pieces.states), -np.eye(pieces.states)])
    around = pieces.bits((points[:, None] + reach[:, None, None] * moves).reshape(-1, pieces.states))
    return (around.reshape(len(points), len(moves), -1) != pieces.bits(points)[:, None]).any(1)


def _one_point(A: np.ndarray, c: np.ndarray) -> np.ndarray | None:
    """Points (k, M) of the closed chain of maps A (k, M, M), c (k, M) from the equation of the first one; None where
    that is nearly singular or rounding grows so much along the chain that it does not close."""
    M = A.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        P, d = (a[0] for a in composed(A, c, np.arange(len(A))[None]))
    closing = np.eye(M) - P
    if not np.isfinite(closing).all() or not np.isfinite(d).all():
        return None
    sizes = np.linalg.svd(closing, compute_uv=False)
    if sizes[-1] <= NULL * (1 + sizes[0]):
        return None
    z = np.linalg.solve(closing, d)
    z += np.linalg.solve(closing, P @ z + d - z)
    points = [z]
    for W, b in zip(A, c, strict=True):
        points.append(W @ points[-1] + b)
    orbit = np.array(points[:-1])
    return orbit if np.abs(points[-1] - z).max() <= TOLERANCE * (1 + np.abs(orbit).max()) else None


def _still(chain: ClosedChains, A: np.ndarray, sizes: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which right singular vectors (M,) of an equation are carried back onto themselves by the maps A (k, M, M).

    A small singular value alone does not tell: growth along the chain that ends in a direction that a map annihilates
    makes one too.
    """
    still = sizes <= NULL * (1 + sizes[0])
    if still.any():
        along = chain.points(right[still].T[None], offsets=False)[0]
        moved, following = A @ along, np.roll(along, -1, axis=0)
        apart = np.linalg.norm(moved - following, axis=1)
        size = np.linalg.norm(moved, axis=1) + np.linalg.norm(following, axis=1)
        still[still] = (apart <= STAYS * size).all(0)
    return still


def _marginal_set(
    pieces: Pieces,
    gates: Gates | None,
    word: np.ndarray,
    chain: ClosedChains,
    factors: tuple[np.ndarray, np.ndarray, np.ndarray],
    still: np.ndarray,
) -> MarginalSet | None:
    """The solutions of a singular equation, if there are any inside the regions of the word."""
    left, sizes, right = factors
    c = chain.right[0, :, 0]
    if (np.abs(left[:, still].T @ c) > 1e-8 * (1 + np.abs(c).max())).any():
        return None
    point = right[~still].T @ ((left[:, ~still].T @ c) / sizes[~still])
    directions = right[still].T
    points = chain.points(point[None, :, None])[0, ..., 0]
    if gates is None:
        return MarginalSet(point, directions, word) if (pieces.bits(points) == word).all() else None
    inside = _deepest(gates, word, points, chain.points(directions[None], offsets=False)[0])
    return None if inside is None else MarginalSet(inside, directions, word)


def _deepest(gates: Gates, word: np.ndarray, points: np.ndarray, along: np.ndarray) -> np.ndarray | None:
    """The first of the points (period, M) + along (period, M, n) a, with a such that they keep farthest from all gates
    (at most 1), by linear programming; None where the set misses the regions or only touches their borders."""
    from scipy.optimize import linprog

    if not gates.t.size:
        return points[0]
    n = along.shape[2]
    sign = np.where(word, 1.0, -1.0)
    rows = -sign[..., None] * (gates.V @ along)
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([rows.reshape(-1, n), np.ones(sign.size)]),
        b_ub=(sign * gates.values(points)).ravel(),
        bounds=[(None, None)] * n + [(None, 1.0)],
    )
    if found.status != 0 or found.x[-1] <= TOLERANCE * (1 + np.abs(points[0]).max()):
        return None
    return points[0] + along[0] @ found.x[:n]
