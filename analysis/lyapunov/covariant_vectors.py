"""Covariant Lyapunov vectors: the stable and unstable directions themselves, and the angles between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.tangent import tangent_method

from ..protocol import TangentMap
from .stretching import beyond_rounding, members_from, positive_time, walk

LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True, eq=False)
class CovariantVectors:
    """Unit vectors (points, members, d, k) at states (points, members, d): column i grows at the rate lambda_i both
    forwards and backwards in time, and the map carries it into column i at the next state.

    times (points,) since the first point; exponents (k,), the mean rates at which the vectors grow; diverged : members
    left out because they left the finite numbers.
    """

    vectors: np.ndarray
    states: np.ndarray
    times: np.ndarray
    exponents: np.ndarray
    diverged: int
    settings: Mapping[str, Any]

    def angle(self, i: int, j: int) -> np.ndarray:
        """Angles between the lines along vectors i and j, counted from 1: (points, members), radians, 0 to pi / 2."""
        k = self.vectors.shape[3]
        if not (1 <= i <= k and 1 <= j <= k):
            raise SpecError(f"vectors {i} and {j}", f"1 to {k}", "count from 1, the fastest growing")
        return self.subspace_angle_between([i - 1], [j - 1])

    def subspace_angle(self, unstable: int) -> np.ndarray:
        """Smallest angle between the span of the first `unstable` vectors and that of the others, (points, members).
        It touches 0 where stable and unstable manifolds are tangent: the system is then not hyperbolic."""
        k = self.vectors.shape[3]
        if not 1 <= unstable < k:
            raise SpecError(f"unstable = {unstable}", f"1 to {k - 1}", "split between two of the vectors")
        return self.subspace_angle_between(list(range(unstable)), list(range(unstable, k)))

    def subspace_angle_between(self, first: list[int], second: list[int]) -> np.ndarray:
        """Smallest principal angle between the spans of two lists of columns, counted from 0."""
        a = np.linalg.qr(self.vectors[..., first])[0]
        b = np.linalg.qr(self.vectors[..., second])[0]
        if a.shape[-1] > b.shape[-1]:
            a, b = b, a
        shared = np.swapaxes(b, -1, -2) @ a
        # by the sine where the angle is small: the cosine would lose half of the digits
        cosine = np.linalg.svd(shared, compute_uv=False).max(-1, initial=0.0)
        sine = np.linalg.svd(a - b @ shared, compute_uv=False).min(-1, initial=1.0)
        return np.arctan2(sine, cosine)

    @property
    def measure(self) -> Measure:
        """Median angle between the fastest growing and the last vector; low and high hold the middle 90 %."""
        k = self.vectors.shape[3]
        name, unit = f"angle between covariant vectors 1 and {k}", "rad"
        if k < 2 or not self.vectors.size:
            note = "one vector only" if k < 2 else "no member stayed finite"
            return Measure(name, math.nan, unit=unit, settings=self.settings, note=note)
        low, middle, high = np.quantile(self.angle(1, k), (LOW, 0.5, HIGH))
        return Measure(name, float(middle), float(low), float(high), unit, self.settings)


def covariant_vectors(
    tangent_map: TangentMap,
    x0: Any,
    *,
    steps: int,
    transient: int,
    dt: float,
    k: int | None = None,
    qr_every: int = 5,
    kick: float = 1e-3,
    seed: int = 0,
    time_unit: str = "time units",
) -> CovariantVectors:
    """Forwards with repeated QR, then backwards through the triangular factors (Ginelli et al.).

    Parameters
    ----------
    steps : steps over which the vectors are returned, one point every `qr_every` of them.
    transient : steps before them, in which the orthonormal vectors align, and again after them, from which the way
        back starts: it must exceed the time in which neighbouring exponents part, 10 / (lambda_i - lambda_(i+1)) / dt.
    tangent_map, x0, dt, k, qr_every, kick, seed, time_unit : as in `lyapunov_spectrum`. A few members will do; the
        memory needed is (steps + transient) / qr_every * members * d * k numbers.

    Returns
    -------
    CovariantVectors. Where two exponents are equal the vectors span a plane, in which they are not determined.

    Raises `DataError` for states that are not finite, and for a direction that the map annihilates, or contracts
    between two QRs to less than 1e-14 of the fastest: it has no way back, so k must leave it out. `SpecError` for
    settings out of range.

    Source: Ginelli et al., doi:10.1103/PhysRevLett.99.130601; Kuptsov & Parlitz, doi:10.1007/s00332-012-9126-5.
    """
    dt = positive_time(dt)
    x, q = members_from(x0, k=k, steps=steps, transient=transient, qr_every=qr_every, kick=kick, seed=seed)
    members, (aligning, points) = len(x), (-(-transient // qr_every), steps // qr_every)
    x, q, _, stayed = walk(tangent_map, x, q, qr_every, aligning)
    states, frames = [x], [q]
    triangles: list[np.ndarray] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(points + aligning):
            for _ in range(qr_every):
                x, q = tangent_map(x, q)
            finite = np.isfinite(x).all(1) & np.isfinite(q).all((1, 2))
            if not finite.all():
                x, q, stayed = x[finite], q[finite], stayed[finite]
                states, frames = [s[finite] for s in states], [f[finite] for f in frames]
                triangles = [r[finite] for r in triangles]
            if not stayed.size:
                break
            q, r = np.linalg.qr(q)
            grown = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)))
            if (beyond_rounding(grown) | (grown == -np.inf)).any():
                raise DataError(
                    f"a direction among the {q.shape[2]} that the map annihilates, or contracts between two QRs "
                    "to below the rounding of the others",
                    "directions with a way back",
                    "choose k as the number of finite exponents in lyapunov_spectrum, or a lower qr_every",
                )
            states.append(x)
            frames.append(q)
            triangles.append(r)
    settings = {
        "steps": points * qr_every,
        "transient": aligning * qr_every,
        "members": members,
        "qr_every": qr_every,
        "dt": dt,
        "kick": kick,
        "seed": seed,
        "time_unit": time_unit,
        "method": tangent_method(tangent_map),
    }
    if not stayed.size:
        d, count = frames[0].shape[1:]
        empty, lost = np.empty((0, 0, d, count)), np.full(count, np.nan)
        return CovariantVectors(empty, np.empty((0, 0, d)), np.empty(0), lost, members, settings)
    vectors, growth = _backwards(frames, triangles, points)
    times = np.arange(points) * qr_every * dt
    rates = growth.mean((0, 1)) / (qr_every * dt)
    return CovariantVectors(vectors, np.array(states[:points]), times, rates, members - stayed.size, settings)


def _backwards(frames: list[np.ndarray], triangles: list[np.ndarray], points: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors at the first `points` frames, and the logarithm of their growth to the next: (points, members, ...)."""
    k = frames[0].shape[2]
    mixed = np.broadcast_to(np.triu(np.ones((k, k))), triangles[-1].shape)
    vectors, growth = np.empty((points, *frames[0].shape)), np.empty((points, len(frames[0]), k))
    for n in range(len(triangles) - 1, -1, -1):
        mixed = np.linalg.solve(triangles[n], mixed)
        length = np.linalg.norm(mixed, axis=1)
        mixed = mixed / length[:, None]
        if n < points:
            vectors[n] = frames[n] @ mixed
            growth[n] = -np.log(length)
    return vectors, growth
