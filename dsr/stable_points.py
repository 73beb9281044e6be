"""Stable fixed points of a piecewise-linear model among the data: the one rule of selection and judgement."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

MOVES = 20  # from a region to the region of its fixed point
MOST = 2e7  # numbers in all matrices that are solved


def stable_points(model: Any, states: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Stable fixed points in the box of `states` (n, state_dim), those of free runs, which are seen in the box of
    `truth` (time, obs): as observed, (count, obs). Chaotic data hold none, and a free run that comes near one stays.

    The fixed point of each region of `states` is solved for, then that of the region where it lies, and so on until a
    region has its own: exact for each point that is found, but points may be missed (`dsr.analysis.fixed_points` finds
    all of a small model); in ten and more dimensions nearly every state can have a region to itself, and the search
    starts from some of them. None for models that are not piecewise linear.

    It misleads where the system itself has a stable fixed point beside its attractor, as Lorenz-63 at rho = 24.4.
    Source: Eisenmann, Monfared, Göring, Durstewitz, NeurIPS 2023, arXiv:2310.17561 (the search).
    """
    nothing = np.empty((0, truth.shape[1]))
    if not (hasattr(model, "bits") and hasattr(model, "affine")):
        return nothing
    import torch

    twin, known, found = model.in_float64(), set[bytes](), list[np.ndarray]()
    at_once = max(1, int(MOST / (MOVES * twin.state_dim**2)))
    with torch.no_grad():
        bits = twin.bits(torch.from_numpy(np.array(states, dtype=float)))
        for _ in range(MOVES):
            different = torch.unique(bits, dim=0) if bits.shape[1] else bits[:1]  # a linear model is one region
            rows = {row.numpy().tobytes(): row for row in different}
            fresh = [row for name, row in rows.items() if name not in known]
            if not fresh:
                break
            fresh = fresh[:: math.ceil(len(fresh) / at_once)]
            known |= {row.numpy().tobytes() for row in fresh}
            points, stable, bits = _solved(twin, torch.stack(fresh))
            found.append(points[stable & _within(points, states)])
        points = np.concatenate(found)
        seen = twin.observe(torch.from_numpy(points)).numpy() if len(points) else nothing
    return seen[_within(seen, truth)]


def _within(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return ((points > others.min(0)) & (points < others.max(0))).all(1)


def _solved(twin: Any, bits: Tensor) -> tuple[np.ndarray, np.ndarray, Tensor]:
    """Of each region that has a single one its fixed point, whether it is there and stable, and where it lies."""
    import torch

    W, b = (x.numpy() for x in twin.affine(bits))
    lacking = np.eye(twin.state_dim) - W
    single = np.linalg.slogdet(lacking).sign != 0
    points = np.linalg.solve(lacking[single], b[single][..., None])[..., 0]
    there = twin.bits(torch.from_numpy(points))
    stable = (there == bits[torch.from_numpy(single)]).all(1).numpy()
    stable[stable] = np.abs(np.linalg.eigvals(W[single][stable])).max(1) < 1
    return points, stable, there
