"""Hénon's 1976 quadratic map of the plane."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from .base import SYSTEMS, Published
from .equations import Equations
from .sprott import SPROTT


def field(x, out, a, b):
    out[0] = 1.0 - a * x[0] * x[0] + x[1]
    out[1] = b * x[0]


def derivative(x, J, a, b):
    J[0, 0] = -2.0 * a * x[0]
    J[0, 1] = 1.0
    J[1, 0] = b


REFERENCE = {
    "lyapunov_spectrum": Published((0.41922, -1.62319), (1e-5, 1e-5), SPROTT),
    "kaplan_yorke_dimension": Published(1.25827, 1e-5, SPROTT),
    "correlation_dimension": Published(1.220, 0.036, SPROTT),
}


@SYSTEMS.register("henon")
@dataclass(frozen=True)
class Henon:
    """(x, y) -> (1 - a x^2 + y, b x); areas shrink by |b| at each iteration; starts far from 0 escape to
    infinity.
    """

    a: float = option(1.4, "strength of the fold")
    b: float = option(0.3, "contraction of areas per iteration; must not be 0 for the map to be invertible")

    def build(self) -> Equations:
        return Equations(
            name="henon",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.zeros(2),
            names=("x", "y"),
            reference=REFERENCE if self == Henon() else {},
            description="folded and stretched plane with a fractal attractor",
            citation="M. Hénon, Commun. Math. Phys. 50, 69 (1976), doi:10.1007/BF01608556",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b),
            scale=(0.72, 0.21),
        )
