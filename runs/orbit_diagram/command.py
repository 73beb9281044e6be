"""`dsr orbit-diagram`: what is typed, turned into a sweep and its files."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from dsr.errors import SpecError

from ...systems import get_system
from ...systems.limits import require_room
from ..progress import Counted
from ..spec import override
from .orbit_diagram import OrbitDiagram
from .plan import POINTS, require_parameter
from .sweep import sweep
from .write import require_kind, write

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
EXAMPLE = "write for example rho=0..200"
NUMBERS_EACH = 2 * POINTS  # kept for a parameter value, roughly: its points, its row, its system


def orbit_diagram_to_files(
    name: str,
    assignments: Sequence[str],
    out: Sequence[str],
    *,
    values: int,
    coordinate: str | None,
    section: str | None,
    exponents: int | None,
    transient: float | None,
    duration: float | None,
    continued: bool,
    seed: int,
) -> str:
    """Sweep and write; returns what is printed."""
    for path in out:
        require_kind(path)
    parameter, first, last, others = swept(assignments)
    if values < 2:
        raise SpecError(f"--points {values}", "2 values or more", "give for example --points 400")
    require_room(values * NUMBERS_EACH, f"--points {values}", "give for example --points 400")
    system = get_system(name, **override({}, others))
    require_parameter(system, parameter)
    with Counted("orbit diagram") as progress:
        found = sweep(
            system, parameter, np.linspace(first, last, values), coordinate=coordinate, section=_plane(section),
            exponents=exponents, transient=transient, duration=duration, continued=continued, seed=seed,
            told=progress.told,
        )  # fmt: skip
    return _report(found, [str(path) for target in out for path in write(found, target)])


def swept(assignments: Sequence[str]) -> tuple[str, float, float, list[str]]:
    """The parameter with its first and last value, and the other assignments."""
    ranges = [text for text in assignments if ".." in text]
    others = [text for text in assignments if ".." not in text]
    if len(ranges) != 1:
        raise SpecError(
            f"{len(ranges)} parameters to sweep", "one, as PARAM=FIRST..LAST", EXAMPLE if not ranges else "keep one"
        )
    match = re.fullmatch(rf"\s*([A-Za-z_]\w*)\s*=\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*", ranges[0])
    if match is None or float(match[2]) == float(match[3]):
        raise SpecError(f"the argument '{ranges[0]}'", "PARAM=FIRST..LAST with two different numbers", EXAMPLE)
    return match[1], float(match[2]), float(match[3]), others


def _plane(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    coordinate, equals, number = text.partition("=")
    if not equals or re.fullmatch(NUMBER, number.strip()) is None:
        raise SpecError(f"--section {text}", "COORDINATE=NUMBER", "write for example --section z=27")
    return coordinate.strip(), float(number)


def _report(found: OrbitDiagram, written: Sequence[str]) -> str:
    return "\n".join([found.summary(), "", *written])
