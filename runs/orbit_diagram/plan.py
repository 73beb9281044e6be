"""What a sweep does at every value: checked settings, and the steps that they come to for one system."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError, unknown
from dsr.registry import options_of

from ...systems import SYSTEMS, System
from ...systems.limits import require_steps

TRANSIENT_PERIODS, PERIODS = 500, 200
TRANSIENT_ITERATIONS, ITERATIONS = 10_000, 10_000
EXPONENTS, POINTS = 4, 200
ROWS_PER_PERIOD = 1000  # at most: the top of Rössler's spike, by a parabola, is then exact to 1e-5 of its height
ROUNDS_PER_PERIOD = 20  # orthonormalisations
ALIGNMENT = 0.05  # of the run, in which tangent vectors align


@dataclass(frozen=True)
class Plan:
    """column : index of the coordinate shown. section : (column, offset) or None. exponents : how many. points : kept.
    transient, duration : times. seed : of nudge and tangent vectors."""

    column: int
    section: tuple[int, float] | None
    exponents: int
    points: int
    transient: float
    duration: float
    seed: int

    def rows(self, system: System) -> int:
        if system.time == "map":
            return max(self.points, 2, system.observed or system.dim)
        return math.ceil(self.duration / sampling_step(system)) + 1

    def steps(self, system: System) -> int:
        return math.ceil(self.duration / sampling_step(system))


def sampling_step(system: System) -> float:
    """The integration step, or a thousandth of a period where that is smaller, but in whole integration steps: a delay
    equation can take no others. 1 for maps."""
    if system.time == "map":
        return 1.0
    wanted = system.period / ROWS_PER_PERIOD
    step = system._provenance().get("max_step")
    return wanted if step is None else step * max(1, round(wanted / step))


def qr_steps(system: System) -> int:
    """Sampling steps between two orthonormalisations."""
    return 1 if system.time == "map" else max(1, round(system.period / ROUNDS_PER_PERIOD / sampling_step(system)))


def plan_for(
    system: System,
    *,
    coordinate: str | None,
    section: tuple[str, float] | None,
    exponents: int | None,
    points: int,
    transient: float | None,
    duration: float | None,
    seed: int,
) -> Plan:
    """Raises `SpecError` for a coordinate that the system does not have, and for settings out of range."""
    flow = system.time == "flow"
    names = names_of(system)
    column = 0 if coordinate is None else _column(system, names, coordinate)
    plane = None
    if section is not None:
        plane = (_column(system, names, section[0]), float(section[1]))
        if not flow or plane[0] == column or not math.isfinite(plane[1]):
            raise SpecError(
                f"the section {section[0]} = {section[1]} of the {system.time} {system.name}, showing {names[column]}",
                "a plane at a number, of a flow, in another coordinate than the one shown",
                f"give coordinate={names[column - 1]}" if flow and len(names) > 1 else "leave the section out",
            )
    k = min(EXPONENTS, system.dim) if exponents is None else exponents
    before = (TRANSIENT_PERIODS * system.period if flow else TRANSIENT_ITERATIONS) if transient is None else transient
    span = (PERIODS * system.period if flow else ITERATIONS) if duration is None else duration
    least = 10 * (system.period if flow else 10)

    def whole(time: float) -> bool:
        return flow or time == math.floor(time)

    end = "" if flow else ", in whole iterations"
    start, stop = 0 <= before < math.inf and whole(before), least <= span < math.inf and whole(span)
    for name, value, good, accepted, example in (
        ("exponents", k, 1 <= k <= system.dim, f"1 to {system.dim}, as many as {system.name} has", system.dim),
        ("points", points, points >= 1, "1 or more", POINTS),
        ("transient", before, start, f"a time from 0{end}", 0),
        ("duration", span, stop, f"a time from {least:g}{end}", f"{least:g}"),
    ):
        if not good:
            raise SpecError(f"{name} = {value:g}", accepted, f"give for example {name} = {example}")
    require_steps(
        (before + span) * (ROWS_PER_PERIOD / system.period if flow else 1),
        f"transient = {before:g} and duration = {span:g} of {system.name}, whose period is {system.period:g}",
        "give shorter times",
    )
    return Plan(column, plane, int(k), int(points), float(before), float(span), int(seed))


def names_of(system: System) -> tuple[str, ...]:
    return system.names or tuple(f"x{i + 1}" for i in range(system.observed or system.dim))


def require_parameter(system: System, parameter: str) -> None:
    """Raises `SpecError` for a parameter that is not there, or cannot take the values between two numbers."""
    if not system.parameters:
        raise SpecError(
            f"the parameter '{parameter}' of {system.name}", "no parameters at all", "choose another system"
        )
    if parameter not in system.parameters:
        raise unknown(f"parameter of {system.name} named", parameter, system.parameters)
    varied = [name for name in system.parameters if _continuous(system, name)]
    if parameter not in varied:
        kind = "a whole number" if np.ndim(system.parameters[parameter]) == 0 else "a list of numbers"
        raise SpecError(
            f"{parameter} of {system.name} is {kind}",
            "a parameter that takes every value in between: " + (", ".join(varied) or f"{system.name} has none"),
            f"write {varied[0]}=FIRST..LAST" if varied else "choose another system",
        )


def _continuous(system: System, name: str) -> bool:
    kinds: dict[str, Any] = {}
    if system.name in SYSTEMS:
        kinds = {key: kind for key, kind, _, _ in options_of(SYSTEMS[system.name])}
    value = system.parameters[name]
    return np.ndim(value) == 0 and not isinstance(value, bool | str) and kinds.get(name, "float") == "float"


def _column(system: System, names: tuple[str, ...], coordinate: str) -> int:
    if coordinate not in names:
        raise unknown(f"coordinate of {system.name} named", coordinate, names)
    return names.index(coordinate)
