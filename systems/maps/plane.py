"""Dissipative maps of the plane: Lozi's, Ikeda's and Tinkerbell."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations


def lozi_field(x, out, a, b):
    out[0] = 1.0 - a * np.abs(x[0]) + x[1]
    out[1] = b * x[0]


def lozi_derivative(x, J, a, b):
    J[0, 0] = -a * np.sign(x[0])
    J[0, 1] = 1.0
    J[1, 0] = b


def ikeda_field(x, out, loss):
    turn = 0.4 - 6.0 / (1.0 + x[0] * x[0] + x[1] * x[1])
    s, c = np.sin(turn), np.cos(turn)
    out[0] = 1.0 + loss * (x[0] * c - x[1] * s)
    out[1] = loss * (x[0] * s + x[1] * c)


def ikeda_derivative(x, J, loss):
    light = 1.0 + x[0] * x[0] + x[1] * x[1]
    turn = 0.4 - 6.0 / light
    s, c = np.sin(turn), np.cos(turn)
    rate = 12.0 / (light * light)
    along, across = loss * (x[0] * c - x[1] * s), loss * (x[0] * s + x[1] * c)
    J[0, 0] = loss * c - across * rate * x[0]
    J[0, 1] = -loss * s - across * rate * x[1]
    J[1, 0] = loss * s + along * rate * x[0]
    J[1, 1] = loss * c + along * rate * x[1]


def tinkerbell_field(x, out, a, b, c, d):
    u, v = x[0], x[1]
    out[0] = u * u - v * v + a * u + b * v
    out[1] = 2.0 * u * v + c * u + d * v


def tinkerbell_derivative(x, J, a, b, c, d):
    J[0, 0] = 2.0 * x[0] + a
    J[0, 1] = -2.0 * x[1] + b
    J[1, 0] = 2.0 * x[1] + c
    J[1, 1] = 2.0 * x[0] + d


def _area(factor: float) -> dict[str, Published]:
    return {"lyapunov_sum": Published(math.log(factor), 0.0, "constant contraction of areas")} if factor > 0 else {}


@SYSTEMS.register("lozi")
@dataclass(frozen=True)
class Lozi:
    """(x, y) -> (1 - a |x| + y, b x): Hénon's map in two linear pieces; starts far from 0 escape to infinity."""

    a: float = option(1.7, "strength of the fold")
    b: float = option(0.5, "contraction of areas per iteration")

    def build(self) -> Equations:
        return Equations(
            name="lozi",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.zeros(2),
            names=("x", "y"),
            reference=_area(abs(self.b)),
            description="piecewise linear fold of the plane with a fractal attractor",
            citation="R. Lozi, J. Phys. Colloq. 39 (C5), 9 (1978), doi:10.1051/jphyscol:1978505",
            field=lozi_field,
            derivative=lozi_derivative,
            numbers=(self.a, self.b),
            scale=(0.61, 0.305),
        )


@SYSTEMS.register("ikeda")
@dataclass(frozen=True)
class Ikeda:
    """z -> 1 + u z exp(i (0.4 - 6 / (1 + |z|^2))) for z = x + i y: light in a ring cavity. At u = 0.9 a stable fixed
    point near (3, 4) coexists with the chaotic attractor.
    """

    loss: float = option(0.9, "u, share of the light that is kept on a round trip")

    def build(self) -> Equations:
        return Equations(
            name="ikeda",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.1, 0.1]),
            names=("x", "y"),
            reference=_area(self.loss**2),
            description="light going round in a cavity with a nonlinear medium",
            citation="S. M. Hammel, C. K. R. T. Jones, J. V. Moloney, J. Opt. Soc. Am. B 2, 552 (1985), "
            "doi:10.1364/JOSAB.2.000552",
            field=ikeda_field,
            derivative=ikeda_derivative,
            numbers=(self.loss,),
            scale=(0.49, 0.745),
        )


@SYSTEMS.register("tinkerbell")
@dataclass(frozen=True)
class Tinkerbell:
    """(x, y) -> (x^2 - y^2 + a x + b y, 2 x y + c x + d y); starts off the attractor escape to infinity soon."""

    a: float = option(0.9, "linear growth of x")
    b: float = option(-0.6013, "effect of y on x")
    c: float = option(2.0, "effect of x on y")
    d: float = option(0.5, "linear growth of y")

    def build(self) -> Equations:
        return Equations(
            name="tinkerbell",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([-0.72, -0.64]),
            names=("x", "y"),
            description="quadratic map of the plane with a looped attractor",
            citation="H. E. Nusse, J. A. Yorke, Dynamics: Numerical Explorations (Springer, 1994), "
            "doi:10.1007/978-1-4684-0231-5",
            field=tinkerbell_field,
            derivative=tinkerbell_derivative,
            numbers=(self.a, self.b, self.c, self.d),
            scale=(0.34, 0.51),
        )
