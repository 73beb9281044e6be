"""The delay equation of Mackey and Glass."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from .base import SYSTEMS
from .delay import Delayed, steps_per_delay

STEP = 0.1  # at most, and a whole fraction of the delay


def field(y, out, p):
    beta, gamma, n = p[0], p[1], p[2]
    out[0] = beta * y[1] / (1.0 + y[1] ** n) - gamma * y[0]


def derivative(y, J, p):
    beta, gamma, n = p[0], p[1], p[2]
    J[0, 0] = -gamma
    J[0, 1] = beta * (1.0 + (1.0 - n) * y[1] ** n) / (1.0 + y[1] ** n) ** 2


@SYSTEMS.register("mackey_glass")
@dataclass(frozen=True)
class MackeyGlass:
    """x' = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x; one column is observed, the state is a stretch of tau."""

    tau: float = option(17.0, "delay; chaotic from about 16.8 on, hyperchaotic at 30")
    beta: float = option(0.2, "production")
    gamma: float = option(0.1, "decay")
    n: float = option(10.0, "steepness of the feedback")

    def __post_init__(self) -> None:
        if not (0.5 <= self.tau < 1000 and self.beta > 0 and self.gamma > 0 and self.n > 0):
            raise SpecError(
                f"mackey_glass with {asdict(self)}",
                "tau from 0.5 to 1000, and beta, gamma, n above 0",
                "give for example tau=17",
            )

    def build(self) -> Delayed:
        points = steps_per_delay(self.tau, STEP)
        h = self.tau / points
        return Delayed(
            name="mackey_glass",
            time="flow",
            dim=points + 2,
            dt=round(1.0 / h) * h,
            period=50.0,
            parameters=asdict(self),
            default_state=np.full(points + 2, 0.9),
            names=("x",),
            observed=1,
            description="regulation of blood cells with a delay: one column, a state of infinite dimension",
            citation="M. C. Mackey, L. Glass, Science 197, 287 (1977), doi:10.1126/science.267326",
            field=field,
            derivative=derivative,
            scale=(0.23,),
            numbers=(self.beta, self.gamma, self.n),
            points=points,
        )
