"""One parameter of a system over many values: the orbit and the exponents at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import DataError, SpecError

from ...systems import System
from .members import Found, nothing, run_members
from .orbit_diagram import OrbitDiagram
from .plan import POINTS, Plan, names_of, plan_for, qr_steps, require_parameter, sampling_step
from .verdict import ESCAPES, REFUSED

NUDGE = 1e-6  # in units of `state_scale`: a start on an orbit that has lost its stability must leave it
TOGETHER, NUMBERS = 32, 4_000_000  # members run together at most, and numbers that their orbits may take


def sweep(
    system: System,
    parameter: str,
    values: Sequence[float] | np.ndarray,
    *,
    coordinate: str | None = None,
    section: tuple[str, float] | None = None,
    exponents: int | None = None,
    points: int = POINTS,
    transient: float | None = None,
    duration: float | None = None,
    continued: bool = False,
    seed: int = 0,
    told: Callable[[str, int, int], None] | None = None,
) -> OrbitDiagram:
    """Orbit diagram and leading Lyapunov exponents of `system` over `values` of one of its parameters.

    Parameters
    ----------
    coordinate : name of the coordinate shown; the first if None.
    section : (coordinate, offset) of a plane: a flow is then shown where it crosses it upwards, instead of by its
        maxima.
    exponents : how many; four, or as many as there are coordinates, if None.
    points : the last iterates, maxima or crossings of each value that are kept.
    transient : time before everything; 500 periods, or 10,000 iterations, if None. duration : time over which a flow is
        watched, and over which the exponents are averaged; 200 periods, or 10,000 iterations, if None.
    continued : each value starts from the last state of the one before, so that an attractor is followed until it loses
        its stability (run the values in both directions to see hysteresis); otherwise each starts from the system's
        default state. A start is moved by 1e-6 of the attractor's size, to leave orbits that are not stable.
    seed : of that displacement and of the tangent vectors.
    told : called with (value, done, total) as values are finished.

    Returns
    -------
    OrbitDiagram. A value at which the orbit escapes, or that the system refuses, is a row with that verdict.

    When it misleads: one start per value, so that of several attractors one is seen; chaos that is only transient, and
    slow convergence near a bifurcation, outlast any transient; the period is that seen in the points, so that two loops
    with equal maxima count once. Periods of time are those of the system at its own parameters.

    Raises `SpecError` for an unknown, whole-number or vector parameter, an unknown coordinate, and settings out of
    range, and where the system refuses every value.
    """
    require_parameter(system, parameter)
    wanted = _values(parameter, values)
    plan = plan_for(
        system, coordinate=coordinate, section=section, exponents=exponents, points=points, transient=transient,
        duration=duration, seed=seed,
    )  # fmt: skip
    members, rows = _family(system, parameter, wanted, plan)
    state: np.ndarray | None = None
    done = len(rows) - rows.count(None)
    for batch in _batches(members, plan, alone=continued):
        found = _run(batch, plan, state if continued else None)
        for (i, _), row in zip(batch, found, strict=True):
            rows[i] = row
        state, done = found[-1].last, done + len(batch)
        if told is not None:
            told(f"{parameter} = {wanted[batch[-1][0]]:.6g}", done, len(rows))
    return _diagram(system, parameter, wanted, [row for row in rows if row is not None], plan, continued)


def _values(parameter: str, values: Any) -> np.ndarray:
    found = np.array(values, dtype=float)
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise SpecError(
            f"values of {parameter} of shape {found.shape}", "one or more finite numbers", "give np.linspace(1, 2, 400)"
        )
    return found


def _family(
    system: System, parameter: str, values: np.ndarray, plan: Plan
) -> tuple[list[System | None], list[Found | None]]:
    """The system at each value, None where it refuses the value, and the rows of those."""
    members: list[System | None] = []
    rows: list[Found | None] = []
    refusal: SpecError | None = None
    for value in values.tolist():
        try:
            members.append(system.with_parameters(**{parameter: value}))
            rows.append(None)
        except SpecError as problem:
            refusal = problem
            members.append(None)
            rows.append(nothing(REFUSED, plan.exponents, f"{problem.got}; accepted: {problem.accepted}"))
    if refusal is not None and not any(members):
        raise refusal
    return members, rows


def _batches(members: Sequence[System | None], plan: Plan, *, alone: bool) -> Iterator[list[tuple[int, System]]]:
    """Neighbouring systems with the same number of coordinates and the same step, few enough for the memory."""
    batch: list[tuple[int, System]] = []
    kind: tuple[int, float] | None = None
    for i, member in enumerate(members):
        if member is None:
            continue
        mine = member.dim, sampling_step(member)
        most = 1 if alone else min(TOGETHER, max(1, NUMBERS // (plan.rows(member) * member.dim)))
        if batch and (mine != kind or len(batch) >= most):
            yield batch
            batch = []
        batch.append((i, member))
        kind = mine
    if batch:
        yield batch


def _run(batch: Sequence[tuple[int, System]], plan: Plan, state: np.ndarray | None) -> list[Found]:
    """Rows of a batch, each from the default state or all from `state`."""
    starts, ready = [], []
    found = [nothing(ESCAPES, plan.exponents, "") for _ in batch]
    for place, (_, member) in enumerate(batch):
        try:
            starts.append(_start(member, state, plan.seed))
            ready.append(place)
        except DataError as problem:  # a trial trajectory that the scales are measured on
            found[place] = nothing(ESCAPES, plan.exponents, problem.got)
    if ready:
        ran = run_members([batch[place][1] for place in ready], np.array(starts), plan)
        for place, row in zip(ready, ran, strict=True):
            found[place] = row
    return found


def _start(system: System, state: np.ndarray | None, seed: int) -> np.ndarray:
    start = system.default_state if state is None else state
    if len(start) != system.dim:  # the past of a delay equation, on the points of another delay
        start = np.interp(np.linspace(0, 1, system.dim), np.linspace(0, 1, len(start)), start)
    return start + NUDGE * system.state_scale() * np.random.default_rng(seed).standard_normal(system.dim)


def _diagram(
    system: System, parameter: str, values: np.ndarray, rows: Sequence[Found], plan: Plan, continued: bool
) -> OrbitDiagram:
    names = names_of(system)
    coordinate = names[plan.column]
    shown = coordinate if system.time == "map" else f"maxima of {coordinate}"
    if plan.section is not None:
        shown = f"{coordinate} where {names[plan.section[0]]} = {plan.section[1]:g}, upwards"
    settings = {
        "system": system.name,
        "parameters": {k: np.asarray(v).tolist() for k, v in system.parameters.items() if k != parameter},
        "parameter": parameter,
        "shown": shown,
        "exponents": plan.exponents,
        "points": plan.points,
        "transient": plan.transient,
        "duration": plan.duration,
        "dt": sampling_step(system),
        "qr_every": qr_steps(system),
        "continued": continued,
        "nudge": NUDGE,
        "seed": plan.seed,
        **system._provenance(),
        "dsr": __version__,
    }
    return OrbitDiagram(
        system=system.name,
        parameter=parameter,
        time_unit=system.time_unit,
        coordinate=coordinate,
        shown=shown,
        values=values,
        points=tuple(row.points for row in rows),
        verdicts=tuple(row.verdict for row in rows),
        periods=np.array([row.period for row in rows]),
        exponents=np.array([row.exponents for row in rows]),
        stderr=np.array([row.stderr for row in rows]),
        kaplan_yorke=np.array([row.dimension[0] for row in rows]),
        kaplan_yorke_error=np.array([row.dimension[1] for row in rows]),
        reasons=tuple(row.reason for row in rows),
        settings=settings,
    )
