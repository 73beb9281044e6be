"""Ensembles by torch: all members together, on a graphics processor or a CPU, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .base import System
from .equations import Equations
from .own.function_systems import CompiledFunction, PlainFunction
from .torch_equations import in_torch

Tensor = Any  # torch is imported where it is used
Run = tuple[np.ndarray, np.ndarray, list[str]]
"""Observed values (batch, rows, dim), last states (batch, state) and reasons of failure, "" where there is none."""


def run_on_device(
    members: Sequence[System], starts: np.ndarray, rows: int, dt: float, transient: float, device: str
) -> Run:
    """The rows every dt after the transient.

    members : with the same equations; starts : (batch, state), where `transient` begins.
    device : of torch; "cpu:torch" is torch on the CPU.

    Flows move by classical Runge-Kutta steps of at most the smallest `max_step` of the members, or, where their
    integrator is "dopri5", by torchdiffeq with steps that all members share: where one diverges all are lost. Rows
    agree with those of the compiled loops up to rounding, which chaos amplifies: not bit for bit. Raises `SpecError`
    for systems that are no equations.
    """
    import torch

    place = _device(device)
    first = members[0]
    function = torch_function(members, place)
    move = _adaptive(members, function) if _method(first) == "dopri5" else _fixed_step(members, function)
    with torch.no_grad(), _float64():
        x = torch.from_numpy(np.array(starts.T)).to(place)
        if transient > 0:
            x = move(x, 2, transient)[-1]
        orbit = move(x, rows, dt).permute(2, 0, 1).cpu().numpy()
    finite = np.isfinite(orbit).all(axis=2)
    reached = np.where(finite.all(axis=1), rows, np.argmin(finite, axis=1))
    orbit[np.arange(rows) >= reached[:, None]] = np.nan
    for states in orbit:
        _reported(first, states)
    reasons = ["" if row == rows else _reason(int(row), dt, transient, first.time_unit) for row in reached]
    return np.ascontiguousarray(orbit[:, :, : first.observed]), orbit[:, -1].copy(), reasons


@contextmanager
def _float64() -> Iterator[None]:
    """Numbers times comparisons (`2.0 * (x > 1.0)`) have torch's default type, which is float32 unless told."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _reason(row: int, dt: float, transient: float, unit: str) -> str:
    until = transient + row * dt
    since = until - dt if row else 0.0
    return f"became infinite between {since:.6g} and {until:.6g} {unit} after its start"


def _reported(system: System, orbit: np.ndarray) -> None:
    if isinstance(system, Equations):
        system._report(orbit)


def _method(system: Any) -> str:
    if system.time == "flow" and system.integrator.implicit:
        raise SpecError(
            f"{system.name} with the integrator {system.integrator.name} on a device of torch",
            '"rk4" and "dopri5"; stiff equations run on the CPU',
            'give device="cpu"',
        )
    return "rk4" if system.time == "map" else system.integrator.name


def _device(name: str) -> Any:
    import torch

    try:
        device = torch.device(name.removesuffix(":torch"))
        torch.zeros(1, device=device, dtype=torch.float64)
    except (RuntimeError, AssertionError, TypeError) as problem:
        raise SpecError(
            f"device = {name!r}, which torch cannot use here",
            '"cpu", "cpu:torch", or "cuda" where there is one',
            'give device="cpu"',
        ) from problem
    return device


def torch_function(members: Sequence[System], device: Any) -> Callable[[Tensor], Tensor]:
    """x (state, batch) -> derivatives or next states, each member with its own numbers."""
    import torch

    first = members[0]
    for member in members:
        same = type(member) is type(first) and _code(member) is _code(first)
        if not isinstance(member, Equations | PlainFunction) or not same:
            raise SpecError(
                f"an ensemble of {member.name} on a device of torch",
                "members with the same equations, given as such",
                'give device="cpu"',
            )
    numbers = _numbers(members, device)
    if isinstance(first, CompiledFunction | PlainFunction):
        return _of_function(first, numbers)
    field = in_torch(first.field)  # type: ignore[attr-defined]

    def evaluate(x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        field(x, out, *numbers)
        return out

    return evaluate


def _of_function(system: Any, numbers: tuple[Any, ...]) -> Callable[[Tensor], Tensor]:
    import torch

    own = system.function
    function = own.function if own.torch else in_torch(own.function)

    def evaluate(x: Tensor) -> Tensor:
        found = list(function(x[:-1], x[-1], *numbers) if own.clock else function(x, *numbers))
        if own.clock:
            found.append(1.0 if own.flow else x[-1] + 1.0)
        return torch.stack([torch.as_tensor(c, dtype=x.dtype, device=x.device).expand(x.shape[1]) for c in found])

    return evaluate


def _numbers(members: Sequence[System], device: Any) -> tuple[Any, ...]:
    """One entry per parameter: a number where all members share it, else a tensor (batch,)."""
    import torch

    columns = zip(*(_own_numbers(member) for member in members), strict=True)
    return tuple(
        column[0] if len(set(column)) == 1 else torch.tensor(column, dtype=torch.float64, device=device)
        for column in columns
    )


def _own_numbers(member: Any) -> tuple[float, ...]:
    return member.function.numbers if isinstance(member, PlainFunction) else member.numbers


def _code(member: Any) -> Any:
    return member.function.function if isinstance(member, CompiledFunction | PlainFunction) else member.field


Move = Callable[[Tensor, int, float], Tensor]
"""(x (state, batch), rows, dt) -> states (rows, state, batch), the first being x."""


def _fixed_step(members: Sequence[Any], function: Callable[[Tensor], Tensor]) -> Move:
    import torch

    flow = members[0].time == "flow"

    def move(x: Tensor, rows: int, dt: float) -> Tensor:
        substeps, h = max((member._substeps(dt) for member in members), key=lambda pair: pair[0])
        orbit = torch.empty((rows, *x.shape), dtype=x.dtype, device=x.device)
        orbit[0] = x
        for row in range(1, rows):
            for _ in range(substeps):
                x = runge_kutta_step(function, x, h) if flow else function(x)
            orbit[row] = x
        return orbit

    return move


def _adaptive(members: Sequence[Any], function: Callable[[Tensor], Tensor]) -> Move:
    """Dormand-Prince by torchdiffeq: one step size for all members, so that one that diverges stops them all."""
    import torch
    from torchdiffeq import odeint

    first = members[0]
    scale = torch.from_numpy(first.state_scale())[:, None]

    def move(x: Tensor, rows: int, dt: float) -> Tensor:
        size = scale.to(x.device)
        times = torch.arange(rows, dtype=x.dtype, device=x.device) * dt
        settings = {"rtol": first.integrator.rtol, "atol": first.integrator.atol, "method": "dopri5"}
        try:
            # in units of each coordinate's scale, as the tolerance is
            return size * odeint(lambda t, y: function(y * size) / size, x / size, times, **settings)
        except AssertionError:  # underflow of the step, or values that are not finite
            orbit = torch.full((rows, *x.shape), torch.nan, dtype=x.dtype, device=x.device)
            orbit[0] = x
            return orbit

    return move


def runge_kutta_step(function: Callable[[Tensor], Tensor], x: Tensor, h: float) -> Tensor:
    k1 = function(x)
    k2 = function(x + 0.5 * h * k1)
    k3 = function(x + 0.5 * h * k2)
    k4 = function(x + h * k3)
    return x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
