"""Adapter for the flows of dysts. Angles are left as the equations have them, unwrapped."""

from __future__ import annotations

import importlib.metadata
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dsr.tangent import TangentSteps

from ..base import System
from ..integration.compiled_steps import tangent_steps
from ..integration.integrate import compiled_loop, flow_orbit, flow_tangent
from ..integration.runge_kutta import runge_kutta
from .fields import DIFFERENCES, WIDTH, Pointers, at_each, packed, pointers
from .warnings import KNOWN_PROBLEMS

RTOL, ATOL = 1e-9, 1e-12
# Rows of the pilot orbit, which measures scales and checks step sizes: five periods.
PILOT_ROWS, PILOT_STEPS_PER_PERIOD = 500, 100
# Runge-Kutta steps are halved until that moves no coordinate by more than this fraction of its standard deviation, or
# in as many states as may cross a kink of the equations, by more than the second
STEP_TOLERANCE, KINK_TOLERANCE, KINKED, MOST_HALVINGS = 1e-7, 1e-5, 0.1, 9


def dysts_flow(flow: Any, name: str) -> DystsFlow:
    """The flow of a dysts object."""
    clock = _depends_on_time(flow)
    problems = [KNOWN_PROBLEMS.get(type(flow).__name__, ""), _drifting(flow, clock)]
    return DystsFlow(
        name=name,
        time="flow",
        dim=flow.dimension + clock,
        dt=flow.period / 100,
        period=float(flow.period),
        parameters=flow.params,
        default_state=np.append(np.asarray(flow.ic, dtype=float), [0.0] * clock),
        description=str(flow.description),
        citation=str(flow.citation),
        warning="; ".join(problem for problem in problems if problem),
        flow=flow,
        clock=clock,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class DystsFlow(System):
    """A dysts flow. `clock` tells that time is appended as last coordinate (the equations depend on it).

    Equations that numba takes (all but three flows) run in compiled Runge-Kutta steps, where halving them below
    period/50,000 shows that they suffice; stiff or jumping flows are left to scipy's LSODA. `reference` is empty. A
    Jacobian by central differences misleads where the right-hand side jumps (friction, relays).
    """

    flow: Any
    clock: bool

    # Small, since a conservative flow thrown on another energy surface is another system, or escapes.
    perturbation: float = 1e-3

    def rhs(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        rows = x.reshape(-1, self.dim)
        if self._compiled is None:
            return np.array([self._one(row) for row in rows]).reshape(x.shape)
        slopes = np.empty_like(rows)
        at_each(self._compiled.field, self._packed_roughly, rows, slopes)
        return slopes.reshape(x.shape)

    def step(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_kind("step", "rhs")

    def _one(self, x: np.ndarray) -> np.ndarray:
        """What dysts itself says of one state."""
        if not self.clock:
            return np.array(self.flow.rhs(x, 0.0), dtype=float)
        return np.append(np.array(self.flow.rhs(x[:-1], x[-1]), dtype=float), 1.0)

    @cached_property
    def _compiled(self) -> Pointers | None:
        moved = np.array([0.0, 1e-3, -1e-3])[:, None] * np.maximum(np.abs(self.default_state), 1e-2)
        states = self.default_state + moved
        plain = np.array([self._one(x) for x in states])
        return pointers(self.flow, self.flow.dimension, self.clock, states, plain)

    @cached_property
    def _packed_roughly(self) -> np.ndarray:
        """For the field, which does not read the sizes of coordinates."""
        return packed(self.flow.param_list, np.ones(self.dim))

    @cached_property
    def _packed(self) -> np.ndarray:
        return packed(self.flow.param_list, self.state_scale())

    @cached_property
    def _pilot(self) -> np.ndarray:
        return self._lsoda(self.default_state, PILOT_ROWS, self.period / PILOT_STEPS_PER_PERIOD, 0.0)

    def state_scale(self) -> np.ndarray:
        deviation = self._pilot.std(axis=0)
        return np.where(deviation > 0, deviation, np.maximum(np.abs(self.default_state), 1.0))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Central differences, with a step for each coordinate in proportion to its standard deviation."""
        x = np.asarray(x, dtype=float)
        if self._compiled is not None:
            J = np.empty((x.size // self.dim, self.dim, self.dim))
            at_each(self._compiled.derivative, self._packed, x.reshape(-1, self.dim), J)
            return J.reshape(*x.shape, self.dim)
        h = WIDTH * np.maximum(self.state_scale(), 1e-3 * np.abs(x))
        shift = h[..., None, :] * np.eye(self.dim)
        slopes = self.rhs(np.stack([x[..., None, :] + shift, x[..., None, :] - shift]))
        return np.swapaxes((slopes[0] - slopes[1]) / (2 * h[..., :, None]), -1, -2)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """Runge-Kutta 4 with a central-difference Jacobian at each stage, compiled where possible; for flows too stiff
        for that the variational equation by LSODA, which is 100 to 1000 times slower.

        Expect exponents good to about 1e-5 relative, not the rounding-exact derivative of our own systems.
        """
        dt = self._sampling_step(dt)
        if self.max_step is None:
            return TangentSteps(self._variational(dt), f"{DIFFERENCES}, variational equation by LSODA")
        substeps, h = self._substeps(dt)
        if self._compiled is not None:
            return tangent_steps(
                flow_tangent, self._compiled.field, self._compiled.derivative, (self._packed,),
                substeps=substeps, h=h, dt=dt, escaped=self._escaped, method=f"{DIFFERENCES}, compiled",
            )  # fmt: skip

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            x, Q = self._stepped(np.asarray(x, dtype=float), np.asarray(Q, dtype=float), dt, substeps)
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x, Q

        return TangentSteps(advance, DIFFERENCES)

    def _stepped(self, x: np.ndarray, Q: np.ndarray, duration: float, substeps: int) -> tuple[np.ndarray, np.ndarray]:
        """States (B, dim) and tangents (B, dim, k) after that many Runge-Kutta steps."""
        if self._compiled is not None:
            field, derivative = self._compiled.field, self._compiled.derivative
            loop = compiled_loop(flow_tangent, field)
            return loop(field, derivative, (self._packed,), x, Q, substeps, duration / substeps)
        with np.errstate(all="ignore"):
            return runge_kutta(self.rhs, self.jacobian if Q.size else None, x, Q, duration, substeps)

    @cached_property
    def max_step(self) -> float | None:
        """Largest step period / 200 / 2^k whose halving moves no state of the pilot orbit, within period / 100, by more
        than 1e-7 of its scale, or else 1e-5 for the few states that cross a kink; None for flows too stiff, or with
        jumps too large, for any that is tried.
        """
        span = self.period / PILOT_STEPS_PER_PERIOD
        tried, scale = np.ascontiguousarray(self._pilot[::5]), self.state_scale()
        no_tangents = np.empty((*tried.shape, 0))
        coarse = self._stepped(tried, no_tangents, span, 2)[0]
        kinked = None
        for k in range(1, MOST_HALVINGS):
            fine = self._stepped(tried, no_tangents, span, 2 ** (k + 1))[0]
            moved = np.max(np.abs(fine - coarse) / scale, axis=1)
            if moved.max() <= STEP_TOLERANCE:
                return span / 2**k
            if kinked is None and np.quantile(moved, 1 - KINKED) <= STEP_TOLERANCE and moved.max() <= KINK_TOLERANCE:
                kinked = span / 2**k
            coarse = fine
        return kinked

    def _substeps(self, duration: float) -> tuple[int, float]:
        substeps = max(1, math.ceil(duration / (self.max_step or duration) - 1e-9))
        return substeps, duration / substeps

    def _variational(self, dt: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        dim = self.dim

        def slope(t: float, y: np.ndarray) -> np.ndarray:
            x, Q = y[:dim], y[dim:].reshape(dim, -1)
            return np.concatenate([self.rhs(x), (self.jacobian(x) @ Q).ravel()])

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            ends = [
                self._solve(slope, np.concatenate([state, vectors.ravel()]), np.array([0.0, dt]), dt)[1]
                for state, vectors in zip(np.asarray(x, float), np.asarray(Q, float), strict=True)
            ]
            return np.array([y[:dim] for y in ends]), np.array([y[dim:].reshape(dim, -1) for y in ends])

        return advance

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        if self._compiled is None or self.max_step is None:
            return self._lsoda(start, rows, dt, began)
        substeps, h = self._substeps(dt)
        orbit = np.empty((rows, self.dim))
        start = np.array(start, dtype=float)
        field = self._compiled.field
        failed = compiled_loop(flow_orbit, field)(field, (self._packed,), start, orbit, substeps, h)
        if failed >= 0:
            raise self._escaped(began + failed * h)
        return orbit

    def _lsoda(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        return self._solve(self._slope, start, dt * np.arange(rows), began)

    def _slope(self, t: float, x: np.ndarray) -> np.ndarray:
        if self._compiled is None:
            return self._one(x)
        out = np.empty(self.dim)
        self._compiled.plain(x, out, self._packed_roughly)
        return out

    def _solve(self, slope: Callable, start: np.ndarray, times: np.ndarray, began: float) -> np.ndarray:
        from scipy.integrate import solve_ivp

        with np.errstate(all="ignore"), warnings.catch_warnings():
            # LSODA warns where it gives up; that becomes an error with a time below
            warnings.simplefilter("ignore")
            solution = solve_ivp(slope, (0.0, times[-1]), start, "LSODA", times, rtol=RTOL, atol=ATOL)
        orbit = solution.y.T
        finite = np.isfinite(orbit).all(axis=1)
        if not finite.all():
            raise self._escaped(began + times[int(np.argmin(finite))])
        if len(orbit) < len(times):
            raise self._escaped(began + times[len(orbit)])
        return orbit

    def _provenance(self) -> dict[str, Any]:
        versions = {package: importlib.metadata.version(package) for package in ("dysts", "scipy")}
        if self._compiled is None or self.max_step is None:
            return {"integrator": "LSODA (scipy)", "rtol": RTOL, "atol": ATOL, "max_step": None, **versions}
        return {"integrator": "Runge-Kutta 4, fixed step", "max_step": self.max_step, **versions}


def _depends_on_time(flow: Any) -> bool:
    state = np.asarray(flow.ic, dtype=float)
    early, late = (np.array(flow.rhs(state, t), dtype=float) for t in (0.0, 0.37 * flow.period))
    return not np.array_equal(early, late)


def _drifting(flow: Any, clock: bool) -> str:
    columns = [f"x{i + 1}" for i in flow.unbounded_indices] + [f"x{flow.dimension + 1}"] * clock
    return f"{', '.join(columns)} grows without bound (angle or time): take its sine and cosine" if columns else ""
