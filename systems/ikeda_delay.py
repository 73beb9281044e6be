"""The delay equation of Ikeda for the light in an optical resonator."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from .base import SYSTEMS
from .delay import Delayed, steps_per_delay

STEP = 0.01  # at most: sin x(t - tau) turns round several times per time unit


def field(y, out, p):
    mu, x0 = p[0], p[1]
    out[0] = mu * np.sin(y[1] - x0) - y[0]


def derivative(y, J, p):
    mu, x0 = p[0], p[1]
    J[0, 0] = -1.0
    J[0, 1] = mu * np.cos(y[1] - x0)


@SYSTEMS.register("ikeda_delay")
@dataclass(frozen=True)
class IkedaDelay:
    """x' = -x + mu sin(x(t - tau) - x0), hyperchaotic; one column is observed, the state is a stretch of tau.

    The defaults are the setting of the dysts catalogue, W. Gilpin (2021), doi:10.48550/arXiv.2110.05266.
    """

    tau: float = option(2.0, "delay, in units of the relaxation time of the phase")
    mu: float = option(-20.0, "intensity of the light; its sign is a shift of x0 by pi")
    x0: float = option(0.0, "phase without light")

    def __post_init__(self) -> None:
        if not (0.05 <= self.tau < 100 and abs(self.mu) < 1e3 and abs(self.x0) < 1e3):
            raise SpecError(
                f"ikeda_delay with {asdict(self)}",
                "tau from 0.05 to 100, mu and x0 below 1000",
                "give for example tau=2",
            )

    def build(self) -> Delayed:
        points = steps_per_delay(self.tau, STEP)
        h = self.tau / points
        return Delayed(
            name="ikeda_delay",
            time="flow",
            dim=points + 2,
            dt=max(1, round(0.05 / h)) * h,
            period=1.5,
            parameters=asdict(self),
            default_state=np.full(points + 2, 0.5),
            names=("x",),
            observed=1,
            description="phase of the light in an optical resonator with a delay: high-dimensional chaos in one column",
            citation="K. Ikeda, K. Matsumoto, Physica D 29, 223 (1987), doi:10.1016/0167-2789(87)90058-3",
            field=field,
            derivative=derivative,
            numbers=(self.mu, self.x0),
            points=points,
            scale=(3.6,),
        )
