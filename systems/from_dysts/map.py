"""Adapter for the maps of dysts."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.tangent import TangentSteps

from ..base import System
from ..integration.compiled_steps import tangent_steps
from ..integration.integrate import compiled_loop, map_orbit, map_tangent
from .fields import DIFFERENCES, Pointers, at_each, packed, pointers
from .warnings import KNOWN_PROBLEMS

PILOT_ROWS = 2000  # iterations, the first half of them dropped
# states for which the equations make sense, where leaving them by a rounding error is not healed by the next step
DOMAIN = {"Chebyshev": (-1.0, 1.0)}


def dysts_map(system: Any, name: str) -> DystsMap:
    """The map of a dysts object. Raises `DataError` where its equations cannot be compiled."""
    kind = type(system).__name__
    start = np.atleast_1d(np.asarray(system.ic, dtype=float))
    states = start + np.array([0.0, 1e-3, -1e-3])[:, None]
    plain = np.array([np.ravel(system._rhs(*state, *system.param_list)) for state in states])
    found = pointers(system, start.size, False, states, plain)
    if found is None:
        raise DataError(
            f"the equations of {name} in dysts {importlib.metadata.version('dysts')} cannot be compiled by numba",
            "a map written with numbers and numpy functions",
            "write it as a function of your own, for `dsr.systems.from_function`",
        )
    return DystsMap(
        name=name,
        time="map",
        dim=start.size,
        dt=1.0,
        period=1.0,
        parameters=system.params,
        default_state=start,
        names=tuple(f"x{i + 1}" for i in range(start.size)),
        description=f"{kind}, a map of {'an interval' if start.size == 1 else f'{start.size} coordinates'}",
        citation=str(system.citation).strip(" ."),
        warning=KNOWN_PROBLEMS.get(name.split(":")[-1], ""),
        system=system,
        pointers=found,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class DystsMap(System):
    """A dysts map, iterated in compiled loops. `reference` is empty. The Jacobian is by central differences, which
    mislead where a map jumps."""

    system: Any
    pointers: Pointers

    # Small: some of these maps leave their attractor's basin, or arccos its range, for more.
    perturbation: float = 1e-3

    def rhs(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_kind("rhs", "step")

    def step(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        ends = np.empty((x.size // self.dim, self.dim))
        at_each(self.pointers.field, self._packed, x.reshape(-1, self.dim), ends)
        return ends.reshape(x.shape)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Central differences, with a step for each coordinate in proportion to its standard deviation."""
        x = np.asarray(x, dtype=float)
        J = np.empty((x.size // self.dim, self.dim, self.dim))
        at_each(self.pointers.derivative, self._packed, x.reshape(-1, self.dim), J)
        return J.reshape(*x.shape, self.dim)

    @cached_property
    def _packed(self) -> np.ndarray:
        return packed(self.system.param_list, self.state_scale())

    @cached_property
    def _scale(self) -> np.ndarray:
        orbit = np.empty((PILOT_ROWS, self.dim))
        params = (packed(self.system.param_list, np.ones(self.dim)),)
        field = self.pointers.field
        failed = compiled_loop(map_orbit, field)(field, params, self.default_state.copy(), orbit, 1, 1.0)
        if failed >= 0:
            raise self._escaped(failed)
        deviation = orbit[PILOT_ROWS // 2 :].std(axis=0)
        # what does not move, and what wanders without bound, is measured by 1
        return np.where((deviation > 1e-6) & (deviation < 1e2), deviation, 1.0)

    def state_scale(self) -> np.ndarray:
        return self._scale

    def _admitted(self, state: np.ndarray) -> np.ndarray:
        low, high = DOMAIN.get(type(self.system).__name__, (-np.inf, np.inf))
        return np.clip(state, low, high)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        return tangent_steps(
            map_tangent, self.pointers.field, self.pointers.derivative, (self._packed,), substeps=1, h=1.0,
            dt=self._sampling_step(dt), escaped=self._escaped, method=f"{DIFFERENCES}, compiled",
        )  # fmt: skip

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        orbit = np.empty((rows, self.dim))
        start = np.array(start, dtype=float)
        field = self.pointers.field
        failed = compiled_loop(map_orbit, field)(field, (self._packed,), start, orbit, round(dt), 1.0)
        if failed >= 0:
            raise self._escaped(began + failed)
        return orbit

    def _provenance(self) -> dict[str, Any]:
        return {"integrator": "iteration", "max_step": 1, "dysts": importlib.metadata.version("dysts")}
