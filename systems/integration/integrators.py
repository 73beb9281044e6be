"""`Integrator`: which method moves a system's states in time, with its tolerances; and what is said where it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, EscapeError, SpecError, unknown
from dsr.tangent import TangentSteps

from ..base import System, _number
from .stiff import SOLVERS, Field, stiff_tangent

WORDS = {
    "rk4": "Runge-Kutta 4, fixed step",
    "dopri5": "Dormand-Prince 5(4), adaptive step",
    "lsoda": "LSODA, implicit where stiff",
    "radau": "Radau IIA of order 5, implicit",
}
SMALLEST = 1e-14  # tolerance that rounding still allows
RETRY_PERIODS = 10.0
SMALLER = (4.0, 16.0, 64.0)  # parts of a step that failed which are tried
SANE = 30.0  # in standard deviations: beyond, a trajectory is taken to be on its way to infinity


@dataclass(frozen=True)
class Integrator:
    """name : "rk4" (fixed steps of at most the system's `max_step`), "dopri5" (adaptive steps), "lsoda" or "radau"
    (scipy's solvers for stiff equations, with the analytic Jacobian).
    rtol, atol : error allowed in a step, relative to the state and in units of the system's `state_scale`; without a
        meaning for "rk4".
    """

    name: str = "rk4"
    rtol: float = 1e-9
    atol: float = 1e-9

    def __post_init__(self) -> None:
        if self.name not in WORDS:
            raise unknown("integrator", self.name, WORDS)
        for key in ("rtol", "atol"):
            value = getattr(self, key)
            if not (_number(value) and SMALLEST <= value < 1.0):
                raise SpecError(f"{key} = {value!r}", f"a number from {SMALLEST:g} to below 1", f"give {key}=1e-9")

    @property
    def implicit(self) -> bool:
        return self.name in SOLVERS

    def provenance(self, max_step: float) -> dict[str, Any]:
        if self.name == "rk4":
            return {"integrator": WORDS[self.name], "max_step": max_step}
        return {"integrator": WORDS[self.name], "rtol": self.rtol, "atol_in_scales": self.atol}


FIXED_STEP = Integrator()


def integrator_fields(system: Any, name: str, rtol: float, atol: float, max_step: float | None) -> dict[str, Any]:
    """The fields `integrator` and `max_step` of a flow; raises `SpecError` for a map or values out of range."""
    if system.time != "flow":
        raise SpecError(f"an integrator for the map {system.name}", "flows", "leave it out: maps are iterated")
    if max_step is not None and not (_number(max_step) and max_step > 0):
        raise SpecError(f"max_step = {max_step!r}", "a positive number", f"give max_step={system.max_step:.3g}")
    return {"integrator": Integrator(name, rtol, atol), "max_step": float(max_step or system.max_step)}


def implicit_tangent_steps(rhs: Field, jacobian: Field, system: Any, dt: float) -> TangentSteps:
    """One step of dt by the variational equation, member after member, with the system's implicit solver."""
    solver, allowed = system.integrator, system.integrator.atol * system.state_scale()

    def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, Q = np.array(x, dtype=float), np.array(Q, dtype=float)
        for b in range(len(x)):
            x[b], Q[b] = stiff_tangent(rhs, jacobian, x[b], Q[b], dt, solver.name, solver.rtol, allowed)
        if not np.isfinite(x).all():
            raise system._escaped(dt)
        return x, Q

    return TangentSteps(advance, f"variational equation by {SOLVERS[solver.name]}")


def step_too_large(
    system: Any, orbit: np.ndarray, dt: float, failed: float, began: float, reaches: Callable[..., bool]
) -> DataError:
    """What to say of an orbit (rows, dim), NaN at its end, of fixed steps that became infinite after the time `failed`.

    The last stretch is repeated with smaller steps, and if that stays finite the step was the reason. Where even the
    first row is far out, a transient may have left it there: then the default state must fail with this step as well.
    reaches : (state, duration, largest step) -> whether the state at the end is finite.
    """
    spread = np.abs(orbit - system.default_state) / system.state_scale()
    sane = np.flatnonzero((spread < SANE).all(axis=1))
    state, left = system.default_state, RETRY_PERIODS * system.period
    if sane.size:
        state, left = orbit[sane[-1]], failed - sane[-1] * dt + system.period
    elif reaches(state, left, system.max_step):
        return System._escaped(system, began + failed)
    for divisor in SMALLER:
        step = system.max_step / divisor
        if reaches(state, left, step):
            return DataError(
                f"the step max_step = {system.max_step:.6g} is too large for {system.name}: it became infinite "
                f"{began + failed:.6g} {system.time_unit} after its initial condition, and with a step of {step:.6g} "
                "it stays finite",
                "steps that keep the integration stable",
                f'type system.with_integrator("rk4", max_step={step:.6g}), or "dopri5", which finds its own steps',
            )
    least = system.max_step / SMALLER[-1]
    return EscapeError(
        f"{system.name} became infinite {began + failed:.6g} {system.time_unit} after its initial condition, with "
        f"steps from {system.max_step:.6g} down to {least:.6g}",
        "parameters for which trajectories stay bounded, and steps that keep the integration stable",
        "change the parameters (`dsr systems` shows the defaults) or the seed, or try yet smaller steps: "
        f'system.with_integrator("rk4", max_step={least / 16:.3g})',
    )
