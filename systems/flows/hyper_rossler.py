"""Rössler's 1979 flow with two expanding directions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations


def field(x, out, a, b, c, d):
    out[0] = -x[1] - x[2]
    out[1] = x[0] + a * x[1] + x[3]
    out[2] = b + x[0] * x[2]
    out[3] = -c * x[2] + d * x[3]


def derivative(x, J, a, b, c, d):
    J[0, 1] = -1.0
    J[0, 2] = -1.0
    J[1, 0] = 1.0
    J[1, 1] = a
    J[1, 3] = 1.0
    J[2, 0] = x[2]
    J[2, 2] = x[0]
    J[3, 2] = -c
    J[3, 3] = d


@SYSTEMS.register("hyper_rossler")
@dataclass(frozen=True)
class HyperRossler:
    """x' = -y - z, y' = x + a y + w, z' = b + x z, w' = -c z + d w: two positive exponents in four dimensions; z is
    close to 0 but for short, high spikes.
    """

    a: float = option(0.25, "growth rate of the spiral")
    b: float = option(3.0, "constant inflow into z")
    c: float = option(0.5, "loss of w to the spikes")
    d: float = option(0.05, "growth rate of w")

    def build(self) -> Equations:
        return Equations(
            name="hyper_rossler",
            time="flow",
            dim=4,
            dt=0.1,
            period=6.7,
            parameters=asdict(self),
            default_state=np.array([-20.0, 0.0, 0.0, 15.0]),
            names=("x", "y", "z", "w"),
            description="hyperchaotic spiral with rare spikes",
            citation="O. E. Rössler, Phys. Lett. A 71, 155 (1979), doi:10.1016/0375-9601(79)90150-6",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b, self.c, self.d),
            scale=(22.0, 20.6, 12.8, 8.6),
            max_step=0.001,
        )
