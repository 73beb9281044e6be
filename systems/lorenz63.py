"""Lorenz's 1963 model of convection."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from .base import SYSTEMS, Published
from .equations import Equations
from .sprott import SPROTT


def field(x, out, sigma, rho, beta):
    out[0] = sigma * (x[1] - x[0])
    out[1] = x[0] * (rho - x[2]) - x[1]
    out[2] = x[0] * x[1] - beta * x[2]


def derivative(x, J, sigma, rho, beta):
    J[0, 0] = -sigma
    J[0, 1] = sigma
    J[1, 0] = rho - x[2]
    J[1, 1] = -1.0
    J[1, 2] = -x[0]
    J[2, 0] = x[1]
    J[2, 1] = x[0]
    J[2, 2] = -beta


REFERENCE = {
    "lyapunov_spectrum": Published((0.9056, 0.0, -14.5723), (1e-4, 0.0, 1e-4), SPROTT),
    "kaplan_yorke_dimension": Published(2.06215, 1e-5, SPROTT),
    "correlation_dimension": Published(2.068, 0.086, SPROTT),
    "lyapunov_sum": Published(-(10.0 + 1.0 + 8.0 / 3.0), 0.0, "constant divergence of the equations"),
}


@SYSTEMS.register("lorenz63")
@dataclass(frozen=True)
class Lorenz63:
    """x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z; volume shrinks at the rate sigma + 1 +
    beta.
    """

    sigma: float = option(10.0, "Prandtl number")
    rho: float = option(28.0, "Rayleigh number over its critical value; chaotic from about 24.74")
    beta: float = option(8.0 / 3.0, "geometric factor")

    def build(self) -> Equations:
        published = (self.sigma, self.rho) == (10.0, 28.0) and math.isclose(
            self.beta, 8.0 / 3.0, rel_tol=1e-9
        )
        return Equations(
            name="lorenz63",
            time="flow",
            dim=3,
            dt=0.01,
            period=0.75,
            parameters=asdict(self),
            default_state=np.array([1.0, 1.0, 25.0]),
            names=("x", "y", "z"),
            reference=REFERENCE if published else {},
            description="two-scroll attractor of a three-mode model of thermal convection",
            citation="E. N. Lorenz, J. Atmos. Sci. 20, 130 (1963), "
            "doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2",
            field=field,
            derivative=derivative,
            numbers=(self.sigma, self.rho, self.beta),
            scale=(7.9, 9.0, 8.6),
            max_step=0.0025,
        )
