"""Noise that acts on the system itself: stochastic differential equations, and maps that are kicked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import SpecError, unknown
from dsr.series import TimeSeries

from ..base import System
from ..equations import Equations
from ..integration.integrate import compiled, substeps_of
from .operation import name_of

SCHEMES = {"heun": "stochastic Heun (Stratonovich)", "euler-maruyama": "Euler-Maruyama (Ito)"}
STEPS_PER_PERIOD = 500  # of systems that do not tell a step of their own
CHUNK = 1 << 20  # random numbers drawn at a time

Strength = float | Sequence[float] | Callable[[np.ndarray], np.ndarray]


def simulate_with_noise(
    system: System,
    n: int,
    dt: float | None = None,
    *,
    strength: Strength,
    proportional: bool = False,
    scheme: str = "heun",
    transient: float,
    seed: int,
    max_step: float | None = None,
) -> TimeSeries:
    """A trajectory of n rows of dx = f(x) dt + g(x) dW, with an independent Wiener process for each coordinate.

    Parameters
    ----------
    system : a flow or map with a right-hand side. dt, transient, seed : as in `System.simulate`; the noise acts during
        the transient too.
    strength : g of a flow, in units of the coordinate per square root of time; for a map the standard deviation of the
        kick after each iteration. One number for all coordinates of the state, one for each, or a function of x (dim,)
        that returns (dim,).
    proportional : g_i(x) = strength_i x_i instead.
    scheme : "heun" (Stratonovich; order 2 as the noise vanishes) or "euler-maruyama" (Ito; order 1). For noise that
        depends on the state the two converge to different processes; for additive noise to the same one.
    max_step : largest step of the integration; by default the system's own, or period / 500.

    Both schemes have strong order 1 for additive noise; for proportional noise Heun has 1 and Euler-Maruyama 1/2.
    Raises `SpecError` for arguments out of range and `DataError` where a trajectory leaves every bound, which
    unbounded noise does sooner or later from any attractor that borders on escape (Hénon). Source: P. E. Kloeden,
    E. Platen, Numerical Solution of Stochastic Differential Equations (1992), doi:10.1007/978-3-662-12616-5.
    """
    rows, dt, transient, _ = system.checked_request(n, dt, transient, seed, 0.0)
    if scheme not in SCHEMES:
        raise unknown("scheme", scheme, SCHEMES)
    if max_step is not None and not (isinstance(max_step, int | float) and max_step > 0):
        raise SpecError(f"max_step = {max_step!r}", "a positive number", f"give max_step={system.period / 500:.2g}")
    diffusion, numbers = _diffusion(strength, proportional, system.dim)
    starting, driving = np.random.SeedSequence(seed).spawn(2)
    state, _ = system._start(np.random.default_rng(starting), 0.0)
    rng = np.random.default_rng(driving)
    largest = 1.0 if system.time == "map" else max_step or _own_step(system)
    run = _Run(system, diffusion, numbers, system.time == "flow", scheme == "heun")
    settled = 0.0
    if transient > 0:
        pieces = max(1, math.ceil(transient / dt))
        state = run.advance(state, pieces, transient / pieces, largest, rng, 0.0)[-1]
        settled = transient
    values = np.concatenate([state[None], run.advance(state, rows - 1, dt, largest, rng, settled)])
    described: Any = name_of(strength) if callable(strength) else numbers.tolist()
    origin = {
        "system": system.name,
        "parameters": {k: np.asarray(v).tolist() for k, v in system.parameters.items()},
        "n": rows,
        "dt": dt,
        "transient": transient,
        "seed": int(seed),
        "dynamical_noise": {"strength": described, "proportional": proportional},
        "integrator": SCHEMES[scheme] if system.time == "flow" else "iteration with kicks",
        "step": substeps_of(dt, largest)[1] if system.time == "flow" else 1,
        "dsr": __version__,
    }
    return TimeSeries(values[:, : system.observed], dt, system.time_unit, system.names, origin)


def _own_step(system: System) -> float:
    return system.max_step if isinstance(system, Equations) else system.period / STEPS_PER_PERIOD


class _Run:
    """One way of stepping: compiled where field and noise are, plain calls of the right-hand side otherwise."""

    def __init__(
        self, system: System, diffusion: Callable[..., None], numbers: np.ndarray, flow: bool, heun: bool
    ) -> None:
        self.system, self.numbers, self.flow, self.heun = system, numbers, flow, heun
        if isinstance(system, Equations) and diffusion in (additive, proportional_to_state):
            self.loop, self.field, self.params = compiled(noisy_orbit), compiled(system.field), system.numbers
            self.diffusion = compiled(diffusion)
        else:
            evaluate = system.rhs if flow else system.step

            def field(x: np.ndarray, out: np.ndarray) -> None:
                out[:] = evaluate(x)

            self.loop, self.field, self.params, self.diffusion = noisy_orbit, field, (), diffusion

    def advance(
        self, state: np.ndarray, rows: int, dt: float, largest: float, rng: np.random.Generator, began: float
    ) -> np.ndarray:
        """States (rows, dim) after each dt; the start is not among them."""
        substeps, h = substeps_of(dt, largest)
        dim = len(state)
        orbit = np.empty((rows, dim))
        chunk = max(1, CHUNK // (substeps * dim))
        for first in range(0, rows, chunk):
            part = orbit[first : first + chunk]
            kicks = rng.standard_normal((len(part), substeps, dim))
            with np.errstate(all="ignore"):
                failed = self.loop(
                    self.field, self.diffusion, self.params, self.numbers, np.array(state), kicks, h, self.flow,
                    self.heun, part,
                )  # fmt: skip
            if failed >= 0:
                raise self.system._escaped(began + first * dt + failed * h)
            state = part[-1]
        return orbit


def noisy_orbit(field, diffusion, params, strength, x, kicks, h, flow, heun, orbit):
    """Fills `orbit` (rows, dim) from x (dim,) on, with standard normal `kicks` (rows, substeps, dim).

    Returns the number of substeps until the first state that is not finite, or -1.
    """
    rows, substeps, dim = kicks.shape
    root = np.sqrt(h)
    drift, gain, late, late_gain = np.empty(dim), np.empty(dim), np.empty(dim), np.empty(dim)
    y = np.empty(dim)
    for row in range(rows):
        for s in range(substeps):
            kick = kicks[row, s]
            field(x, drift, *params)
            if flow:
                diffusion(x, gain, strength)
                y[:] = x + h * drift + root * gain * kick
                if heun:
                    field(y, late, *params)
                    diffusion(y, late_gain, strength)
                    y[:] = x + 0.5 * h * (drift + late) + 0.5 * root * (gain + late_gain) * kick
            else:
                diffusion(drift, gain, strength)
                y[:] = drift + gain * kick
            x[:] = y
            if not np.isfinite(x).all():
                return row * substeps + s + 1
        orbit[row] = x
    return -1


def additive(x, out, strength):
    out[:] = strength


def proportional_to_state(x, out, strength):
    out[:] = strength * x


def _diffusion(strength: Strength, proportional: bool, dim: int) -> tuple[Callable[..., None], np.ndarray]:
    if callable(strength):
        function = strength

        def of_state(x: np.ndarray, out: np.ndarray, numbers: np.ndarray) -> None:
            out[:] = function(x)

        return of_state, np.zeros(dim)
    try:
        numbers = np.broadcast_to(np.asarray(strength, dtype=float), (dim,)).copy()
    except (TypeError, ValueError):
        numbers = np.full(dim, np.nan)
    if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
        raise SpecError(
            f"strength = {strength!r}",
            f"a number from 0 on, {dim} of them, or a function of the state",
            "give for example strength=0.1",
        )
    return proportional_to_state if proportional else additive, numbers
