"""Lorenz's 1984 model of the westerly winds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations


def field(x, out, a, b, forcing, contrast):
    out[0] = -x[1] * x[1] - x[2] * x[2] - a * (x[0] - forcing)
    out[1] = x[0] * x[1] - b * x[0] * x[2] - x[1] + contrast
    out[2] = b * x[0] * x[1] + x[0] * x[2] - x[2]


def derivative(x, J, a, b, forcing, contrast):
    J[0, 0] = -a
    J[0, 1] = -2.0 * x[1]
    J[0, 2] = -2.0 * x[2]
    J[1, 0] = x[1] - b * x[2]
    J[1, 1] = x[0] - 1.0
    J[1, 2] = -b * x[0]
    J[2, 0] = b * x[1] + x[2]
    J[2, 1] = b * x[0]
    J[2, 2] = x[0] - 1.0


@SYSTEMS.register("lorenz84")
@dataclass(frozen=True)
class Lorenz84:
    """x' = -y^2 - z^2 - a (x - F), y' = x y - b x z - y + G, z' = b x y + x z - z: a westerly wind x and the two
    phases y, z of a planetary wave that it feeds and carries along.
    """

    a: float = option(0.25, "damping of the westerly wind")
    b: float = option(4.0, "strength with which the wind displaces the wave")
    forcing: float = option(8.0, "F, temperature contrast between equator and pole")
    contrast: float = option(1.0, "G, temperature contrast between continents and oceans")

    def build(self) -> Equations:
        return Equations(
            name="lorenz84",
            time="flow",
            dim=3,
            dt=0.025,
            period=1.44,
            parameters=asdict(self),
            default_state=np.array([0.84, -0.34, -0.85]),
            names=("x", "y", "z"),
            description="three-mode model of the atmosphere's general circulation",
            citation="E. N. Lorenz, Tellus A 36, 98 (1984), doi:10.1111/j.1600-0870.1984.tb00230.x",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.b, self.forcing, self.contrast),
            scale=(0.58, 0.92, 0.91),
            max_step=0.005,
        )
