"""Rössler's 1976 band attractor."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from .base import SYSTEMS, Published
from .equations import Equations
from .sprott import SPROTT


def field(x, out, a, b, c):
    out[0] = -x[1] - x[2]
    out[1] = x[0] + a * x[1]
    out[2] = b + x[2] * (x[0] - c)


def derivative(x, J, a, b, c):
    J[0, 1] = -1.0
    J[0, 2] = -1.0
    J[1, 0] = 1.0
    J[1, 1] = a
    J[2, 0] = x[2]
    J[2, 2] = x[0] - c


REFERENCE = {
    "lyapunov_spectrum": Published((0.0714, 0.0, -5.3943), (1e-4, 0.0, 1e-4), SPROTT),
    "kaplan_yorke_dimension": Published(2.0132, 1e-4, SPROTT),
    "correlation_dimension": Published(1.991, 0.065, SPROTT),
}


@SYSTEMS.register("rossler")
@dataclass(frozen=True)
class Rossler:
    """x' = -y - z, y' = x + a y, z' = b + z (x - c); phase-coherent: distant trajectories keep their phase
    for long.
    """

    a: float = option(0.2, "growth rate of the spiral")
    b: float = option(0.2, "constant inflow into z")
    c: float = option(5.7, "height of x at which z starts to grow")

    def build(self) -> Equations:
        return Equations(
            name="rossler",
            time="flow",
            dim=3,
            dt=0.1,
            period=5.88,
            parameters=asdict(self),
            default_state=np.array([0.0, -5.0, 0.03]),
            names=("x", "y", "z"),
            reference=REFERENCE if self == Rossler() else {},
            description="one-band spiral attractor with rare spikes in z",
            citation="O. E. Rössler, Phys. Lett. A 57, 397 (1976), doi:10.1016/0375-9601(76)90101-8",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b, self.c),
            scale=(5.1, 4.7, 2.8),
            max_step=0.01,
        )
