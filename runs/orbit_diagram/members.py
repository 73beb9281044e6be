"""Systems with different values of a parameter, run together: what each of them does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsr.measure import Measure

from ...analysis import MemberExponents, member_exponents, poincare_section, successive_maxima
from ...systems import System
from ...systems.ensemble import simulate_ensemble
from ...systems.ensemble_tangent import ensemble_tangent_map
from .plan import ALIGNMENT, Plan, qr_steps, sampling_step
from .verdict import ESCAPES, FIXED, PERIODIC, RETURN, period_of, verdict


@dataclass(frozen=True, eq=False)
class Found:
    """One value's row: verdict, period, points shown, exponents (k,) with errors, dimension (value, error); `last` is
    the state to go on from, None after an escape."""

    verdict: str
    period: int
    points: np.ndarray
    exponents: np.ndarray
    stderr: np.ndarray
    dimension: tuple[float, float]
    reason: str = ""
    last: np.ndarray | None = None


def nothing(verdict: str, exponents: int, reason: str) -> Found:
    """The row of a value without an orbit."""
    unknown = np.full(exponents, np.nan)
    return Found(verdict, 0, np.empty(0), unknown, unknown, (math.nan, math.nan), reason)


def run_members(members: Sequence[System], starts: np.ndarray, plan: Plan) -> list[Found]:
    """Rows of systems (batch,) of one dimension and one sampling step, from states (batch, dim)."""
    first = members[0]
    dt = sampling_step(first)
    ensemble = simulate_ensemble(members, plan.rows(first), dt, starts=starts, transient=plan.transient)
    found = [nothing(ESCAPES, plan.exponents, str(reason)) for reason in ensemble.reasons]
    alive = np.flatnonzero(~ensemble.failed).tolist()
    if not alive:
        return found
    steps = plan.steps(first)
    rates = member_exponents(
        ensemble_tangent_map([members[i] for i in alive], dt),
        ensemble.last[alive],
        steps=steps,
        transient=math.ceil(ALIGNMENT * steps),
        dt=dt,
        k=plan.exponents,
        qr_every=qr_steps(first),
        seed=plan.seed,
        time_unit=first.time_unit,
    )
    for j, i in enumerate(alive):
        if rates.diverged[j]:
            found[i] = nothing(ESCAPES, plan.exponents, "became infinite while its exponents were averaged")
        else:
            found[i] = _judged(members[i], ensemble.values[i], ensemble.last[i], rates, j, dt, plan)
    return found


def _judged(
    system: System, x: np.ndarray, last: np.ndarray, rates: MemberExponents, j: int, dt: float, plan: Plan
) -> Found:
    flow = system.time == "flow"
    size = np.maximum(system.state_scale()[: x.shape[1]], x.std(axis=0))
    still = bool((np.ptp(x[-max(2, len(x) // 10) :], axis=0) <= RETURN * size).all())
    if flow:
        points = x[-1:, plan.column] if still else _shown(x, dt, plan)
        period = period_of(points[:, None], RETURN * size[plan.column])
    else:
        points, period = x[-plan.points :, plan.column], period_of(x[-plan.points :], RETURN * size)
    name, period = verdict(
        flow=flow, still=still, period=period, seen=len(points), exponents=rates.exponents[j], stderr=rates.stderr[j],
        duration=plan.duration,
    )  # fmt: skip
    if flow and name == FIXED:
        points = x[-1:, plan.column]
    dimension = _dimension(name, flow, system.dim, rates.kaplan_yorke(j))
    return Found(name, period, points.copy(), rates.exponents[j], rates.stderr[j], dimension, last=last)


def _shown(x: np.ndarray, dt: float, plan: Plan) -> np.ndarray:
    """The last maxima of the coordinate, or its last values on the section."""
    if plan.section is None:
        return successive_maxima(x[:, plan.column], dt=dt).values[-plan.points :]
    column, offset = plan.section
    crossings = poincare_section(x, dt=dt, normal=column, offset=offset)
    return crossings.points[-plan.points :, plan.column]


def _dimension(name: str, flow: bool, dim: int, measured: Measure) -> tuple[float, float]:
    """Kaplan-Yorke dimension and its error; exact where the verdict says what the attractor is."""
    if name in (FIXED, PERIODIC):
        return (1.0 if flow and name == PERIODIC else 0.0), 0.0
    if measured.note and measured.settings["exponents"] < dim:
        return math.nan, math.nan
    error = 0.0 if measured.low is None else (measured.high - measured.low) / 2
    return measured.value, error
