"""Systems whose equations are a Python function: compiled where numba can take it, plain numpy or torch elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.tangent import TangentSteps

from ..base import System
from ..equations import Equations
from ..integration.integrate import substeps_of
from ..integration.integrators import FIXED_STEP, Integrator, implicit_tangent_steps, integrator_fields, step_too_large
from ..integration.runge_kutta import runge_kutta
from ..integration.stiff import stiff_orbit
from .described import changed
from .state_function import StateFunction


@dataclass(frozen=True, eq=False, kw_only=True)
class CompiledFunction(Equations):
    """`Equations` made from a function: loops are compiled, evaluation on arrays asks the function itself."""

    function: StateFunction

    def _evaluate(self, x: np.ndarray) -> np.ndarray:
        return self.function(x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return self.function.jacobian(x)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; the method of the Jacobian is named in the result."""
        steps = super().tangent_map(dt)
        how = "compiled" if steps.stretch else steps.method
        return replace(steps, method=f"{_named(self.function)}, {how}")

    def with_parameters(self, **changes: Any) -> CompiledFunction:
        values = changed(self.name, self.parameters, changes)
        numbers = tuple(values.values())
        return replace(self, parameters=values, numbers=numbers, function=self.function.with_numbers(numbers))

    def _provenance(self) -> dict[str, Any]:
        return {"jacobian": _named(self.function), **super()._provenance()}


@dataclass(frozen=True, eq=False, kw_only=True)
class PlainFunction(System):
    """A flow by classical Runge-Kutta steps of at most `max_step`, or a map, step by step in Python: 10 to 100 times
    slower than compiled loops on one trajectory, less so on many tangent vectors at once."""

    function: StateFunction
    scale: tuple[float, ...]
    max_step: float
    integrator: Integrator = FIXED_STEP

    def rhs(self, x: np.ndarray) -> np.ndarray:
        if self.time != "flow":
            raise self._wrong_kind("rhs", "step")
        return self.function(x)

    def step(self, x: np.ndarray) -> np.ndarray:
        if self.time != "map":
            raise self._wrong_kind("step", "rhs")
        return self.function(x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return self.function.jacobian(x)

    def state_scale(self) -> np.ndarray:
        return np.array(self.scale)

    def with_integrator(
        self, name: str, *, rtol: float = 1e-9, atol: float = 1e-9, max_step: float | None = None
    ) -> PlainFunction:
        """As for `Equations`, without "dopri5", which needs a compiled function."""
        if name == "dopri5":
            raise SpecError(
                f"dopri5 for {self.name}, whose function is not compiled", '"rk4", "lsoda" or "radau"', 'give "lsoda"'
            )
        return replace(self, **integrator_fields(self, name, rtol, atol, max_step))

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; the method of the Jacobian is named in the result."""
        dt = self._sampling_step(dt)
        if self.integrator.implicit:
            steps = implicit_tangent_steps(self.function, self.function.jacobian, self, dt)
            return replace(steps, method=f"{_named(self.function)}, {steps.method}")
        substeps, _ = self._substeps(dt)

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            x, Q = np.asarray(x, dtype=float), np.asarray(Q, dtype=float)
            with np.errstate(all="ignore"):
                if self.time == "map":
                    for _ in range(substeps):
                        x, Q = self.function(x), self.function.jacobian(x) @ Q
                else:
                    x, Q = runge_kutta(self.function, self.function.jacobian, x, Q, dt, substeps)
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x, Q

        return TangentSteps(advance, _named(self.function))

    def with_parameters(self, **changes: Any) -> PlainFunction:
        values = changed(self.name, self.parameters, changes)
        return replace(self, parameters=values, function=self.function.with_numbers(tuple(values.values())))

    def _substeps(self, duration: float) -> tuple[int, float]:
        return substeps_of(duration, self.max_step)

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        orbit = np.empty((rows, self.dim))
        failed = self._fill(orbit, start, dt)
        if failed is None:
            return orbit
        if self.time == "map" or self.integrator.implicit:
            raise self._escaped(began + failed)

        def reaches(state: np.ndarray, duration: float, step: float) -> bool:
            return replace(self, max_step=step)._fill(np.empty((2, self.dim)), state, duration) is None

        raise step_too_large(self, orbit, dt, failed, began, reaches)

    def _fill(self, orbit: np.ndarray, start: np.ndarray, dt: float) -> float | None:
        """As in `Equations`; times are told to a row."""
        orbit[0] = start
        if self.integrator.implicit:
            function, solver = self.function, self.integrator
            allowed = solver.atol * self.state_scale()
            return stiff_orbit(function, function.jacobian, start, orbit, dt, solver.name, solver.rtol, allowed)
        substeps, _ = self._substeps(dt)
        with np.errstate(all="ignore"):
            for i in range(1, len(orbit)):
                x = orbit[i - 1]
                if self.time == "map":
                    for _ in range(substeps):
                        x = self.function(x)
                else:
                    x = runge_kutta(self.function, None, x[None], None, dt, substeps)[0][0]
                if not np.isfinite(x).all():
                    orbit[i:] = np.nan
                    return i * dt
                orbit[i] = x
        return None

    def _provenance(self) -> dict[str, Any]:
        if self.time == "map":
            return {"jacobian": _named(self.function), "integrator": "iteration", "max_step": self.max_step}
        return {"jacobian": _named(self.function), **self.integrator.provenance(self.max_step)}


def _named(function: StateFunction) -> str:
    return "Jacobian given" if function.method == "given" else f"Jacobian by {function.method}"
