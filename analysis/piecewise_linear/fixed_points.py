"""All fixed points of a piecewise-linear map, by solving every region exactly."""

from __future__ import annotations

from typing import Any

from .cycles import cycles
from .periodic_orbit import PeriodicOrbits
from .protocol import PiecewiseLinearMap


def fixed_points(
    model: PiecewiseLinearMap, *, most: float = 1e7, states: Any = None, samples: int = 20_000, seed: int = 0
) -> PeriodicOrbits:
    """All fixed points of a piecewise-linear map, each with its multipliers, residual and type.

    Parameters
    ----------
    model : see `PiecewiseLinearMap`. A model of the package is taken in double precision.
    most : regions that are solved at most. With more, or where they cannot be enumerated, a search takes over (see
        `cycles`), and the result says so in `complete`.
    states : (time, M), latent states, for instance of a free run; a search starts around them.
    samples : random points whose regions are added to the search. seed : of those points and of the search.

    Returns
    -------
    PeriodicOrbits of period 1. Points on the border of a region are found once and marked; regions with a line of
    fixed points are in `marginal`; `virtual` counts the regions whose fixed point lies outside them.

    With P independent gates (AL-RNN, PLRNN) P equations are solved in each of the 2**P regions, sharing the LU
    factors of earlier ones. A fixed point far outside the data is exact all the same, and means little: see
    `against_data`.

    Raises `SpecError` for a model that is not piecewise linear or not finite.

    Source: Eisenmann, Monfared, Göring, Durstewitz, NeurIPS 2023, arXiv:2310.17561 (the search); the elimination of
    the linear part is classical.
    """
    return cycles(model, 1, most=most, states=states, samples=samples, seed=seed)
