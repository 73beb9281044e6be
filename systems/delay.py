"""Delay equations x' = f(x, x(t - tau)): the state is a stretch of the past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.tangent import TangentSteps

from .base import System
from .integration.compiled_steps import pointer, tangent_steps
from .integration.integrate import compiled
from .limits import require_steps

LONGEST = 1_000_000  # integration steps between two rows that are kept at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Delayed(System):
    """A delay equation by classical Runge-Kutta steps of h = tau / points.

    The state is x(t), x(t - h), ..., x(t - tau - h), newest first, all components of one time together; values between
    them are interpolated by a cubic, so that the scheme is of fourth order and the tangent map its exact derivative.
    `simulate` returns x(t) alone. Exponents further down the spectrum than about `points` belong to the scheme, not to
    the equation.

    field(y, out, p), derivative(y, J, p) : f, and J (components, 2 components), at y = (x(t), x(t - tau)); plain
        functions of loops, or pointers.
    numbers : p. scale : (components,) rough standard deviations.
    """

    field: Any
    derivative: Any
    numbers: tuple[float, ...]
    points: int
    scale: tuple[float, ...]
    jacobian_method: str = "analytic Jacobian"

    @property
    def _h(self) -> float:
        return float(self.parameters["tau"]) / self.points

    @cached_property
    def _pointers(self) -> tuple[Any, Any]:
        if hasattr(self.field, "address"):
            return self.field, self.derivative
        return pointer(compiled(self.field)), pointer(compiled(self.derivative), matrix=True)

    @cached_property
    def _params(self) -> tuple[np.ndarray, int]:
        return np.array(self.numbers, dtype=float), len(self.scale)

    def rhs(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("rhs")

    def step(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("step")

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("jacobian")

    def _wrong_form(self, asked: str) -> SpecError:
        return SpecError(
            f"{asked} of {self.name}, a delay equation",
            "simulate, or tangent_map on stretches of the past",
            "call tangent_map(dt)",
        )

    def state_scale(self) -> np.ndarray:
        return np.tile(self.scale, self.points + 2)

    def _sampling_step(self, dt: float | None) -> float:
        duration = super()._sampling_step(dt)
        count = duration / self._h
        require_steps(count, f"dt = {duration:g} for {self.name}", "give a smaller dt")
        if abs(count - round(count)) > 1e-6 * max(count, 1.0) or round(count) < 1:
            raise SpecError(
                f"dt = {duration:g} for {self.name}",
                f"a multiple of its integration step tau / {self.points} = {self._h:g}",
                f"give dt={max(1, round(count)) * self._h:g}",
            )
        return duration

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`, on stretches of the past (batch, dim)."""
        dt = self._sampling_step(dt)
        return tangent_steps(
            delay_tangent, *self._pointers, self._params, substeps=round(dt / self._h), h=self._h, dt=dt,
            escaped=self._escaped, method=f"{self.jacobian_method}, compiled",
        )  # fmt: skip

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        # a transient, or the spacing of starts, need not be a multiple of the step
        substeps = max(1, round(dt / self._h))
        if substeps <= LONGEST:
            return self._remembered(start, rows, substeps, began)
        orbit = np.empty((rows, self.dim))
        orbit[0] = start
        for row in range(1, rows):
            state = orbit[row - 1]
            for done in range(0, substeps, LONGEST):
                time = began + ((row - 1) * substeps + done) * self._h
                state = self._remembered(state, 2, min(LONGEST, substeps - done), time)[1]
            orbit[row] = state
        return orbit

    def _remembered(self, start: np.ndarray, rows: int, substeps: int, began: float) -> np.ndarray:
        """As `_orbit`, with a memory that holds all steps between the rows."""
        components = len(self.scale)
        oldest_first = np.array(start, dtype=float).reshape(-1, components)[::-1]
        past = np.empty((len(oldest_first) + (rows - 1) * substeps, components))
        past[: len(oldest_first)] = oldest_first
        done = compiled(delay_orbit)(self._pointers[0], self._params, past, self.points, self._h)
        if done >= 0:
            raise self._escaped(began + (done - self.points - 1) * self._h)
        stretches = np.lib.stride_tricks.sliding_window_view(past, self.points + 2, axis=0)[::substeps, :, ::-1]
        return np.swapaxes(stretches, 1, 2).reshape(rows, self.dim)

    def _provenance(self) -> dict[str, Any]:
        return {"integrator": "Runge-Kutta 4, cubic history", "max_step": self._h}


