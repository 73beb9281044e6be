"""The scorecard: one row per measure, and the table of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsr.errors import unknown
from dsr.measure import Floor, Measure
from dsr.series import TimeSeries

from ..lyapunov.spectrum import LyapunovSpectrum
from .diagnosis import Finding
from .normalised import NOTHING, ceiling, normalised_score, verdict
from .outcome import Outcome

HEADER = ("measure", "truth", "reconstruction", "floor", "surrogate", "Gaussian", "normalised")


@dataclass(frozen=True)
class Row:
    """One measure beside that of the truth (None for a distance to the truth) and of two baselines."""

    name: str
    truth: Measure | None
    reconstruction: Measure
    surrogate: Measure | None = None
    gaussian: Measure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        measures = {key: getattr(self, key) for key in ("truth", "reconstruction", "surrogate", "gaussian")}
        return {"name": self.name, **{key: m and m.to_dict() for key, m in measures.items()}}


@dataclass(frozen=True, eq=False)
class Judgement:
    """A judged reconstruction; `print` it for the table, `judgement["D_stsp"]` for a row.

    outcome : what the free run turned into. findings : failure modes of a run that stayed (`diagnose`). spectrum :
        exponents of the model, None if it diverged.
    truth_spectrum : as given. generated : the free run after its transient, or what there was of it before it
    diverged (None if that is too short). notes : sentences to read with the table.
    """

    rows: tuple[Row, ...]
    outcome: Outcome
    spectrum: LyapunovSpectrum | None
    truth_spectrum: LyapunovSpectrum | None
    generated: TimeSeries | None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise unknown("measure", name, [row.name for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the generated series itself is left out."""
        return {
            "outcome": {
                "name": self.outcome.name,
                "sentence": self.outcome.sentence,
                "step": self.outcome.step,
            },
            "findings": [vars(finding) for finding in self.findings],
            "rows": [row.to_dict() for row in self.rows],
            "spectrum": self.spectrum and self.spectrum.to_dict(),
            "truth_spectrum": self.truth_spectrum and self.truth_spectrum.to_dict(),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = table([HEADER, *(_cells(row) for row in self.rows)])
        found = [row.reconstruction for row in self.rows]
        remarks = [f"{m.name}: {m.note}" for m in found if m.note and math.isfinite(m.value)]
        head = [f"outcome: {self.outcome}", *map(str, self.findings)]
        return "\n".join([*head, "", *lines, "", *(f"- {note}" for note in [*self.notes, *remarks])]).rstrip()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a plain aligned table; the first row is the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _cells(row: Row) -> tuple[str, ...]:
    measures = (row.surrogate, row.gaussian)
    return (
        row.name,
        _cell(row.truth),
        _cell(row.reconstruction),
        _floor(row.reconstruction.floor),
        *(_baseline(m) for m in measures),
        _normalised(row),
    )


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return ""
    return f"none ({measure.note})" if math.isnan(measure.value) else str(measure)


def _baseline(measure: Measure | None) -> str:
    """Without unit and error, which are those of the row."""
    if measure is None:
        return ""
    return "none" if math.isnan(measure.value) else f"{measure.value:.3g}"


def _normalised(row: Row) -> str:
    """The score between floor (0) and the worse baseline (1); "(= truth)" below the 95 % quantile of the floor, or
    there "(tells nothing)" where the baselines lie below it, too."""
    measure = row.reconstruction
    if measure.floor is None or measure.floor.chance:
        return ""
    worst = ceiling((row.surrogate, row.gaussian))
    said, value = verdict(measure, worst), normalised_score(measure, worst)
    number = "" if math.isnan(value) or said == NOTHING else f"{value:.3f} "
    return f"{number}({said})" if said else number.strip()


def _floor(floor: Floor | None) -> str:
    if floor is None:
        return ""
    spread = f" [{floor.low:.3g}, {floor.high:.3g}]" if floor.pairs > 1 else ""
    return f"{floor.median:.3g}{spread}" + (" (chance)" if floor.chance else "")
