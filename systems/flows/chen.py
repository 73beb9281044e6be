"""Chen's 1999 flow, dual to Lorenz's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations


def field(x, out, a, b, c):
    out[0] = a * (x[1] - x[0])
    out[1] = (c - a) * x[0] - x[0] * x[2] + c * x[1]
    out[2] = x[0] * x[1] - b * x[2]


def derivative(x, J, a, b, c):
    J[0, 0] = -a
    J[0, 1] = a
    J[1, 0] = c - a - x[2]
    J[1, 1] = c
    J[1, 2] = -x[0]
    J[2, 0] = x[1]
    J[2, 1] = x[0]
    J[2, 2] = -b


@SYSTEMS.register("chen")
@dataclass(frozen=True)
class Chen:
    """x' = a (y - x), y' = (c - a) x - x z + c y, z' = x y - b z; volume shrinks at the rate a + b - c."""

    a: float = option(35.0, "rate at which x follows y")
    b: float = option(3.0, "decay rate of z")
    c: float = option(28.0, "growth rate of y")

    def build(self) -> Equations:
        return Equations(
            name="chen",
            time="flow",
            dim=3,
            dt=0.004,
            period=0.3,
            parameters=asdict(self),
            default_state=np.array([3.0, 3.0, 20.0]),
            names=("x", "y", "z"),
            reference={
                "lyapunov_sum": Published(self.c - self.a - self.b, 0.0, "constant divergence of the equations")
            },
            description="two-scroll attractor, faster and more folded than Lorenz's",
            citation="G. Chen, T. Ueta, Int. J. Bifurcation Chaos 9, 1465 (1999), doi:10.1142/S0218127499001024",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b, self.c),
            scale=(8.5, 9.2, 7.0),
            max_step=0.0005,
        )
