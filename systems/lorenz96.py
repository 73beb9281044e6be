"""Lorenz's 1996 ring of N coupled sites."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from .base import SYSTEMS, Published
from .equations import Equations


def field(x, out, forcing):
    n = x.shape[0]
    for i in range(n):
        out[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + forcing


def derivative(x, J, forcing):
    n = x.shape[0]
    for i in range(n):
        J[i, (i + 1) % n] = x[i - 1]
        J[i, i - 2] = -x[i - 1]
        J[i, i - 1] = x[(i + 1) % n] - x[i - 2]
        J[i, i] = -1.0


# Lorenz & Emanuel state a doubling time of small errors of 2.1 days; their time unit is 5 days.
DOUBLING = Published(
    math.log(2) / (2.1 / 5),
    math.log(2) / (2.1 / 5) * 0.05 / 2.1,
    "doubling time of 2.1 days with 5 days to the time unit (rounding of the printed digit as uncertainty): "
    "E. N. Lorenz & K. A. Emanuel, J. Atmos. Sci. 55, 399 (1998), "
    "doi:10.1175/1520-0469(1998)055<0399:OSFSWO>2.0.CO;2",
)


@SYSTEMS.register("lorenz96")
@dataclass(frozen=True)
class Lorenz96:
    """x_i' = (x_(i+1) - x_(i-2)) x_(i-1) - x_i + F on a ring; the quadratic terms conserve the energy sum
    x_i^2 / 2.
    """

    dim: int = option(20, "number of sites, 4 or more")
    forcing: float = option(8.0, "constant forcing F; chaotic from about 5 on large rings")

    def __post_init__(self) -> None:
        if self.dim < 4:
            raise SpecError(f"lorenz96 with dim = {self.dim}", "4 sites or more", "give for example dim=20")

    def build(self) -> Equations:
        reference = {
            "lyapunov_sum": Published(-float(self.dim), 0.0, "constant divergence of the equations"),
        }
        if self == Lorenz96(dim=40, forcing=8.0):
            reference["largest_lyapunov_exponent"] = DOUBLING
        start = np.full(self.dim, self.forcing)
        start[0] += 1.0
        return Equations(
            name="lorenz96",
            time="flow",
            dim=self.dim,
            dt=0.05,
            period=1.7,
            parameters=asdict(self),
            default_state=start,
            reference=reference,
            description="ring of coupled sites with advection, damping and forcing; dimension as wanted",
            citation="E. N. Lorenz, Predictability: a problem partly solved, ECMWF Seminar (1996)",
            field=field,
            derivative=derivative,
            numbers=(self.forcing,),
            scale=(3.6,) * self.dim,
            max_step=0.005,
        )
