"""Chua's circuit: its smooth and its piecewise linear form."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations


def cubic_field(x, out, alpha, beta, slope):
    out[0] = alpha * (x[1] - x[0] * x[0] * x[0] - slope * x[0])
    out[1] = x[0] - x[1] + x[2]
    out[2] = -beta * x[1]


def cubic_derivative(x, J, alpha, beta, slope):
    J[0, 0] = -alpha * (3.0 * x[0] * x[0] + slope)
    J[0, 1] = alpha
    J[1, 0] = 1.0
    J[1, 1] = -1.0
    J[1, 2] = 1.0
    J[2, 1] = -beta


def linear_field(x, out, alpha, beta, inner, outer):
    diode = outer * x[0] + 0.5 * (inner - outer) * (np.abs(x[0] + 1.0) - np.abs(x[0] - 1.0))
    out[0] = alpha * (x[1] - x[0] - diode)
    out[1] = x[0] - x[1] + x[2]
    out[2] = -beta * x[1]


def linear_derivative(x, J, alpha, beta, inner, outer):
    between = 1.0 * (np.abs(x[0]) < 1.0)
    J[0, 0] = -alpha * (1.0 + outer + (inner - outer) * between)
    J[0, 1] = alpha
    J[1, 0] = 1.0
    J[1, 1] = -1.0
    J[1, 2] = 1.0
    J[2, 1] = -beta


@SYSTEMS.register("chua")
@dataclass(frozen=True)
class Chua:
    """x' = alpha (y - x^3 - c x), y' = x - y + z, z' = -beta y: the circuit with a cubic resistor."""

    alpha: float = option(10.0, "ratio of the two capacitances")
    beta: float = option(16.0, "inverse inductance")
    slope: float = option(-0.143, "c, slope of the resistor's curve at the origin")

    def build(self) -> Equations:
        return Equations(
            name="chua",
            time="flow",
            dim=3,
            dt=0.02,
            period=2.5,
            parameters=asdict(self),
            default_state=np.array([0.3, 0.0, 0.0]),
            names=("x", "y", "z"),
            description="electronic circuit with a cubic resistor: double scroll without corners",
            citation="A. Huang, L. Pivka, C. W. Wu, M. Franz, Int. J. Bifurcation Chaos 6, 2175 (1996), "
            "doi:10.1142/S0218127496001454",
            field=cubic_field,
            derivative=cubic_derivative,
            numbers=(self.alpha, self.beta, self.slope),
            scale=(0.32, 0.041, 0.37),
            max_step=0.005,
        )


@SYSTEMS.register("chua_piecewise_linear")
@dataclass(frozen=True)
class ChuaPiecewiseLinear:
    """x' = alpha (y - x - f(x)), y' = x - y + z, z' = -beta y, with f of slope m0 for |x| < 1 and m1 outside.

    The Jacobian jumps at |x| = 1, where the integration is of lower order. Starts far from the attractor end on a
    large limit cycle.
    """

    alpha: float = option(9.0, "ratio of the two capacitances")
    beta: float = option(100.0 / 7.0, "inverse inductance")
    inner: float = option(-8.0 / 7.0, "m0, slope of the resistor's curve for |x| < 1")
    outer: float = option(-5.0 / 7.0, "m1, slope outside")

    def build(self) -> Equations:
        return Equations(
            name="chua_piecewise_linear",
            time="flow",
            dim=3,
            dt=0.02,
            period=2.5,
            parameters=asdict(self),
            default_state=np.array([1.0, 0.0, -1.0]),
            names=("x", "y", "z"),
            description="electronic circuit with a resistor of three linear pieces: the double scroll",
            citation="T. Matsumoto, L. O. Chua, M. Komuro, IEEE Trans. Circuits Syst. 32, 797 (1985), "
            "doi:10.1109/TCS.1985.1085791",
            field=linear_field,
            derivative=linear_derivative,
            numbers=(self.alpha, self.beta, self.inner, self.outer),
            scale=(1.37, 0.188, 1.6),
            max_step=0.001,
        )
