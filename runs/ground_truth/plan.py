"""How long a system is run for its entry in the table: fixed by what the system is, never by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsr.tangent import TangentSteps

from ...systems import System
from ...systems.base import SPACING_PERIODS

MEMBERS = 32
ALL_EXPONENTS_UP_TO = 40  # coordinates; of longer states (delays, fields) the leading ones
LEADING = 24
PERIODS, SLOW_PERIODS = 1000, 12  # per member
# Exponents times integration steps of all members together: what has many of them runs fewer periods, 50 at least.
# A Jacobian by differences costs more, and so does a tangent map without a compiled loop.
WORK, WORK_BY_DIFFERENCES, WORK_IN_ARRAYS, FEWEST_PERIODS = 1.2e8, 3e7, 6e6, 50
ITERATIONS = 50_000
TRANSIENT_PERIODS, TRANSIENT_ITERATIONS = 100, 10_000
ALIGNMENT, ALIGNMENT_PERIODS = 0.05, 5  # before the run: a share of it, and at least so many periods
ROWS = 100_000  # at most, and no more periods than all members run together
ROWS_PER_PERIOD = 25  # of the series behind means, D2 and the 0-1 test


@dataclass(frozen=True)
class Plan:
    """dt, steps, alignment : of the Lyapunov run, per member. k : exponents. transient : time before everything.
    apart : states on the trajectory behind the members, 5.6 periods each, between one member and the next: as long as
    a member runs, so that no two of them run through the same stretch. rows, sampling : of the series."""

    dt: float
    steps: int
    alignment: int
    k: int
    transient: float
    apart: int
    rows: int
    sampling: float


def plan_of(system: System, tangent: TangentSteps) -> Plan:
    """Systems whose tangent vectors are moved by an implicit solver run a few periods only."""
    slow = "LSODA" in tangent.method
    work = WORK if tangent.method.startswith("analytic") else WORK_BY_DIFFERENCES
    if tangent.stretch is None:
        work = WORK_IN_ARRAYS
    k = system.dim if system.dim <= ALL_EXPONENTS_UP_TO else LEADING
    if system.time == "map":
        apart = math.ceil(ITERATIONS / round(SPACING_PERIODS))
        return Plan(1.0, ITERATIONS, round(ALIGNMENT * ITERATIONS), k, TRANSIENT_ITERATIONS, apart, ROWS, 1.0)
    per_period = system.period / system.dt
    fine = system.period / min(getattr(system, "max_step", None) or math.inf, system.dt)
    affordable = math.floor(work / (MEMBERS * fine * k))
    periods = SLOW_PERIODS if slow else min(PERIODS, max(FEWEST_PERIODS, affordable))
    return Plan(
        dt=system.dt,
        steps=round(periods * per_period),
        alignment=round(max(ALIGNMENT * periods, ALIGNMENT_PERIODS) * per_period),
        k=k,
        transient=TRANSIENT_PERIODS * system.period,
        apart=math.ceil(periods / SPACING_PERIODS),
        rows=min(ROWS, MEMBERS * periods * ROWS_PER_PERIOD),
        sampling=system.dt * max(1, math.floor(per_period / ROWS_PER_PERIOD)),
    )
