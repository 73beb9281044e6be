"""Kaneko's ring of logistic maps coupled by diffusion."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations


def field(x, out, a, coupling):
    n = x.shape[0]
    for i in range(n):
        left, right = x[i - 1], x[(i + 1) % n]
        neighbours = 1.0 - 0.5 * a * (left * left + right * right)
        out[i] = (1.0 - coupling) * (1.0 - a * x[i] * x[i]) + coupling * neighbours


def derivative(x, J, a, coupling):
    n = x.shape[0]
    for i in range(n):
        J[i, i] = -2.0 * a * (1.0 - coupling) * x[i]
        J[i, i - 1] = -a * coupling * x[i - 1]
        J[i, (i + 1) % n] = -a * coupling * x[(i + 1) % n]


@dataclass(frozen=True, eq=False, kw_only=True)
class Lattice(Equations):
    """A lattice of maps of [-1, 1] into itself; outside, orbits escape to infinity."""

    def _admitted(self, state: np.ndarray) -> np.ndarray:
        return np.clip(state, -1.0, 1.0)


@SYSTEMS.register("coupled_map_lattice")
@dataclass(frozen=True)
class CoupledMapLattice:
    """x_i -> (1 - e) f(x_i) + e/2 (f(x_(i-1)) + f(x_(i+1))) with f(x) = 1 - a x^2 on a ring: chaos in space and time,
    frozen patterns at lower a. From a = 1.9, e = 0.3 some starts end in regular patterns, after thousands of
    iterations.
    """

    sites: int = option(20, "number of sites, 3 or more")
    a: float = option(2.0, "strength of the fold of each map, above 0 and up to 2")
    coupling: float = option(0.1, "e, share that comes from the neighbours, from 0 to 1")

    def __post_init__(self) -> None:
        if self.sites < 3 or not (0.0 < self.a <= 2.0 and 0.0 <= self.coupling <= 1.0):
            raise SpecError(
                f"coupled_map_lattice with {asdict(self)}",
                "3 sites or more, a above 0 and up to 2, coupling from 0 to 1",
                "give for example sites=20, a=2.0, coupling=0.1",
            )

    def build(self) -> Lattice:
        return Lattice(
            name="coupled_map_lattice",
            time="map",
            dim=self.sites,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=0.5 * np.cos(2.4 * np.arange(self.sites)),
            names=tuple(f"x{site}" for site in range(1, self.sites + 1)),
            description="ring of coupled quadratic maps: chaos in space and time",
            citation="K. Kaneko, Prog. Theor. Phys. 72, 480 (1984), doi:10.1143/PTP.72.480",
            field=field,
            derivative=derivative,
            numbers=(self.a, self.coupling),
            scale=(0.525,) * self.sites,
        )
