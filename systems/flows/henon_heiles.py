"""Hénon and Heiles's star in the potential of a galaxy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..hamiltonian import Hamiltonian


def field(x, out):
    out[0] = x[2]
    out[1] = x[3]
    out[2] = -x[0] - 2.0 * x[0] * x[1]
    out[3] = -x[1] - x[0] * x[0] + x[1] * x[1]


def derivative(x, J):
    J[0, 2] = 1.0
    J[1, 3] = 1.0
    J[2, 0] = -1.0 - 2.0 * x[1]
    J[2, 1] = -2.0 * x[0]
    J[3, 0] = -2.0 * x[0]
    J[3, 1] = -1.0 + 2.0 * x[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class Star(Hamiltonian):
    """The flow of H = (px^2 + py^2 + x^2 + y^2)/2 + x^2 y - y^3/3."""

    def energy(self, x: np.ndarray) -> np.ndarray:
        x, y, px, py = np.moveaxis(np.asarray(x, dtype=float), -1, 0)
        return 0.5 * (px * px + py * py + x * x + y * y) + x * x * y - y**3 / 3.0


# x, y and py of the default state; px follows from the energy. In the chaotic sea at the default energy: from here a
# start is regular once in a hundred, from (0, 0.1, 0) nearly always.
START = (0.0, -0.2, 0.0)


@SYSTEMS.register("henon_heiles")
@dataclass(frozen=True)
class HenonHeiles:
    """H = (px^2 + py^2 + x^2 + y^2)/2 + x^2 y - y^3/3; near the energy of escape, 1/6, most orbits are chaotic, below
    0.1 most are regular. Orbits may stick to the edges of regular islands for long.
    """

    energy: float = option(0.16, "energy of the orbit, above 0.01 and below 1/6")

    def __post_init__(self) -> None:
        if not 0.01 < self.energy < 1.0 / 6.0:
            raise SpecError(
                f"henon_heiles with energy = {self.energy}",
                "an energy above 0.01, and below 1/6, at which orbits escape",
                "give for example energy=0.16",
            )

    def build(self) -> Star:
        x, y, py = START
        px = math.sqrt(2.0 * self.energy - y * y + 2.0 * y**3 / 3.0)
        return Star(
            name="henon_heiles",
            time="flow",
            dim=4,
            dt=0.1,
            period=6.5,
            parameters=asdict(self),
            default_state=np.array([x, y, px, py]),
            names=("x", "y", "px", "py"),
            reference={"lyapunov_sum": Published(0.0, 0.0, "Liouville's theorem")},
            description="star in the plane of a galaxy: two coupled oscillators, conservative",
            citation="M. Hénon, C. Heiles, Astron. J. 69, 73 (1964), doi:10.1086/109234",
            field=field,
            derivative=derivative,
            numbers=(),
            scale=(0.34, 0.33, 0.27, 0.27),
            max_step=0.005,
        )