def steps_per_delay(tau: float, longest: float) -> int:
    """Number of integration steps in a delay, none longer than `longest`."""
    return max(4, math.ceil(tau / longest - 1e-9))


def delay_orbit(field, params, past, m, h):
    """Goes on with `past` (time, components), of which the first m + 2 rows are given, oldest first.

    Returns the row that is not finite, -1 if all are.
    """
    p, d = params
    y, out = np.empty(2 * d), np.empty((4, d))
    for i in range(m + 1, past.shape[0] - 1):
        for stage in range(4):
            ahead = (0.0, 0.5 * h, 0.5 * h, h)[stage]
            late = i - m + (stage == 3)
            for c in range(d):
                y[c] = past[i, c] + (ahead * out[stage - 1, c] if stage else 0.0)
                y[d + c] = past[late, c]
                if stage == 1 or stage == 2:
                    y[d + c] = (
                        9.0 * (past[late, c] + past[late + 1, c]) - past[late - 1, c] - past[late + 2, c]
                    ) / 16.0
            field(y, out[stage], p)
        finite = True
        for c in range(d):
            past[i + 1, c] = past[i, c] + h / 6.0 * (out[0, c] + 2.0 * (out[1, c] + out[2, c]) + out[3, c])
            finite = finite and np.isfinite(past[i + 1, c])
        if not finite:
            return i + 1
    return -1


def delay_tangent(field, derivative, params, states, tangents, steps, h):
    """States (batch, dim), newest first, and tangent vectors (batch, dim, k) after `steps` steps."""
    p, d = params
    batch, dim, k = tangents.shape
    n = dim // d
    m = n - 2
    # the past grows at the end of a buffer, so that nothing has to be shifted at each step
    past, turned = np.empty((n + steps, d)), np.empty((n + steps, d, k))
    y, J = np.empty(2 * d), np.zeros((d, 2 * d))
    out, slopes, Y = np.empty((4, d)), np.empty((4, d, k)), np.empty((2 * d, k))
    ends, turns = np.empty_like(states), np.empty_like(tangents)
    for b in range(batch):
        for i in range(n):
            for c in range(d):
                past[n - 1 - i, c] = states[b, i * d + c]
                turned[n - 1 - i, c] = tangents[b, i * d + c]
        for i in range(n - 1, n - 1 + steps):
            for stage in range(4):
                ahead = (0.0, 0.5 * h, 0.5 * h, h)[stage]
                late = i - m + (stage == 3)
                for c in range(d):
                    y[c] = past[i, c] + (ahead * out[stage - 1, c] if stage else 0.0)
                    y[d + c] = past[late, c]
                    if stage == 1 or stage == 2:
                        y[d + c] = (
                            9.0 * (past[late, c] + past[late + 1, c]) - past[late - 1, c] - past[late + 2, c]
                        ) / 16.0
                field(y, out[stage], p)
                derivative(y, J, p)
                for column in range(k):
                    for c in range(d):
                        Y[c, column] = turned[i, c, column] + (ahead * slopes[stage - 1, c, column] if stage else 0.0)
                        Y[d + c, column] = turned[late, c, column]
                        if stage == 1 or stage == 2:
                            Y[d + c, column] = (
                                9.0 * (turned[late, c, column] + turned[late + 1, c, column])
                                - turned[late - 1, c, column]
                                - turned[late + 2, c, column]
                            ) / 16.0
                    for c in range(d):
                        total = 0.0
                        for j in range(2 * d):
                            total += J[c, j] * Y[j, column]
                        slopes[stage, c, column] = total
            for c in range(d):
                past[i + 1, c] = past[i, c] + h / 6.0 * (out[0, c] + 2.0 * (out[1, c] + out[2, c]) + out[3, c])
                for column in range(k):
                    s = slopes[0, c, column] + 2.0 * (slopes[1, c, column] + slopes[2, c, column])
                    turned[i + 1, c, column] = turned[i, c, column] + h / 6.0 * (s + slopes[3, c, column])
        last = n - 1 + steps
        for i in range(n):
            for c in range(d):
                ends[b, i * d + c] = past[last - i, c]
                turns[b, i * d + c] = turned[last - i, c]
    return ends, turns
