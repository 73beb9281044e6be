"""`Equations`: a system given by its vector field or map and its Jacobian, for loops and for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.tangent import TangentSteps, orthonormalise

from .base import System
from .integrate import compiled, flow_orbit, flow_tangent, map_orbit, map_tangent, stretches


@dataclass(frozen=True, eq=False, kw_only=True)
class Equations(System):
    """A flow integrated by classical Runge-Kutta steps of at most `max_step`, or an iterated map.

    `field(x, out, *parameters)` and `derivative(x, J, *parameters)` write into `out` and `J`; the component
    index is on axis 0, so that the same function runs compiled on one state (dim,) and vectorised on many
    (dim, batch). `derivative` may leave out entries that are always 0. `numbers` are the parameters in the
    order of the arguments.
    """

    field: Callable[..., None]
    derivative: Callable[..., None]
    numbers: tuple[float, ...]
    scale: tuple[float, ...]
    max_step: float = 1.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in self.numbers):
            raise SpecError(
                f"{self.name} with parameters {dict(self.parameters)}",
                "finite numbers",
                "give each parameter a number",
            )

    def rhs(self, x: np.ndarray) -> np.ndarray:
        if self.time != "flow":
            raise self._wrong_kind("rhs", "step")
        return self._evaluate(x)

    def step(self, x: np.ndarray) -> np.ndarray:
        if self.time != "map":
            raise self._wrong_kind("step", "rhs")
        return self._evaluate(x)

    def _evaluate(self, x: np.ndarray) -> np.ndarray:
        components = np.moveaxis(np.asarray(x, dtype=float), -1, 0)
        out = np.empty_like(components)
        self.field(components, out, *self.numbers)
        return np.moveaxis(out, 0, -1)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        components = np.moveaxis(np.asarray(x, dtype=float), -1, 0)
        J = np.zeros((self.dim, *components.shape))
        self.derivative(components, J, *self.numbers)
        return np.moveaxis(J, (0, 1), (-2, -1))

    def state_scale(self) -> np.ndarray:
        return np.array(self.scale)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; Q is advanced by the exact derivative of the step that `simulate` makes."""
        dt = self._sampling_step(dt)
        substeps, h = self._substeps(dt)
        loop = compiled(flow_tangent if self.time == "flow" else map_tangent)
        field, derivative = compiled(self.field), compiled(self.derivative)

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            x = np.ascontiguousarray(x, dtype=float)
            Q = np.ascontiguousarray(Q, dtype=float)
            x, Q = loop(field, derivative, self.numbers, x, Q, substeps, h)
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x, Q

        def stretch(x: np.ndarray, Q: np.ndarray, steps: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            x, Q, growth, failed = compiled(stretches)(
                loop, compiled(orthonormalise), field, derivative, self.numbers,
                np.ascontiguousarray(x, dtype=float), np.ascontiguousarray(Q, dtype=float),
                substeps * steps, h, rounds,
            )  # fmt: skip
            if failed >= 0:
                raise self._escaped((failed + 1) * steps * dt)
            return x, Q, growth

        return TangentSteps(advance, "analytic Jacobian, compiled", stretch)

    def _substeps(self, duration: float) -> tuple[int, float]:
        # the tolerance keeps dt = 0.01 at four steps of 0.0025 whatever the rounding of the quotient
        substeps = max(1, math.ceil(duration / self.max_step - 1e-9))
        return substeps, duration / substeps

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        orbit = np.empty((rows, self.dim))
        failed = self._fill(orbit, start, dt)
        if failed is not None:
            raise self._escaped(began + failed)
        return orbit

    def _fill(self, orbit: np.ndarray, start: np.ndarray, dt: float) -> float | None:
        """Writes the states every dt from `start` on into orbit (rows, dim), the first row being `start`.

        Returns the time until the first state that is not finite, None if all are; rows from there on are NaN.
        """
        substeps, h = self._substeps(dt)
        loop = compiled(flow_orbit if self.time == "flow" else map_orbit)
        failed = loop(compiled(self.field), self.numbers, np.array(start, dtype=float), orbit, substeps, h)
        if failed < 0:
            return None
        orbit[-(-failed // substeps) :] = np.nan
        return failed * h

    def _provenance(self) -> dict[str, Any]:
        if self.time == "map":
            return {"integrator": "iteration", "max_step": 1}
        return {"integrator": "Runge-Kutta 4, fixed step", "max_step": self.max_step}
