"""`StateFunction`: a Python function of a state, on any batch, with its Jacobian by a method that is named."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dsr.errors import SpecError, unknown

METHODS = ("given", "torch.func", "complex step", "central differences")
TINY = 1e-30  # complex step: no rounding error, whatever its size
AGREE = 1e-5  # of complex step and central differences, in parts of the largest entry
HALVINGS, JUMP = 40, 1e-3  # a function that still differs by so much of its spread between states that close, jumps
CARELESS = 1e-3  # where a given Jacobian is refused


@dataclass(frozen=True, eq=False)
class StateFunction:
    """f(x, [t,] *numbers) -> derivatives or next states, as a function of arrays (..., dim).

    function : takes x with the component on axis 0: one state (dim,), or where it can many at once (dim, batch).
    clock : whether the function takes the time t as its second argument; it is then the last coordinate, which goes
        forward by 1 in a flow (as a derivative) or in a map (as a next state). flow : which of the two it is.
    torch : whether the function is written in torch and takes tensors.
    method : how the Jacobian is got, one of `METHODS`. given : J(x, [t,] *numbers) -> (coordinates, dim), at one state;
        with a clock the last column is the derivative by t.
    probe : (points, dim) states at which it is found out what the function can do.
    """

    function: Callable[..., Any]
    numbers: tuple[float, ...]
    dim: int
    clock: bool
    flow: bool
    torch: bool
    given: Callable[..., Any] | None
    method: str
    probe: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        rows = x.reshape(-1, self.dim)
        if len(rows) > 1 and self.batches:
            return self._many(rows).reshape(x.shape)
        return np.array([self._one(row) for row in rows]).reshape(x.shape)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Derivative (..., dim, dim)."""
        x = np.asarray(x, dtype=float)
        rows = x.reshape(-1, self.dim)
        if self.method == "complex step":
            found = self._by_complex_step(rows)
        elif self.method == "central differences":
            found = self._by_differences(rows)
        else:
            found = np.array([self._by_row(row) for row in rows])
        return found.reshape(*x.shape, self.dim)

    def with_numbers(self, numbers: tuple[float, ...]) -> StateFunction:
        return replace(self, numbers=numbers)

    def some_states(self) -> np.ndarray:
        """About 50 states of the probe."""
        return self.probe[:: max(1, len(self.probe) // 50)]

    def _call(self, x: np.ndarray) -> Any:
        """The function's own answer for x (dim, ...) with the time, if any, as last component."""
        if self.torch:
            import torch

            return self.function(*self._arguments(torch.from_numpy(np.ascontiguousarray(x))))
        with np.errstate(all="ignore"):
            return self.function(*self._arguments(x))

    def _arguments(self, x: Any) -> tuple[Any, ...]:
        return (x[:-1], x[-1], *self.numbers) if self.clock else (x, *self.numbers)

    def _one(self, x: np.ndarray) -> np.ndarray:
        found = np.array([_component(c) for c in self._call(x)])
        if found.shape != (self.dim - self.clock,):
            raise SpecError(
                f"a function that returns {found.shape} numbers for a state of {self.dim - self.clock}",
                "one derivative (flow) or next value (map) for each coordinate",
                "let it return [dx, dy, ...]",
            )
        return np.append(found, self._clocked(x[-1:])) if self.clock else found

    def _many(self, rows: np.ndarray) -> np.ndarray:
        found = [np.broadcast_to(_component(c), len(rows)) for c in self._call(rows.T)]
        if self.clock:
            found.append(self._clocked(rows[:, -1]))
        return np.stack(found, axis=1)

    def _clocked(self, t: np.ndarray) -> np.ndarray:
        return np.ones_like(t) if self.flow else t + 1.0

    @cached_property
    def batches(self) -> bool:
        """Whether many states at once give what each gives alone; found out on 7 of the probe's states."""
        rows = np.resize(self.probe, (7, self.dim))  # more rows than most states have components: no swap by chance
        alone = np.array([self._one(row) for row in rows])
        try:
            together = self._many(rows)
        except Exception:  # whatever a foreign function raises on arrays means: one state at a time
            return False
        return together.shape == alone.shape and bool(np.allclose(together, alone, rtol=1e-12, atol=0.0))

    def jumps(self) -> bool:
        """Whether the function jumps between two states of its probe: halving their distance, each time to the half
        with the greater difference, does not make the difference vanish."""
        a, b = self.some_states()[:-1], self.some_states()[1:]
        if self.clock:
            b = np.column_stack([b[:, :-1], a[:, -1]])
        try:
            before, after = self(a), self(b)
            scale = before.std(axis=0)
            scale[scale == 0] = np.inf
            for _ in range(HALVINGS):
                middle = (a + b) / 2
                between = self(middle)
                near, far = (np.abs((between - end) / scale).max(axis=1)[:, None] for end in (before, after))
                a, before = np.where(near > far, (a, before), (middle, between))
                b, after = np.where(near > far, (middle, between), (b, after))
        except Exception:  # a state between two of the attractor may be none that a foreign function takes
            return False
        return bool((np.abs((after - before) / scale) > JUMP).any())

    def _by_complex_step(self, rows: np.ndarray) -> np.ndarray:
        J = np.empty((len(rows), self.dim, self.dim))
        for j in range(self.dim):
            z = rows.astype(complex)
            z[:, j] += 1j * TINY
            moved = self._many(z) if self.batches and len(z) > 1 else np.array([self._one(row) for row in z])
            J[:, :, j] = np.imag(moved) / TINY
        return J

    def _by_differences(self, rows: np.ndarray) -> np.ndarray:
        h = np.cbrt(np.finfo(float).eps) * np.maximum(self.size, self.reach * np.abs(rows))
        shift = h[:, None, :] * np.eye(self.dim)
        ends = self(np.stack([rows[:, None, :] + shift, rows[:, None, :] - shift]))
        return np.swapaxes((ends[0] - ends[1]) / (2 * h[:, :, None]), -1, -2)

    @cached_property
    def size(self) -> np.ndarray:
        deviation = self.probe.std(axis=0)
        return np.where(deviation > 0, deviation, np.maximum(np.abs(self.probe[0]), 1.0))

    @property
    def reach(self) -> np.ndarray:
        """Whether the width of a difference grows with the coordinate: not with the time, however late it is."""
        return np.append(np.ones(self.dim - self.clock), [0.0] * self.clock)

    def _by_row(self, row: np.ndarray) -> np.ndarray:
        J = np.zeros((self.dim, self.dim))
        if self.clock and not self.flow:
            J[-1, -1] = 1.0
        if self.given is not None:
            J[: self.dim - self.clock] = np.array(self.given(*self._arguments(row)), dtype=float)
            return J
        import torch

        def stacked(x: Any) -> Any:
            return torch.stack([torch.as_tensor(c, dtype=x.dtype) for c in self.function(*self._arguments(x))])

        J[: self.dim - self.clock] = torch.func.jacfwd(stacked)(torch.from_numpy(row.copy())).numpy()
        return J


def choose_method(function: StateFunction, asked: str | None) -> StateFunction:
    """The function with the Jacobian that was asked for, or the most exact one that it allows.

    That is: the given one, torch.func for torch, the complex step where it agrees with central differences at the probe
    (an abs, max or comparison breaks it), central differences elsewhere. Raises `SpecError` for a method that does not
    suit.
    """
    if asked is not None and asked not in METHODS[1:]:
        raise unknown("method of derivation", asked, METHODS[1:])
    if function.given is not None:
        given = replace(function, method="given")
        gap = _gap(given)
        if not gap <= CARELESS:
            raise SpecError(
                f"a Jacobian that differs from central differences by {gap:.2g} of its largest entry",
                "J[i][j] = d f_i / d x_j",
                "correct it, or leave it out",
            )
        return given
    if asked == "central differences" or (asked is None and not function.torch and not _analytic(function)):
        return replace(function, method="central differences")
    if (asked == "torch.func") != function.torch and asked is not None:
        raise SpecError(
            f"{asked} for a function written in {'torch' if function.torch else 'numpy'}",
            "torch.func for torch; complex step or central differences for numpy",
            "leave `derivative` out",
        )
    if function.torch:
        return replace(function, method="torch.func")
    if not _analytic(function):
        raise SpecError(
            "complex step for a function that does not take complex states, or disagrees with central differences",
            "analytic functions: no abs, max, sign or comparison",
            'give derivative="central differences"',
        )
    return replace(function, method="complex step")


def _analytic(function: StateFunction) -> bool:
    """Whether the complex step gives at the probe what central differences give, up to their error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that was dropped
            return _gap(replace(function, method="complex step")) <= AGREE
    except Exception:  # whatever a foreign function raises on complex states means: not this way
        return False


def _gap(function: StateFunction) -> float:
    """Largest difference from central differences at the probe, in parts of their largest entry."""
    rows = function.some_states()
    by_differences = replace(function, method="central differences", probe=rows).jacobian(rows)
    return float(np.abs(function.jacobian(rows) - by_differences).max() / (np.abs(by_differences).max() or 1.0))


def _component(value: Any) -> Any:
    return value.detach().numpy() if hasattr(value, "detach") else value
