"""Own systems in one step: a Python function becomes a `System` with everything that the built-in ones have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .compiled_function import loop_form
from .described import changed, describe, starting_state
from .function_systems import CompiledFunction, PlainFunction
from .pilot import sizes_told_by
from .state_function import StateFunction, choose_method

TIME = "t"
JUMPS = (
    "the equations jump, and derivatives by central differences are wrong beside a jump, which shifts exponents: give "
    "jacobian="
)


def from_function(
    function: Callable[..., Any],
    initial: Sequence[float],
    parameters: Mapping[str, float] | None = None,
    *,
    time: str = "flow",
    names: Sequence[str] = (),
    jacobian: Callable[..., Any] | None = None,
    derivative: str | None = None,
    dt: float | None = None,
    period: float | None = None,
    max_step: float | None = None,
    integrator: str | None = None,
    perturbation: float = 0.1,
    name: str | None = None,
    description: str = "",
    citation: str = "",
) -> CompiledFunction | PlainFunction:
    """The system x' = f(x) (flow) or x -> f(x) (map) of a Python function.

    Parameters
    ----------
    function : f(x, a=1.0, b=...) or f(x, t, a=1.0, ...), which returns one derivative (flow) or next value (map) for
        each coordinate. x has the coordinate on its first axis, so `u, v = x` and x[0] both work. Its further arguments
        are the parameters; with `t` as second argument the time becomes a last coordinate that `simulate` does not
        return. Written in numpy, or in torch.
    parameters : values for arguments without default, or in place of the defaults.
    initial : a state (dim,) in the basin of the attractor; where it is below 0.1, its size tells the units.
    time : "flow" or "map". names : of the coordinates.
    jacobian : J(x, ...) with the arguments of the function, at one state: rows of d f_i / d x_j; with `t` one column
        more. Without it: torch.func for torch, the complex step where it agrees with central differences at 50 states
        and numba does not spoil it, central differences elsewhere. `derivative` asks for one of these by name; the
        tangent map and `origin` tell which it was.
    dt, period, max_step, integrator : measured on a trial trajectory where not given, as for text.
    perturbation : size of the seed's displacement of `initial`, in standard deviations of each coordinate. Equations
        that conserve something (an energy) need a small one, such as 1e-6: at 0.1 each seed has an energy, hence a
        system, of its own. A transient of many Lyapunov times then makes trajectories differ. With 0, without
        dissipation too, they differ by the random wandering time only, at most ten periods: of a map they are then
        pieces of one orbit.

    Compiled by numba where it can take the function (plain arithmetic, np functions, no objects), stepped in Python
    elsewhere. Raises `SpecError` for a function or argument that does not fit, `DataError` where the trial trajectory
    leaves every bound or the equations jump. A given Jacobian that disagrees with central differences is
    refused, and a function that changes x, or returns different values for the same x. Where central differences meet
    equations that jump, `warning` says so.
    """
    name = name or str(getattr(function, "__name__", "own system"))
    clock, values = _arguments(function, parameters or {}, name)
    dim = len(initial) + clock
    start = starting_state(initial, dim, clock, name)
    names = tuple(names) or tuple(f"x{i + 1}" for i in range(len(initial)))
    if len(names) != len(initial):
        raise SpecError(f"{name}: names {names} for {len(initial)} coordinates", "one for each", "give that many names")
    near = 0.1 * np.maximum(np.abs(start), 0.1 * sizes_told_by(start))
    probe = start + near * np.random.default_rng(0).standard_normal((20, dim))
    numbers = tuple(values.values())
    draft = StateFunction(
        function, numbers, dim, clock, time == "flow", _in_torch(function, start, numbers, clock), jacobian,
        "central differences", probe,
    )  # fmt: skip
    _require_pure(draft, start[None], name)
    measured, points = describe(
        draft, draft.jacobian, name=name, time=time, dim=dim, clock=clock, initial=initial, dt=dt,
        period=period, max_step=max_step, integrator=integrator, perturbation=perturbation,
    )  # fmt: skip
    draft = replace(draft, probe=points)
    _require_pure(draft, draft.some_states(), name)
    chosen = choose_method(draft, derivative)
    if chosen.method == "central differences" and chosen.jumps():
        measured["warning"] = "; ".join(filter(None, [measured["warning"], JUMPS]))
    shared = {
        **measured, "name": name, "time": time, "dim": dim, "parameters": values, "names": names,
        "observed": len(initial) if clock else None, "description": description, "citation": citation,
    }  # fmt: skip
    loops = loop_form(chosen, derivative is not None)
    if loops is None:
        return PlainFunction(function=chosen, **shared)
    form, field, slopes = loops
    return CompiledFunction(function=form, field=field, derivative=slopes, numbers=numbers, **shared)


def _arguments(function: Callable[..., Any], given: Mapping[str, float], name: str) -> tuple[bool, dict[str, float]]:
    """Whether the function takes the time, and its parameters with their values, in order."""
    arguments = list(inspect.signature(function).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not arguments or any(a.kind not in positional for a in arguments):
        raise SpecError(
            f"{name}{inspect.signature(function)}", "f(x, a, b, ...) or f(x, t, a, b, ...)", "name every parameter"
        )
    clock = len(arguments) > 1 and arguments[1].name == TIME
    own = arguments[1 + clock :]
    defaults = {a.name: 0.0 if a.default is inspect.Parameter.empty else a.default for a in own}
    for a in own:
        if a.name == TIME:
            raise SpecError(f"{name} with t as a later argument", "t as the second one", "write f(x, t, ...)")
        if a.default is inspect.Parameter.empty and a.name not in given:
            raise SpecError(
                f"{name} without a value for '{a.name}'", "a number for every parameter", f"give {{'{a.name}': 1.0}}"
            )
    return clock, changed(name, changed(name, defaults, defaults), given)


def _require_pure(function: StateFunction, states: np.ndarray, name: str) -> None:
    """Raises `SpecError` for a function that changes its state, or does not answer the same twice."""
    for state in states:
        x = state.copy()
        first, again = function._one(x), function._one(state.copy())
        if not np.array_equal(x, state):
            raise SpecError(
                f"{name}, which changes the state x that it is given",
                "a function that leaves x as it is",
                "take the components first, `u, v = x`, and return new values",
            )
        if not np.array_equal(first, again, equal_nan=True):
            raise SpecError(
                f"{name}, which returns {first.tolist()} and then {again.tolist()} for the state {state.tolist()}",
                "a function of the state, the time and the parameters alone",
                "take random numbers and counters out; noise on the states is made by "
                "dsr.systems.making.simulate_with_noise",
            )


def _in_torch(function: Callable[..., Any], start: np.ndarray, numbers: tuple[float, ...], clock: bool) -> bool:
    """Whether the function takes tensors and not arrays, or answers with tensors."""
    try:
        with np.errstate(all="ignore"):
            x = start.copy()
            found = function(*((x[:-1], x[-1]) if clock else (x,)), *numbers)
        return any(hasattr(c, "detach") for c in found)
    except (TypeError, AttributeError):
        import torch

        z = torch.from_numpy(start.copy())
        found = function(*((z[:-1], z[-1]) if clock else (z,)), *numbers)
        return any(hasattr(c, "detach") for c in found)
