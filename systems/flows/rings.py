"""Rings of identical oscillators with diffusive coupling of x: Lorenz's and Rössler's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations

# The state is x, y, z of the first site, then of the second, and so on.


def lorenz_field(x, out, coupling, sigma, rho, beta):
    n = x.shape[0]
    for i in range(0, n, 3):
        neighbours = x[(i + 3) % n] + x[i - 3] - 2.0 * x[i]
        out[i] = sigma * (x[i + 1] - x[i]) + coupling * neighbours
        out[i + 1] = x[i] * (rho - x[i + 2]) - x[i + 1]
        out[i + 2] = x[i] * x[i + 1] - beta * x[i + 2]


def lorenz_derivative(x, J, coupling, sigma, rho, beta):
    n = x.shape[0]
    for i in range(0, n, 3):
        J[i, i] = -sigma - 2.0 * coupling
        J[i, i + 1] = sigma
        J[i, (i + 3) % n] = coupling
        J[i, i - 3] = coupling
        J[i + 1, i] = rho - x[i + 2]
        J[i + 1, i + 1] = -1.0
        J[i + 1, i + 2] = -x[i]
        J[i + 2, i] = x[i + 1]
        J[i + 2, i + 1] = x[i]
        J[i + 2, i + 2] = -beta


def rossler_field(x, out, coupling, a, b, c):
    n = x.shape[0]
    for i in range(0, n, 3):
        neighbours = x[(i + 3) % n] + x[i - 3] - 2.0 * x[i]
        out[i] = -x[i + 1] - x[i + 2] + coupling * neighbours
        out[i + 1] = x[i] + a * x[i + 1]
        out[i + 2] = b + x[i + 2] * (x[i] - c)


def rossler_derivative(x, J, coupling, a, b, c):
    n = x.shape[0]
    for i in range(0, n, 3):
        J[i, i] = -2.0 * coupling
        J[i, i + 1] = -1.0
        J[i, i + 2] = -1.0
        J[i, (i + 3) % n] = coupling
        J[i, i - 3] = coupling
        J[i + 1, i] = 1.0
        J[i + 1, i + 1] = a
        J[i + 2, i] = x[i + 2]
        J[i + 2, i + 2] = x[i] - c


HEAGY = "J. F. Heagy, T. L. Carroll, L. M. Pecora, Phys. Rev. E 50, 1874 (1994), doi:10.1103/PhysRevE.50.1874"


def _require_ring(name: str, sites: int) -> None:
    if sites < 3:
        raise SpecError(f"{name} with sites = {sites}", "3 sites or more", "give for example sites=5")


def _names(sites: int) -> tuple[str, ...]:
    return tuple(f"{letter}{site}" for site in range(1, sites + 1) for letter in "xyz")


@SYSTEMS.register("lorenz_ring")
@dataclass(frozen=True)
class LorenzRing:
    """Lorenz-63 at each site, with coupling (x_(i+1) + x_(i-1) - 2 x_i) added to x_i'. Strong coupling synchronises all
    sites, and the ring is then one Lorenz system.
    """

    sites: int = option(5, "number of sites, 3 or more")
    coupling: float = option(0.5, "strength of the diffusive coupling of x")
    sigma: float = option(10.0, "Prandtl number")
    rho: float = option(28.0, "Rayleigh number over its critical value")
    beta: float = option(8.0 / 3.0, "geometric factor")

    def __post_init__(self) -> None:
        _require_ring("lorenz_ring", self.sites)

    def build(self) -> Equations:
        rate = self.sigma + 1.0 + self.beta + 2.0 * self.coupling
        start = np.tile([1.0, 1.0, 25.0], self.sites) + 0.5 * np.arange(3 * self.sites)
        return Equations(
            name="lorenz_ring",
            time="flow",
            dim=3 * self.sites,
            dt=0.01,
            period=0.75,
            parameters=asdict(self),
            default_state=start,
            names=_names(self.sites),
            reference={
                "lyapunov_sum": Published(-self.sites * rate, 0.0, "constant divergence of the equations"),
            },
            description="ring of Lorenz systems coupled by diffusion: one unstable direction or more for each site",
            citation=HEAGY,
            field=lorenz_field,
            derivative=lorenz_derivative,
            numbers=(self.coupling, self.sigma, self.rho, self.beta),
            scale=(7.8, 8.9, 8.0) * self.sites,
            max_step=0.0025,
        )


@SYSTEMS.register("rossler_ring")
@dataclass(frozen=True)
class RosslerRing:
    """Rössler's flow at each site, with coupling (x_(i+1) + x_(i-1) - 2 x_i) added to x_i'. Weak coupling already locks
    the phases of the sites, while their amplitudes stay chaotic.
    """

    sites: int = option(5, "number of sites, 3 or more")
    coupling: float = option(0.02, "strength of the diffusive coupling of x")
    a: float = option(0.2, "growth rate of the spiral")
    b: float = option(0.2, "constant inflow into z")
    c: float = option(5.7, "height of x at which z starts to grow")

    def __post_init__(self) -> None:
        _require_ring("rossler_ring", self.sites)

    def build(self) -> Equations:
        start = np.tile([0.0, -5.0, 0.03], self.sites) + 0.2 * np.arange(3 * self.sites)
        return Equations(
            name="rossler_ring",
            time="flow",
            dim=3 * self.sites,
            dt=0.1,
            period=5.88,
            parameters=asdict(self),
            default_state=start,
            names=_names(self.sites),
            description="ring of Rössler systems coupled by diffusion: phases locked, amplitudes chaotic",
            citation=HEAGY,
            field=rossler_field,
            derivative=rossler_derivative,
            numbers=(self.coupling, self.a, self.b, self.c),
            scale=(5.1, 4.8, 2.9) * self.sites,
            max_step=0.01,
        )
