"""What a user's own equations need besides themselves: a start, scales, a period, a sampling step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError, unknown

from ..base import _number
from ..integration.integrators import Integrator
from ..integration.stiff import Field, stiffness
from .pilot import Pilot, stable_step, trial, trial_map

AT_REST = "the trial trajectory came to rest: not chaotic at these parameters, or from this initial state"
SMALL_START = 0.1


def describe(
    evaluate: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray],
    *,
    name: str,
    time: str,
    dim: int,
    clock: bool,
    initial: Sequence[float] | None,
    dt: float | None,
    period: float | None,
    max_step: float | None,
    integrator: str | None,
    perturbation: float,
) -> tuple[dict[str, Any], np.ndarray]:
    """The fields of `Equations` that are measured on a trial trajectory where they are not given, and its states.

    `clock` tells that the last of the `dim` coordinates is time. The size of `initial` tells the units where it is
    below 0.1. Without `max_step` and `integrator`, stiff equations get an implicit one (see `stiffness`). Raises
    `SpecError` for values out of range, and `DataError` where the trial leaves every bound or jumps.
    """
    for key, value in (("dt", dt), ("period", period), ("max_step", max_step)):
        if value is not None and not (_number(value) and value > 0):
            raise SpecError(f"{name}: {key} = {value!r}", "a positive number", f"give another {key}, or leave it out")
    if not (_number(perturbation) and perturbation >= 0):
        raise SpecError(f"{name}: perturbation = {perturbation!r}", "0 or more, in scales", "give perturbation=0.1")
    if time not in ("flow", "map"):
        raise SpecError(
            f"{name}: time = {time!r}", '"flow" (derivatives) or "map" (next states)', 'write time = "flow"'
        )
    own = (max_step, integrator)
    if time == "map" and (dt not in (None, 1) or period not in (None, 1) or own != (None, None)):
        raise SpecError(f"{name}: dt, period, max_step or integrator of a map", "none of them", "leave them out")
    Integrator(integrator or "rk4")
    start = starting_state(initial, dim, clock, name)
    found: Pilot
    if time == "map":
        found = trial_map(evaluate, start, name, clock)
        step, method = 1.0, "rk4"
    else:
        found = trial(evaluate, start, _rate(evaluate, jacobian, start, name), period, name, clock)
        step, method = _step_and_method(evaluate, jacobian, found, name, max_step, integrator)
    fields = {
        "dt": 1.0 if time == "map" else float(dt or found.period / 100),
        "period": found.period,
        "default_state": start,
        "scale": found.scale,
        "max_step": float(step),
        "integrator": Integrator(method),
        "clock": clock,
        "perturbation": float(perturbation),
        "warning": AT_REST if found.at_rest else "",
    }
    return fields, found.points


def _step_and_method(
    evaluate: Field, jacobian: Field, found: Pilot, name: str, max_step: float | None, integrator: str | None
) -> tuple[float, str]:
    """Largest step and integrator of a flow: as given, else classical Runge-Kutta unless the equations are stiff."""
    if max_step is not None:
        return max_step, integrator or "rk4"
    tested = stiffness(jacobian, found.points, found.period, found.evaluations)
    if integrator in (None, "rk4") and not (tested.solver and integrator is None):
        return stable_step(evaluate, found, name), "rk4"
    return min(tested.limit, found.period / 100), integrator or tested.solver


def changed(name: str, parameters: Mapping[str, float], changes: Mapping[str, Any]) -> dict[str, float]:
    """All parameters with the changes put in; raises `SpecError` for an unknown name or a value that is no number."""
    values = dict(parameters)
    for key, value in changes.items():
        if key not in parameters:
            if not parameters:
                raise SpecError(f"{name} got the parameter '{key}'", "no parameters at all", f"remove '{key}'")
            raise unknown(f"parameter of {name} named", key, parameters)
        if not _number(value):
            raise SpecError(f"{name}: {key} = {value!r}", "a finite number", f"give for example {key}=1.0")
        values[key] = float(value)
    return values


def starting_state(initial: Sequence[float] | None, dim: int, clock: bool, name: str) -> np.ndarray:
    wanted = dim - clock
    start = np.full(wanted, SMALL_START) if initial is None else np.array(list(initial), dtype=object)
    if start.shape != (wanted,) or not all(_number(value) for value in start.tolist()):
        raise SpecError(
            f"{name}: initial state {initial!r}", f"{wanted} finite numbers, one per variable", "count the variables"
        )
    return np.append(start.astype(float), [0.0] * clock)


def _rate(
    evaluate: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    name: str,
) -> float:
    with np.errstate(all="ignore"):
        slope, J = evaluate(start), jacobian(start)
    if not (np.isfinite(slope).all() and np.isfinite(J).all()):
        raise DataError(
            f"the equations of {name} are not finite at {start.tolist()}",
            "an initial state at which every equation and its derivatives are",
            "give another initial state",
        )
    return float(np.linalg.norm(J)) or float(np.linalg.norm(slope)) or math.tau
