"""Systems whose equations are a Python function: compiled where numba can take it, plain numpy or torch elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsr.tangent import TangentSteps

from .base import System
from .described import changed
from .equations import Equations
from .runge_kutta import runge_kutta
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
        return replace(super().tangent_map(dt), method=f"{_named(self.function)}, compiled")

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

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; the method of the Jacobian is named in the result."""
        dt = self._sampling_step(dt)
        substeps = self._substeps(dt)

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

    def _substeps(self, duration: float) -> int:
        return max(1, math.ceil(duration / self.max_step - 1e-9))

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        orbit = np.empty((rows, self.dim))
        orbit[0] = start
        substeps = self._substeps(dt)
        with np.errstate(all="ignore"):
            for i in range(1, rows):
                x = orbit[i - 1]
                if self.time == "map":
                    for _ in range(substeps):
                        x = self.function(x)
                else:
                    x = runge_kutta(self.function, None, x[None], None, dt, substeps)[0][0]
                if not np.isfinite(x).all():
                    raise self._escaped(began + i * dt)
                orbit[i] = x
        return orbit

    def _provenance(self) -> dict[str, Any]:
        integrator = "Runge-Kutta 4, fixed step" if self.time == "flow" else "iteration"
        return {"jacobian": _named(self.function), "integrator": integrator, "max_step": self.max_step}


def _named(function: StateFunction) -> str:
    return "Jacobian given" if function.method == "given" else f"Jacobian by {function.method}"
