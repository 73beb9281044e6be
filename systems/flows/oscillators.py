"""Driven oscillators, made autonomous by the phase of the drive: Duffing's and van der Pol's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS, Published
from ..phases import Rotating
from ..sprott import SPROTT


def duffing_field(x, out, damping, linear, cubic, amplitude, frequency):
    out[0] = x[1]
    out[1] = -damping * x[1] - linear * x[0] - cubic * x[0] * x[0] * x[0] + amplitude * np.cos(x[2])
    out[2] = frequency


def duffing_derivative(x, J, damping, linear, cubic, amplitude, frequency):
    J[0, 1] = 1.0
    J[1, 0] = -linear - 3.0 * cubic * x[0] * x[0]
    J[1, 1] = -damping
    J[1, 2] = -amplitude * np.sin(x[2])


def van_der_pol_field(x, out, damping, amplitude, frequency):
    out[0] = x[1]
    out[1] = damping * (1.0 - x[0] * x[0]) * x[1] - x[0] + amplitude * np.cos(x[2])
    out[2] = frequency


def van_der_pol_derivative(x, J, damping, amplitude, frequency):
    J[0, 1] = 1.0
    J[1, 0] = -2.0 * damping * x[0] * x[1] - 1.0
    J[1, 1] = damping * (1.0 - x[0] * x[0])
    J[1, 2] = -amplitude * np.sin(x[2])


UEDA = {
    "lyapunov_spectrum": Published((0.1034, 0.0, -0.1534), (1e-4, 0.0, 1e-4), SPROTT),
    "kaplan_yorke_dimension": Published(2.674, 1e-3, SPROTT),
    "correlation_dimension": Published(2.675, 0.132, SPROTT),
}


@SYSTEMS.register("duffing")
@dataclass(frozen=True)
class Duffing:
    """x'' = -damping x' - linear x - cubic x^3 + amplitude cos(phase), phase' = frequency; at the defaults Ueda's
    hardening spring. x and its velocity are observed, the phase of the drive is not.
    """

    damping: float = option(0.05, "friction")
    linear: float = option(0.0, "linear stiffness; negative: two wells")
    cubic: float = option(1.0, "cubic stiffness")
    amplitude: float = option(7.5, "amplitude of the drive")
    frequency: float = option(1.0, "angular frequency of the drive")

    def build(self) -> Rotating:
        return Rotating(
            name="duffing",
            time="flow",
            dim=3,
            dt=0.05,
            period=2 * np.pi,
            parameters=asdict(self),
            default_state=np.array([2.5, 0.0, 0.0]),
            names=("x", "v"),
            observed=2,
            reference=UEDA if self == Duffing() else {},
            description="driven oscillator with a spring that hardens",
            citation="Y. Ueda, J. Stat. Phys. 20, 181 (1979), doi:10.1007/BF01011512",
            field=duffing_field,
            derivative=duffing_derivative,
            numbers=(self.damping, self.linear, self.cubic, self.amplitude, self.frequency),
            scale=(1.6, 2.42, 1.81),
            max_step=0.01,
            angles=(2,),
        )


@SYSTEMS.register("van_der_pol")
@dataclass(frozen=True)
class VanDerPol:
    """x'' = damping (1 - x^2) x' - x + amplitude cos(phase), phase' = frequency; chaotic in narrow ranges of the
    drive only. x and its velocity are observed, the phase of the drive is not.
    """

    damping: float = option(5.0, "strength of the nonlinear damping")
    amplitude: float = option(5.0, "amplitude of the drive")
    frequency: float = option(2.466, "angular frequency of the drive")

    def build(self) -> Rotating:
        return Rotating(
            name="van_der_pol",
            time="flow",
            dim=3,
            dt=0.05,
            period=10.2,
            parameters=asdict(self),
            default_state=np.array([1.0, 0.0, 0.0]),
            names=("x", "v"),
            observed=2,
            description="driven relaxation oscillator",
            citation="U. Parlitz, W. Lauterborn, Phys. Rev. A 36, 1428 (1987), doi:10.1103/PhysRevA.36.1428",
            field=van_der_pol_field,
            derivative=van_der_pol_derivative,
            numbers=(self.damping, self.amplitude, self.frequency),
            scale=(1.54, 1.73, 1.81),
            max_step=0.005,
            angles=(2,),
        )
