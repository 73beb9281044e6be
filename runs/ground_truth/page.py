"""The table of ground truth as a page of Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ...systems import table
from ...systems.from_dysts.catalogue import DYSTS_PREFIX
from .compare import deviations
from .labels import system_of

SHOWN = 4  # exponents in a row, at most

HEAD = """# The systems and their invariants

Computed by `dsr systems verify --all`, which also writes the table that the package carries; this page is written from
that table by `python -m dsr.runs.ground_truth`. Exponents per unit of the system's time (maps: per iteration), natural
logarithm, with standard errors over {members} trajectories; D2 by Takens' estimator on z-scored coordinates, whose
finite radius leaves a bias of a few percent (Rössler: 10 %); "dev." is the largest difference from the published
values, in standard errors of both. `dsr systems NAME` shows everything else: means, standard deviations, dominant
period, checks, sources. A verdict other than "chaotic" is in italics. Where something is conserved, the Kaplan-Yorke
dimension is higher by one than that of what an orbit fills (energy of double_pendulum and henon_heiles, mean of
kuramoto_sivashinsky).
"""


def page() -> str:
    """Our own systems, then those of dysts at their defaults."""
    stored = table()
    members = max(entry.get("settings", {}).get("members", 0) for entry in stored.values())
    ours = {label: entry for label, entry in stored.items() if not label.startswith(DYSTS_PREFIX)}
    others = {label: entry for label, entry in stored.items() if label.startswith(DYSTS_PREFIX)}
    chaotic = sum(entry["verdict"] == "chaotic" for entry in others.values())
    parts = [HEAD.format(members=members), f"## Our own: {len(ours)} entries\n", *_rows(ours)]
    title = f"\n## dysts: {len(others)} systems at their defaults, {chaotic} found chaotic\n"
    return "\n".join([*parts, title, *_rows(others)]) + "\n"


def _rows(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    published = any(not label.startswith(DYSTS_PREFIX) for label in entries)
    columns = ["system", "states", "exponents", "Kaplan-Yorke", "D2", "period", *["dev."] * published, "verdict"]
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for label, entry in entries.items():
        cells = [label, str(entry["states"]), _exponents(entry)]
        cells += [_number(entry.get(key)) for key in ("kaplan_yorke_dimension", "correlation_dimension")]
        cells.append(_period(entry))
        if published:
            cells.append(_deviation(label, entry))
        yield "| " + " | ".join([*cells, _verdict(entry)]) + " |"


def _exponents(entry: Mapping[str, Any]) -> str:
    known = entry.get("exponents", [])
    shown = [
        with_error(value, math.sqrt(max(entry["covariance"][i][i] or 0.0, 0.0))) if value is not None else "none"
        for i, value in enumerate(known[:SHOWN])
    ]
    return ", ".join(shown) + (", ..." if len(known) > SHOWN else "")


def _number(found: Mapping[str, Any] | None) -> str:
    if not found or found.get("value") is None:
        return ""
    return with_error(found["value"], found.get("error") or 0.0)


def _period(entry: Mapping[str, Any]) -> str:
    found = (entry.get("dominant_period") or {}).get("value")
    return "" if found is None else f"{found:.3g}"


def _deviation(label: str, entry: Mapping[str, Any]) -> str:
    found = deviations(system_of(label), entry).values()
    return f"{max(map(abs, found)):.1f}" if found else ""


def _verdict(entry: Mapping[str, Any]) -> str:
    if entry["verdict"] == "chaotic":
        return "chaotic"
    return f"*{entry['verdict']}*" + (f": {entry['reason']}" if entry["verdict"] == "failed" else "")


def with_error(value: float, error: float) -> str:
    """A value to the digit of its error's second figure, the error in brackets: 0.9046(13)."""
    if not error > 0 or not math.isfinite(error):
        return f"{value:.5g}"
    places = 1 - math.floor(math.log10(error))
    digits = round(error * 10**places)
    if digits == 100:
        places, digits = places - 1, 10
    if places <= 0:
        return f"{value:.0f}({error:.0f})"
    return f"{round(value, places) + 0.0:.{places}f}({digits})"
