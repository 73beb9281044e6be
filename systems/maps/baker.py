"""The skewed baker's map: cutting, stretching and stacking with unequal pieces."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations


def field(x, out, cut, lower, upper):
    right = 1.0 * (x[0] >= cut)
    out[0] = (x[0] - cut * right) / (cut + (1.0 - 2.0 * cut) * right)
    out[1] = x[1] * (lower + (upper - lower) * right) + (1.0 - upper) * right


def derivative(x, J, cut, lower, upper):
    right = 1.0 * (x[0] >= cut)
    J[0, 0] = 1.0 / (cut + (1.0 - 2.0 * cut) * right)
    J[1, 1] = lower + (upper - lower) * right


ANALYTIC = "exact: the density is uniform along x, and x alone decides the piece"


@SYSTEMS.register("baker")
@dataclass(frozen=True)
class Baker:
    """(x, y) -> (x / c, l y) for x < c, else ((x - c) / (1 - c), 1 - u + u y) on the unit square.

    With l = c and u = 1 - c areas are kept. c = 1/2 is refused: it shifts binary digits out one at a time, and every
    computed orbit ends at x = 0 after some 50 iterations.
    """

    cut: float = option(0.4, "c, where the square is cut; above 0, below 1, not 1/2")
    lower: float = option(0.3, "l, height to which the left piece is pressed, above 0")
    upper: float = option(0.5, "u, height to which the right piece is pressed, above 0; l + u at most 1")

    def __post_init__(self) -> None:
        pressed = self.lower > 0 and self.upper > 0 and self.lower + self.upper <= 1.0
        if not (0.0 < self.cut < 1.0 and self.cut != 0.5 and pressed):
            raise SpecError(
                f"baker with {asdict(self)}",
                "a cut above 0 and below 1 other than 1/2, at which computed orbits collapse, and heights above 0 "
                "whose sum is at most 1",
                "give for example cut=0.4, lower=0.3, upper=0.5",
            )

    def build(self) -> Equations:
        left, right = self.cut, 1.0 - self.cut
        stretch = -left * math.log(left) - right * math.log(right)
        press = left * math.log(self.lower) + right * math.log(self.upper)
        # mean and variance of y repeat themselves after one iteration
        mean = right * (1.0 - self.upper) / (1.0 - left * self.lower - right * self.upper)
        square = right * ((1.0 - self.upper) ** 2 + 2.0 * (1.0 - self.upper) * self.upper * mean)
        square /= 1.0 - left * self.lower**2 - right * self.upper**2
        return Equations(
            name="baker",
            time="map",
            dim=2,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.3, 0.4]),
            names=("x", "y"),
            reference={
                "lyapunov_spectrum": Published((stretch, press), (0.0, 0.0), ANALYTIC),
                "kaplan_yorke_dimension": Published(1.0 + stretch / -press, 0.0, ANALYTIC),
            },
            description="cut, stretched and stacked square with unequal pieces",
            citation="J. D. Farmer, E. Ott, J. A. Yorke, Physica D 7, 153 (1983), doi:10.1016/0167-2789(83)90125-2",
            field=field,
            derivative=derivative,
            numbers=(self.cut, self.lower, self.upper),
            scale=(12**-0.5, math.sqrt(square - mean**2)),
        )
