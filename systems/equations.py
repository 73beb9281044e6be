"""`Equations`: a system given by its vector field or map and its Jacobian, for loops and for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.tangent import TangentSteps

from .base import System
from .integration.adaptive import adaptive_loops
from .integration.compiled_steps import tangent_steps
from .integration.integrate import compiled, flow_orbit, flow_tangent, map_orbit, map_tangent, substeps_of
from .integration.integrators import FIXED_STEP, Integrator, implicit_tangent_steps, integrator_fields, step_too_large
from .integration.stiff import stiff_orbit


@dataclass(frozen=True, eq=False, kw_only=True)
class Equations(System):
    """A flow integrated by classical Runge-Kutta steps of at most `max_step`, or as `integrator` says; or a map.

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
    integrator: Integrator = FIXED_STEP

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

    def with_integrator(
        self, name: str, *, rtol: float = 1e-9, atol: float = 1e-9, max_step: float | None = None
    ) -> Self:
        """The same flow moved by another method: "rk4", "dopri5", "lsoda" or "radau" (see `Integrator`).

        max_step : largest step of "rk4", and the first one that "dopri5" tries. Raises `SpecError` for a map, an
        unknown method, or tolerances out of range.
        """
        return replace(self, **integrator_fields(self, name, rtol, atol, max_step))

    def with_parameters(self, **changes: Any) -> System:
        changed = super().with_parameters(**changes)
        return replace(changed, integrator=self.integrator) if isinstance(changed, Equations) else changed

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; Q is advanced by the exact derivative of the step that `simulate` makes.

        With "lsoda" and "radau" by the variational equation, solved together with the state: slower.
        """
        dt = self._sampling_step(dt)
        if self.integrator.implicit:
            return implicit_tangent_steps(*self._pointwise(), self, dt)
        _, tangent, params, substeps, h = self._loops(dt)
        return tangent_steps(
            tangent, compiled(self.field), compiled(self.derivative), params, substeps=substeps, h=h, dt=dt,
            escaped=self._escaped, method="analytic Jacobian, compiled",
        )  # fmt: skip

    def _loops(self, dt: float) -> tuple[Callable, Callable, tuple, int, float]:
        """Loops over orbits and over tangent vectors, what they are called with, and the steps that make dt."""
        if self.time == "map":
            return map_orbit, map_tangent, self.numbers, *self._substeps(dt)
        if self.integrator.name == "rk4":
            return flow_orbit, flow_tangent, self.numbers, *self._substeps(dt)
        return *adaptive_loops(), (self.numbers, self.integrator.rtol, self._allowed(), self.max_step), 1, dt

    def _substeps(self, duration: float) -> tuple[int, float]:
        return substeps_of(duration, self.max_step)

    def _allowed(self) -> np.ndarray:
        return self.integrator.atol * self.state_scale()

    def _pointwise(self) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
        """Right-hand side and Jacobian of one state (dim,), compiled."""
        field, derivative = compiled(self.field), compiled(self.derivative)

        def rhs(x: np.ndarray) -> np.ndarray:
            out = np.empty(self.dim)
            field(x, out, *self.numbers)
            return out

        def jacobian(x: np.ndarray) -> np.ndarray:
            J = np.zeros((self.dim, self.dim))
            derivative(x, J, *self.numbers)
            return J

        return rhs, jacobian

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        orbit = np.empty((rows, self.dim))
        failed = self._fill(orbit, start, dt)
        if failed is not None:
            raise self._failure(orbit, dt, failed, began)
        return orbit

    def _fill(self, orbit: np.ndarray, start: np.ndarray, dt: float) -> float | None:
        """Writes the states every dt from `start` on into orbit (rows, dim), the first row being `start`.

        Returns the time until the first state that is not finite, None if all are; rows from there on are NaN.
        """
        start = np.array(start, dtype=float)
        if self.integrator.implicit:
            solver = self.integrator
            failed_at = stiff_orbit(*self._pointwise(), start, orbit, dt, solver.name, solver.rtol, self._allowed())
        else:
            loop, _, params, substeps, h = self._loops(dt)
            failed = compiled(loop)(compiled(self.field), params, start, orbit, substeps, h)
            failed_at = None if failed < 0 else failed * h
            if failed >= 0:
                orbit[-(-failed // substeps) :] = np.nan
        self._report(orbit)
        return failed_at

    def _report(self, orbit: np.ndarray) -> None:
        """Changes states (rows, dim) in place to the form in which they are returned."""

    def _failure(self, orbit: np.ndarray, dt: float, failed: float, began: float) -> DataError:
        """What to say of an orbit (rows, dim) that `_fill` found infinite after the time `failed`."""
        if self.time == "map" or self.integrator.name != "rk4":
            return self._escaped(began + failed)

        def reaches(state: np.ndarray, duration: float, step: float) -> bool:
            return replace(self, max_step=step)._fill(np.empty((2, self.dim)), state, duration) is None

        return step_too_large(self, orbit, dt, failed, began, reaches)

    def _provenance(self) -> dict[str, Any]:
        if self.time == "map":
            return {"integrator": "iteration", "max_step": 1}
        return self.integrator.provenance(self.max_step)
