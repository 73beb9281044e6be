"""Stable and unstable manifolds of a fixed point: straight pieces carried forwards, or pulled back region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .gates import Gates, find_gates
from .periodic_orbit import PeriodicOrbit
from .protocol import Pieces, PiecewiseLinearMap, as_pieces
from .regions import Regions, find_regions
from .stability import MARGINAL

DOMAIN = 0.5  # of the way to the nearest gate: the part of the manifold that is known from the region's own matrix


@dataclass(frozen=True, eq=False)
class Manifold:
    """directions : (M, dimension), orthonormal, of the manifold at the fixed point.

    segments : (n, 2, M), for a manifold of one dimension: straight pieces with their two ends, exact to rounding.
    points : (n, M), for one of two dimensions or more: points on it. truncated : whether `most` or `reach` cut it off.
    singular : regions left out since their matrix has no inverse (stable manifolds only); what such a region squeezes
    onto the manifold is missing.
    """

    stable: bool
    directions: np.ndarray
    segments: np.ndarray
    points: np.ndarray
    truncated: bool
    singular: int
    settings: Mapping[str, Any]

    @property
    def dimension(self) -> int:
        return self.directions.shape[1]


def manifold(
    model: PiecewiseLinearMap,
    fixed_point: PeriodicOrbit,
    *,
    stable: bool = False,
    iterations: int = 20,
    reach: float = 10.0,
    starts: int = 500,
    most: int = 100_000,
    most_regions: float = 4096,
    seed: int = 0,
) -> Manifold:
    """The unstable (or stable) manifold of a fixed point of a piecewise-linear map, as far as some iterations lead.

    In the region of the fixed point a manifold is flat and known; what lies beyond are images of a fundamental domain
    (unstable) or its preimages in every region (stable; a map that folds has several, also of the known part around
    the fixed point). One dimension: segments, split where they cross a gate, so that nothing is interpolated. More:
    `starts` random points of the domain.

    Parameters
    ----------
    model : see `PiecewiseLinearMap`; its gates must be recoverable, as those of all PLRNNs are.
    fixed_point : one of `fixed_points(model)`, not marginal and not on a border.
    iterations : images or preimages of the domain. reach : pieces that lie farther from the fixed point, in any
        coordinate, are dropped.
    most : segments or points that are kept at most. most_regions : regions that preimages are sought in.

    Raises `SpecError` for a marginal point or one on a border, a direction that does not exist, or too many regions.

    Source: Eisenmann, Brändle, Monfared, Durstewitz, arXiv:2510.03814 (manifolds of PLRNNs).
    """
    pieces = as_pieces(model)
    gates = find_gates(pieces)
    if gates is None:
        raise SpecError("a map whose gates cannot be read off", "a continuous map, gate by gate", "use a PLRNN")
    if iterations < 0 or not reach > 0 or starts < 1 or most < 1:
        raise SpecError(
            f"iterations = {iterations}, reach = {reach}, starts = {starts}, most = {most}",
            "iterations of 0 or more, and positive numbers",
            "change that setting",
        )
    if fixed_point.period != 1 or fixed_point.border or fixed_point.kind == "marginal":
        raise SpecError(
            f"a {fixed_point.kind} point of period {fixed_point.period}{' on a border' * fixed_point.border}",
            "a hyperbolic fixed point inside a region",
            "choose another of fixed_points(model)",
        )
    z, W = fixed_point.points[0], pieces.affine(fixed_point.bits)[0][0]
    directions = _invariant_directions(W, stable)
    size = DOMAIN * _room(gates, z, directions)
    inner = directions.T @ W @ directions
    regions = find_regions(pieces, gates, most=most_regions, states=None, samples=0, seed=seed) if stable else None
    if regions is not None and not regions.complete:
        raise SpecError(f"more than {most_regions:g} regions", "regions that can be listed", "raise most_regions")
    backwards = None if regions is None else _Inverse(pieces, gates, regions)
    settings = {"iterations": iterations, "reach": reach, "starts": starts, "most": most, "seed": seed}
    line = directions.shape[1] == 1
    if line:
        ratio = abs(float(inner[0, 0]))
        near, far = (ratio * size, size) if stable else (size / ratio, size)
        new = z + np.array([[[near], [far]], [[-near], [-far]]]) @ directions.T
        inside = z + np.array([[[-near], [near]]]) @ directions.T
        collected = [inside, new]
    else:
        rng = np.random.default_rng(seed)
        ball = rng.standard_normal((starts, directions.shape[1]))
        ball *= (rng.random(starts) ** (1 / directions.shape[1]) / np.linalg.norm(ball, axis=1))[:, None]
        new = z + size * ball[:, None] @ directions.T
        collected = [new]
    truncated, count = False, sum(map(len, collected))
    for i in range(iterations):
        if backwards is not None:
            elsewhere = backwards(inside, without=fixed_point.bits[0]) if line and i == 0 else new[:0]
            new = np.concatenate([elsewhere, backwards(new)])
        else:
            split = _split(gates, new) if line else new
            new = pieces.step(split.reshape(-1, pieces.states)).reshape(split.shape)
        near_enough = np.isfinite(new).all((1, 2)) & _within(new - z, reach)
        truncated |= not near_enough.all() or count + near_enough.sum() > most
        new = new[near_enough][: most - count]
        if not len(new):
            break
        collected.append(new)
        count += len(new)
    found = np.concatenate(collected)
    nothing = np.empty((0, 2, len(z))), np.empty((0, len(z)))
    segments, points = (found, nothing[1]) if line else (nothing[0], found[:, 0])
    singular = 0 if backwards is None else backwards.singular
    return Manifold(stable, directions, segments, points, truncated, singular, settings)


def _invariant_directions(W: np.ndarray, stable: bool) -> np.ndarray:
    """Orthonormal basis (M, n) of the stable or unstable eigenspace."""
    from scipy.linalg import schur

    edge = 1 - MARGINAL if stable else 1 + MARGINAL

    def wanted(real: float, imaginary: float) -> bool:
        size = float(np.hypot(real, imaginary))
        return size < edge if stable else size > edge

    _, basis, count = schur(W, output="real", sort=wanted)
    if count == 0:
        kind = "stable" if stable else "unstable"
        raise SpecError(f"a fixed point without {kind} directions", "one that has some", f"set stable={not stable}")
    return basis[:, :count]


def _room(gates: Gates, z: np.ndarray, directions: np.ndarray) -> float:
    """Radius around z, along the directions, that no gate cuts; 2 (1 + |z|) where there is no gate."""
    steepness = np.linalg.norm(gates.V @ directions, axis=1)
    with np.errstate(divide="ignore"):
        distance = np.abs(gates.values(z)) / steepness
    return float(min(distance.min(initial=np.inf), 2 * (1 + np.abs(z).max())))


def _split(gates: Gates, segments: np.ndarray) -> np.ndarray:
    """The same segments, cut where they cross a gate."""
    for p in range(len(gates.t)):
        y = segments @ gates.V[p] + gates.t[p]
        crossing = y[:, 0] * y[:, 1] < 0
        if crossing.any():
            a, b = segments[crossing, 0], segments[crossing, 1]
            share = (y[crossing, 0] / (y[crossing, 0] - y[crossing, 1]))[:, None]
            middle = a + share * (b - a)
            halves = [np.stack([a, middle], 1), np.stack([middle, b], 1)]
            segments = np.concatenate([segments[~crossing], *halves])
    return segments


def _within(pieces: np.ndarray, reach: float) -> np.ndarray:
    """Which segments (n, 2, M) have a part, or which points (n, 1, M) lie, within `reach` of 0 in every coordinate."""
    y = reach - np.concatenate([pieces, -pieces], axis=2)
    if pieces.shape[1] == 1:
        return np.all(y[:, 0] >= 0, axis=1)
    enters, leaves = _shares_inside(y, closed=np.ones(y.shape[2], bool))
    return np.asarray(leaves >= enters)


def _shares_inside(y: np.ndarray, closed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (n,) of the way at which segments enter and leave the region where every y, given at both ends
    (n, 2, P), is positive, or zero where `closed` (P,); the first is the larger for those that miss it."""
    a, b = y[:, 0], y[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = a / (a - b)
    outside = (a <= 0) & (b <= 0) & ((a < 0) | (b < 0) | ~closed)
    enters = np.where(outside, np.inf, np.where(a < 0, crossing, 0.0)).max(1, initial=0.0)
    return enters, np.where((a > 0) & (b < 0), crossing, 1.0).min(1, initial=1.0)


class _Inverse:
    """Preimages of segments or points (n, ends, M) in every region where the map has an inverse."""

    def __init__(self, pieces: Pieces, gates: Gates, regions: Regions) -> None:
        bits = regions.bits if regions.bits is not None else np.empty((0, pieces.gates), bool)
        maps, offsets = pieces.affine(bits)
        regular = np.linalg.cond(maps) < 1e12
        self.gates, self.singular = gates, int((~regular).sum())
        self.bits, self.offsets, self.inverse = bits[regular], offsets[regular], np.linalg.inv(maps[regular])

    def __call__(self, images: np.ndarray, *, without: np.ndarray | None = None) -> np.ndarray:
        """In every region but the one with bits `without` (P,)."""
        found = [np.empty((0, *images.shape[1:]))]
        for on, offset, inverse in zip(self.bits, self.offsets, self.inverse, strict=True):
            if without is not None and (on == without).all():
                continue
            before = (images - offset) @ inverse.T
            found.append(self._clip(before, np.where(on, 1.0, -1.0)))
        return np.concatenate(found)

    def _clip(self, pulled: np.ndarray, sign: np.ndarray) -> np.ndarray:
        """The parts of segments (n, 2, M), or the points (n, 1, M), on the side `sign` of every gate."""
        y = sign * self.gates.values(pulled)  # inside where positive
        if pulled.shape[1] == 1:
            return pulled[(y[:, 0] > 0).all(1)]
        enters, leaves = _shares_inside(y, closed=sign < 0)  # what lies on a gate is off
        kept = leaves > enters
        start, span = pulled[kept, 0], pulled[kept, 1] - pulled[kept, 0]
        return np.stack([start + enters[kept, None] * span, start + leaves[kept, None] * span], 1)
