"""The delay equation of Mackey and Glass: its state is a stretch of the past."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option
from dsr.tangent import TangentSteps

from .base import SYSTEMS, Published, System
from .integrate import compiled

STEP = 0.1  # at most, and a whole fraction of the delay


@dataclass(frozen=True, eq=False, kw_only=True)
class Delayed(System):
    """x' = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x by classical Runge-Kutta steps of h = tau / m.

    The state is x(t), x(t - h), ..., x(t - tau - h), newest first; x(t - tau + h/2) is interpolated by a cubic, so the
    scheme is of fourth order and the tangent map exact. `simulate` returns x(t) alone.
    """

    numbers: tuple[float, float, float]
    points: int

    @property
    def _h(self) -> float:
        return float(self.parameters["tau"]) / self.points

    def rhs(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("rhs")

    def step(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("step")

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_form("jacobian")

    def _wrong_form(self, asked: str) -> SpecError:
        return SpecError(
            f"{asked} of {self.name}, a delay equation", "simulate, or tangent_map on stretches of the past",
            "call tangent_map(dt)",
        )  # fmt: skip

    def state_scale(self) -> np.ndarray:
        return np.full(self.dim, 0.23)

    def _substeps(self, duration: float) -> int:
        count = duration / self._h
        if abs(count - round(count)) > 1e-6 * max(count, 1.0) or round(count) < 1:
            raise SpecError(
                f"dt = {duration:g} for {self.name}",
                f"a multiple of its integration step tau / {self.points} = {self._h:g}",
                f"give dt={max(1, round(count)) * self._h:g}",
            )
        return round(count)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`, on stretches of the past (batch, dim)."""
        dt = self._sampling_step(dt)
        substeps = self._substeps(dt)

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            states, tangents = np.array(x, dtype=float), np.array(Q, dtype=float)
            x, Q = compiled(delay_tangent)(*self.numbers, self._h, states, tangents, substeps)
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x, Q

        return TangentSteps(advance, "analytic Jacobian, compiled")

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        # a transient need not be a multiple of the step
        substeps = self._substeps(dt) if rows > 2 else max(1, round(dt / self._h))
        past = compiled(delay_orbit)(*self.numbers, self._h, start[::-1].copy(), (rows - 1) * substeps)
        if not np.isfinite(past).all():
            raise self._escaped(began + (int(np.argmin(np.isfinite(past))) - self.dim) * self._h)
        ends = self.dim + substeps * np.arange(rows)
        return past[ends[:, None] - 1 - np.arange(self.dim)]

    def _provenance(self) -> dict[str, Any]:
        return {"integrator": "Runge-Kutta 4, cubic history", "max_step": self._h}


def delay_orbit(beta, gamma, n, h, past, steps):
    """`past` (dim,), oldest first, followed by `steps` further values."""
    m = past.shape[0] - 2
    x = np.empty(past.shape[0] + steps)
    x[: past.shape[0]] = past
    for i in range(past.shape[0] - 1, x.shape[0] - 1):
        d0, d1 = x[i - m], x[i - m + 1]
        middle = (9.0 * (d0 + d1) - x[i - m - 1] - x[i - m + 2]) / 16.0
        p0 = beta * d0 / (1.0 + d0**n)
        pm = beta * middle / (1.0 + middle**n)
        p1 = beta * d1 / (1.0 + d1**n)
        k1 = p0 - gamma * x[i]
        k2 = pm - gamma * (x[i] + 0.5 * h * k1)
        k3 = pm - gamma * (x[i] + 0.5 * h * k2)
        k4 = p1 - gamma * (x[i] + h * k3)
        x[i + 1] = x[i] + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
    return x


def delay_tangent(beta, gamma, n, h, states, tangents, steps):
    """States (batch, dim), newest first, and tangent vectors (batch, dim, k) after `steps` steps."""
    batch, dim, k = tangents.shape
    m = dim - 2
    g = gamma * h
    # x' depends on x and on the three values of the delayed production through fixed numbers
    keep = 1.0 - g + g * g / 2.0 - g**3 / 6.0 + g**4 / 24.0
    first = h / 6.0 * (1.0 - g + g * g / 2.0 - g**3 / 4.0)
    inner = h / 6.0 * (4.0 - 2.0 * g + g * g / 2.0)
    last = h / 6.0
    for b in range(batch):
        x, Q = states[b], tangents[b]
        for _ in range(steps):
            d0, d1 = x[m], x[m - 1]
            middle = (9.0 * (d0 + d1) - x[m + 1] - x[m - 2]) / 16.0
            p0, pm, p1 = 1.0 + d0**n, 1.0 + middle**n, 1.0 + d1**n
            s0 = first * beta * (1.0 + (1.0 - n) * d0**n) / (p0 * p0)
            sm = inner * beta * (1.0 + (1.0 - n) * middle**n) / (pm * pm)
            s1 = last * beta * (1.0 + (1.0 - n) * d1**n) / (p1 * p1)
            new = keep * x[0] + beta * (first * d0 / p0 + inner * middle / pm + last * d1 / p1)
            for c in range(k):
                between = (9.0 * (Q[m, c] + Q[m - 1, c]) - Q[m + 1, c] - Q[m - 2, c]) / 16.0
                moved = keep * Q[0, c] + s0 * Q[m, c] + sm * between + s1 * Q[m - 1, c]
                for i in range(dim - 1, 0, -1):
                    Q[i, c] = Q[i - 1, c]
                Q[0, c] = moved
            for i in range(dim - 1, 0, -1):
                x[i] = x[i - 1]
            x[0] = new
    return states, tangents


FARMER = "J. D. Farmer, Physica D 4, 366 (1982), doi:10.1016/0167-2789(82)90042-2"


@SYSTEMS.register("mackey_glass")
@dataclass(frozen=True)
class MackeyGlass:
    """x' = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x; one column is observed, the state is a stretch of tau."""

    tau: float = option(17.0, "delay; chaotic from about 16.8 on")
    beta: float = option(0.2, "production")
    gamma: float = option(0.1, "decay")
    n: float = option(10.0, "steepness of the feedback")

    def __post_init__(self) -> None:
        if not (0.5 <= self.tau < 1000 and self.beta > 0 and self.gamma > 0 and self.n > 0):
            raise SpecError(
                f"mackey_glass with {asdict(self)}",
                "tau from 0.5 to 1000, and beta, gamma, n above 0",
                "give for example tau=17",
            )

    def build(self) -> Delayed:
        points = round(np.ceil(self.tau / STEP - 1e-9))
        published = {}
        if self == MackeyGlass(tau=23.0):
            published["kaplan_yorke_dimension"] = Published(2.4, 0.05, FARMER)
        return Delayed(
            name="mackey_glass",
            time="flow",
            dim=points + 2,
            dt=1.0,
            period=50.0,
            parameters=asdict(self),
            default_state=np.full(points + 2, 0.9),
            names=("x",),
            observed=1,
            reference=published,
            description="regulation of blood cells with a delay: one column, a state of infinite dimension",
            citation="M. C. Mackey, L. Glass, Science 197, 287 (1977), doi:10.1126/science.267326",
            numbers=(self.beta, self.gamma, self.n),
            points=points,
        )
