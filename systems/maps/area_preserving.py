"""Area-preserving maps of the torus: the standard map and Arnold's cat."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations
from ..sprott import SPROTT


def standard_field(x, out, k):
    momentum = x[1] + k * np.sin(x[0])
    out[0] = (x[0] + momentum) % (2.0 * np.pi)
    out[1] = momentum % (2.0 * np.pi)


def standard_derivative(x, J, k):
    kick = k * np.cos(x[0])
    J[0, 0] = 1.0 + kick
    J[0, 1] = 1.0
    J[1, 0] = kick
    J[1, 1] = 1.0


def cat_field(x, out, a, b):
    out[0] = (x[0] + a * x[1]) % 1.0
    out[1] = (b * x[0] + (1.0 + a * b) * x[1]) % 1.0


def cat_derivative(x, J, a, b):
    J[0, 0] = 1.0
    J[0, 1] = a
    J[1, 0] = b
    J[1, 1] = 1.0 + a * b


UNIT_AREA = "determinant 1 of the Jacobian"
EIGENVALUE = "logarithm of the larger eigenvalue of the matrix"


@SYSTEMS.register("standard")
@dataclass(frozen=True)
class Standard:
    """p -> p + k sin(angle), angle -> angle + p, both mod 2 pi: a rotor kicked periodically.

    At k = 5 almost every orbit is chaotic; near k = 1 chaos and regular islands mix, and the start decides.
    """

    k: float = option(5.0, "strength of the kick; chaos is confined to layers below 0.9716")

    def build(self) -> Equations:
        reference = {"lyapunov_sum": Published(0.0, 0.0, UNIT_AREA)}
        if self.k == 1.0:
            reference["lyapunov_spectrum"] = Published((0.10497, -0.10497), (1e-5, 1e-5), SPROTT)
        return Equations(
            name="standard",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.1, 0.2]),
            names=("angle", "p"),
            reference=reference,
            description="kicked rotor on the torus, conservative",
            citation="B. V. Chirikov, Phys. Rep. 52, 263 (1979), doi:10.1016/0370-1573(79)90023-1",
            field=standard_field,
            derivative=standard_derivative,
            numbers=(self.k,),
            scale=(1.81, 1.81),
        )


@SYSTEMS.register("arnold_cat")
@dataclass(frozen=True)
class ArnoldCat:
    """(x, y) -> (x + a y, b x + (1 + a b) y) mod 1: uniformly hyperbolic, with the uniform density on the torus."""

    a: int = option(1, "shear of x by y, a whole number above 0")
    b: int = option(1, "shear of y by x, a whole number above 0")

    def __post_init__(self) -> None:
        if self.a < 1 or self.b < 1:
            raise SpecError(
                f"arnold_cat with a = {self.a}, b = {self.b}", "whole numbers above 0", "give for example a=1, b=1"
            )

    def build(self) -> Equations:
        trace = 2.0 + self.a * self.b
        exponent = math.log((trace + math.sqrt(trace * trace - 4.0)) / 2.0)
        return Equations(
            name="arnold_cat",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.3, 0.4]),
            names=("x", "y"),
            reference={
                "lyapunov_spectrum": Published((exponent, -exponent), (0.0, 0.0), EIGENVALUE),
                "kaplan_yorke_dimension": Published(2.0, 0.0, UNIT_AREA),
            },
            description="linear stretching of the torus, conservative",
            citation="V. I. Arnold, A. Avez, Ergodic Problems of Classical Mechanics (Benjamin, 1968)",
            field=cat_field,
            derivative=cat_derivative,
            numbers=(float(self.a), float(self.b)),
            scale=(12**-0.5, 12**-0.5),
        )
