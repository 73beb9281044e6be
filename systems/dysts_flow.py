"""Adapter for the flows of dysts: equations, parameters, initial condition, period and citation only.

dysts's stored exponents and dimensions are not passed on: they differ from careful values by a median of 20 %
and by more than a factor of 2 for many flows. Its `make_trajectory` is not used either: it reseeds numpy's
global generator, ignores `dt`, and discards no transient. Angles are left as the equations have them,
unwrapped.
"""

from __future__ import annotations

import importlib.metadata
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np

from dsr.errors import DataError, SpecError, unknown
from dsr.tangent import TangentSteps

from .base import System
from .dysts_warnings import KNOWN_PROBLEMS
from .runge_kutta import runge_kutta

DYSTS_PREFIX = "dysts:"
RTOL, ATOL = 1e-9, 1e-12
# Rows of the pilot orbit, which measures scales and checks step sizes: five periods.
PILOT_ROWS, PILOT_STEPS_PER_PERIOD = 500, 100
# A sampling step of the tangent map is refined until halving its substeps moves no coordinate by more than
# this fraction of its standard deviation.
TANGENT_TOLERANCE, MOST_REFINEMENTS = 1e-6, 8


@cache
def dysts_names(kind: str = "continuous_no_delay") -> list[str]:
    """Names of the dysts flows without delay, sorted, without the prefix. Importing dysts takes about 2 s.

    Raises `SpecError` where dysts is installed but cannot be imported.
    """
    try:
        from dysts.systems import get_attractor_list
    except ImportError as problem:
        raise SpecError(
            f"dysts cannot be imported ({problem})",
            "an installation in which `import dysts.systems` works",
            "repair it, for example with pip install --upgrade dysts numpy pyarrow",
        ) from problem

    return get_attractor_list(kind)


