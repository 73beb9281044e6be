"""Maps of the unit interval: logistic and tent."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations

# Chaotic orbits spread evenly over [0, 1] have this standard deviation.
UNIFORM = 12**-0.5


def logistic_field(x, out, r):
    out[0] = r * x[0] * (1.0 - x[0])


def logistic_derivative(x, J, r):
    J[0, 0] = r * (1.0 - 2.0 * x[0])


def tent_field(x, out, slope):
    out[0] = slope * (0.5 - np.abs(x[0] - 0.5))


def tent_derivative(x, J, slope):
    J[0, 0] = slope * (1.0 - 2.0 * (x[0] > 0.5))


ULAM = "conjugate to the tent map of slope 2: S. M. Ulam, J. von Neumann, Bull. Am. Math. Soc. 53, 1120 (1947)"
CONSTANT_SLOPE = "the logarithm of the slope, which is the same everywhere"


@dataclass(frozen=True, eq=False, kw_only=True)
class Interval(Equations):
    """A map of [0, 1] into itself; outside, orbits escape to infinity."""

    def _admitted(self, state: np.ndarray) -> np.ndarray:
        folded = np.abs(state) % 2.0
        return np.minimum(folded, 2.0 - folded)


@SYSTEMS.register("logistic")
@dataclass(frozen=True)
class Logistic:
    """x -> r x (1 - x) on [0, 1]; at r = 4 the density is 1 / (pi sqrt(x (1 - x)))."""

    r: float = option(4.0, "growth rate, above 0 and up to 4; chaotic for most values above 3.57")

    def __post_init__(self) -> None:
        if not 0.0 < self.r <= 4.0:
            raise SpecError(
                f"logistic with r = {self.r}",
                "a value above 0 and up to 4: orbits escape beyond",
                "give for example r=3.9",
            )

    def build(self) -> Interval:
        full = {
            "lyapunov_spectrum": Published((math.log(2.0),), (0.0,), ULAM),
            "kaplan_yorke_dimension": Published(1.0, 0.0, ULAM),
        }
        return Interval(
            name="logistic",
            time="map",
            dim=1,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.4]),
            names=("x",),
            reference=full if self.r == 4.0 else {},
            description="growth with saturation: the textbook's route to chaos by period doubling",
            citation="R. M. May, Nature 261, 459 (1976), doi:10.1038/261459a0",
            field=logistic_field,
            derivative=logistic_derivative,
            numbers=(self.r,),
            scale=(8**-0.5,),
        )


@SYSTEMS.register("tent")
@dataclass(frozen=True)
class Tent:
    """x -> slope min(x, 1 - x) on [0, 1]; the exponent is the logarithm of the slope.

    Slope 2 is refused: it shifts binary digits out one at a time, and every computed orbit ends at 0 after some 50
    iterations.
    """

    slope: float = option(1.99999, "slope of both sides, above 1 and below 2")

    def __post_init__(self) -> None:
        if not 1.0 < self.slope < 2.0:
            raise SpecError(
                f"tent with slope = {self.slope}",
                "a slope above 1 and below 2: at 2 every computed orbit collapses to 0 within some 50 iterations",
                "give for example slope=1.99999",
            )

    def build(self) -> Interval:
        return Interval(
            name="tent",
            time="map",
            dim=1,
            dt=1.0,
            period=1.0,
            parameters=asdict(self),
            default_state=np.array([0.4]),
            names=("x",),
            reference={"lyapunov_spectrum": Published((math.log(self.slope),), (0.0,), CONSTANT_SLOPE)},
            description="stretching and folding in two straight pieces",
            citation="A. Lasota, J. A. Yorke, Trans. Am. Math. Soc. 186, 481 (1973), "
            "doi:10.1090/S0002-9947-1973-0335758-1",
            field=tent_field,
            derivative=tent_derivative,
            numbers=(self.slope,),
            scale=(UNIFORM,),
        )
