"""Attractor of a Hopf bifurcation that meets a saddle-node, after Langford."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations


def field(x, out, a, b, c, d, e, f):
    u, v, w = x[0], x[1], x[2]
    out[0] = (w - b) * u - d * v
    out[1] = d * u + (w - b) * v
    out[2] = c + a * w - w * w * w / 3.0 - (u * u + v * v) * (1.0 + e * w) + f * w * u * u * u


def derivative(x, J, a, b, c, d, e, f):
    u, v, w = x[0], x[1], x[2]
    J[0, 0] = w - b
    J[0, 1] = -d
    J[0, 2] = u
    J[1, 0] = d
    J[1, 1] = w - b
    J[1, 2] = v
    J[2, 0] = -2.0 * u * (1.0 + e * w) + 3.0 * f * w * u * u
    J[2, 1] = -2.0 * v * (1.0 + e * w)
    J[2, 2] = a - w * w - e * (u * u + v * v) + f * u * u * u


@SYSTEMS.register("aizawa")
@dataclass(frozen=True)
class Aizawa:
    """x' = (z - b) x - d y, y' = d x + (z - b) y, z' = c + a z - z^3/3 - (x^2 + y^2)(1 + e z) + f z x^3: a rotation
    about the z axis whose amplitude z feeds; f breaks the symmetry and makes it chaotic.
    """

    a: float = option(0.95, "growth rate of z")
    b: float = option(0.7, "height of z above which the rotation grows")
    c: float = option(0.6, "constant inflow into z")
    d: float = option(3.5, "angular frequency of the rotation")
    e: float = option(0.25, "strength of the coupling of z to the rotation's energy")
    f: float = option(0.1, "breaking of the rotational symmetry")

    def build(self) -> Equations:
        return Equations(
            name="aizawa",
            time="flow",
            dim=3,
            dt=0.02,
            period=1.8,
            parameters=asdict(self),
            default_state=np.array([0.1, 0.0, 0.0]),
            names=("x", "y", "z"),
            description="sphere with a tube through its axis",
            citation="W. F. Langford, in Numerical Methods for Bifurcation Problems (Birkhäuser, 1984), p. 285, "
            "doi:10.1007/978-3-0348-6256-1_19",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b, self.c, self.d, self.e, self.f),
            scale=(0.57, 0.57, 0.73),
            max_step=0.01,
        )
