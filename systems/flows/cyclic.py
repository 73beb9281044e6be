"""Flows that are the same in x, y and z up to a cyclic exchange: Thomas's labyrinth and Halvorsen's attractor."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations
from ..sprott import BOOK


def thomas_field(x, out, b):
    for i in range(3):
        out[i] = np.sin(x[(i + 1) % 3]) - b * x[i]


def thomas_derivative(x, J, b):
    for i in range(3):
        J[i, i] = -b
        J[i, (i + 1) % 3] = np.cos(x[(i + 1) % 3])


def halvorsen_field(x, out, a, b):
    for i in range(3):
        y, z = x[(i + 1) % 3], x[(i + 2) % 3]
        out[i] = -a * x[i] - b * (y + z) - y * y


def halvorsen_derivative(x, J, a, b):
    for i in range(3):
        J[i, i] = -a
        J[i, (i + 1) % 3] = -b - 2.0 * x[(i + 1) % 3]
        J[i, (i + 2) % 3] = -b


@SYSTEMS.register("thomas")
@dataclass(frozen=True)
class Thomas:
    """x' = sin y - b x, y' = sin z - b y, z' = sin x - b z; the weaker the friction b, the longer the walks through a
    lattice of unstable fixed points.
    """

    b: float = option(0.18, "friction; chaotic from about 0.208 down to 0, with periodic windows")

    def build(self) -> Equations:
        return Equations(
            name="thomas",
            time="flow",
            dim=3,
            dt=0.2,
            period=43.5,
            parameters=asdict(self),
            default_state=np.array([0.1, 1.0, 2.0]),
            names=("x", "y", "z"),
            reference={"lyapunov_sum": Published(-3.0 * self.b, 0.0, "constant divergence of the equations")},
            description="walk through a labyrinth of fixed points, cyclically symmetric",
            citation="R. Thomas, Int. J. Bifurcation Chaos 9, 1889 (1999), doi:10.1142/S0218127499001383",
            field=thomas_field,
            derivative=thomas_derivative,
            numbers=(self.b,),
            scale=(2.27, 2.27, 2.27),
            max_step=0.05,
        )


@SYSTEMS.register("halvorsen")
@dataclass(frozen=True)
class Halvorsen:
    """x' = -a x - b (y + z) - y^2 and its cyclic exchanges; starts far from the attractor escape to infinity."""

    a: float = option(1.27, "decay rate of each variable")
    b: float = option(4.0, "strength of the linear coupling")

    def build(self) -> Equations:
        return Equations(
            name="halvorsen",
            time="flow",
            dim=3,
            dt=0.02,
            period=1.56,
            parameters=asdict(self),
            default_state=np.array([-5.0, 0.0, 0.0]),
            names=("x", "y", "z"),
            reference={"lyapunov_sum": Published(-3.0 * self.a, 0.0, "constant divergence of the equations")},
            description="three-winged attractor, cyclically symmetric",
            citation=BOOK,
            field=halvorsen_field,
            derivative=halvorsen_derivative,
            numbers=(self.a, self.b),
            scale=(4.4, 4.4, 4.4),
            max_step=0.0025,
        )