def load_dysts_flow(name: str, parameters: Mapping[str, Any]) -> DystsFlow:
    """The dysts flow of that name, `parameters` replacing some or all of its defaults.

    Raises `SpecError` for an unknown flow or parameter (nearest match named), a delay equation, or a
    parameter of another type or shape than the default.
    """
    if name not in dysts_names():
        if name in dysts_names("delay"):
            raise SpecError(
                f"dysts:{name} is a delay equation", "flows without delay", "choose one in `dsr systems`"
            )
        raise unknown("dysts flow", name, dysts_names(), show="dsr systems")
    import dysts.flows

    flow_class = getattr(dysts.flows, name)
    defaults = flow_class().params
    values = dict(defaults)
    for key, value in parameters.items():
        if not defaults:
            raise SpecError(
                f"dysts:{name} got the parameter '{key}'", "no parameters at all", f"remove '{key}'"
            )
        if key not in defaults:
            raise unknown(f"parameter of dysts:{name} named", key, defaults)
        values[key] = _like(defaults[key], value, f"dysts:{name}: {key}")
    # dysts takes a parameter dictionary only whole; a partial one breaks at integration
    flow = flow_class(parameters=values)
    clock = _depends_on_time(flow)
    problems = [KNOWN_PROBLEMS.get(name, ""), _drifting(flow, clock)]
    return DystsFlow(
        name=DYSTS_PREFIX + name,
        time="flow",
        dim=flow.dimension + clock,
        dt=flow.period / 100,
        period=float(flow.period),
        parameters=values,
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

    Orbits come from scipy's LSODA, which switches to a stiff method by itself. `reference` is empty. A
    Jacobian by central differences misleads where the right-hand side has kinks or jumps (piecewise linear
    circuits, friction).
    """

    flow: Any
    clock: bool

    # Small, since a conservative flow thrown on another energy surface is another system, or escapes.
    perturbation: ClassVar[float] = 1e-3

    def rhs(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        rows = x.reshape(-1, self.dim)
        if len(rows) == 1 or not self._batches:
            return np.array([self._one(row) for row in rows]).reshape(x.shape)
        return self._many(rows).reshape(x.shape)

    def step(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_kind("step", "rhs")

    def _one(self, x: np.ndarray) -> np.ndarray:
        if not self.clock:
            return np.array(self.flow.rhs(x, 0.0), dtype=float)
        return np.append(np.array(self.flow.rhs(x[:-1], x[-1]), dtype=float), 1.0)

    def _many(self, rows: np.ndarray) -> np.ndarray:
        states, t = (rows[:, :-1], rows[:, -1]) if self.clock else (rows, 0.0)
        # components that do not depend on the state come back as single numbers
        slopes = [np.broadcast_to(component, len(rows)) for component in self.flow.rhs(states, t)]
        if self.clock:
            slopes.append(np.ones(len(rows)))
        return np.stack(slopes, axis=1)

    @cached_property
    def _batches(self) -> bool:
        """Whether the right-hand side gives for many states at once what it gives for each: not all do, some
        silently.

        The number of rows differs from every dimension in the catalogue, so that swapped axes cannot agree by
        chance.
        """
        rows = self._pilot[: 7 * 13 : 13]
        try:
            together = self._many(rows)
        except Exception:  # any failure of foreign code on arrays means: one state at a time
            return False
        alone = np.array([self._one(row) for row in rows])
        return together.shape == alone.shape and np.allclose(together, alone, rtol=1e-9, atol=1e-12)

    @cached_property
    def _pilot(self) -> np.ndarray:
        return self._orbit(self.default_state, PILOT_ROWS, self.period / PILOT_STEPS_PER_PERIOD, 0.0)

    def state_scale(self) -> np.ndarray:
        deviation = self._pilot.std(axis=0)
        return np.where(deviation > 0, deviation, np.maximum(np.abs(self.default_state), 1.0))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Central differences, with a step for each coordinate in proportion to its standard deviation."""
        x = np.asarray(x, dtype=float)
        h = np.cbrt(np.finfo(float).eps) * np.maximum(self.state_scale(), 1e-3 * np.abs(x))
        shift = h[..., None, :] * np.eye(self.dim)
        slopes = self.rhs(np.stack([x[..., None, :] + shift, x[..., None, :] - shift]))
        return np.swapaxes((slopes[0] - slopes[1]) / (2 * h[..., :, None]), -1, -2)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """Runge-Kutta 4 with a central-difference Jacobian at each stage.

        Substeps are at most period/500 and halved until the result moves by less than 1e-6 of each
        coordinate's standard deviation, tried over five periods; a flow too stiff for that raises
        `DataError`. Expect exponents good to about 1e-5 relative, not the rounding-exact derivative of our
        own systems.
        """
        dt = self._sampling_step(dt)
        substeps = self._tangent_substeps(dt)

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with np.errstate(all="ignore"):
                x, Q = runge_kutta(
                    self.rhs, self.jacobian, np.asarray(x, float), np.asarray(Q, float), dt, substeps
                )
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x, Q

        return TangentSteps(advance, "central differences of the equations")

    def _tangent_substeps(self, dt: float) -> int:
        substeps = max(1, math.ceil(500 * dt / self.period - 1e-9))
        tried, scale = self._pilot[::5], self.state_scale()
        with np.errstate(all="ignore"):
            coarse = runge_kutta(self.rhs, None, tried, None, dt, substeps)[0]
            for _ in range(MOST_REFINEMENTS):
                fine = runge_kutta(self.rhs, None, tried, None, dt, 2 * substeps)[0]
                if np.all(np.abs(fine - coarse) <= TANGENT_TOLERANCE * scale):
                    return substeps
                coarse, substeps = fine, 2 * substeps
        raise DataError(
            f"{self.name} needs steps below {dt / substeps:.3g} for explicit integration",
            "flows that are smooth and not stiff, for the tangent map",
            "estimate the exponents from a simulated series instead (`dsr analyse`), or choose a smaller dt",
        )

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        from scipy.integrate import solve_ivp

        times = dt * np.arange(rows)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # LSODA warns where it gives up; that becomes an error with a time below
            warnings.simplefilter("ignore")
            solution = solve_ivp(
                lambda t, x: self._one(x), (0.0, times[-1]), start, "LSODA", times, rtol=RTOL, atol=ATOL
            )
        orbit = solution.y.T
        finite = np.isfinite(orbit).all(axis=1)
        if not finite.all():
            raise self._escaped(began + times[int(np.argmin(finite))])
        if len(orbit) < rows:
            raise self._escaped(began + times[len(orbit)])
        return orbit

    def _provenance(self) -> dict[str, Any]:
        versions = {package: importlib.metadata.version(package) for package in ("dysts", "scipy")}
        return {"integrator": "LSODA (scipy)", "rtol": RTOL, "atol": ATOL, "max_step": None, **versions}


def _depends_on_time(flow: Any) -> bool:
    state = np.asarray(flow.ic, dtype=float)
    early, late = (np.array(flow.rhs(state, t), dtype=float) for t in (0.0, 0.37 * flow.period))
    return not np.array_equal(early, late)


def _drifting(flow: Any, clock: bool) -> str:
    columns = [f"x{i + 1}" for i in flow.unbounded_indices] + [f"x{flow.dimension + 1}"] * clock
    return (
        f"{', '.join(columns)} grows without bound (angle or time): take its sine and cosine"
        if columns
        else ""
    )


def _like(default: Any, value: Any, where: str) -> Any:
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        array = np.array("")
    shape = np.shape(default)
    if array.dtype.kind not in "iuf" or array.shape != shape or not np.isfinite(array).all():
        wanted = "a finite number" if shape == () else f"finite numbers in the shape {shape}"
        raise SpecError(f"{where} = {value!r}", wanted, f"the default is {np.asarray(default).tolist()}")
    return float(array) if shape == () else array.astype(float)
