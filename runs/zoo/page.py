"""The page of the comparison, from the stored cells."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from dsr import __version__

from ..markdown import paragraphs, table

METHOD = """\
Every family is fitted with its own recommended settings (`dsr models NAME`) unless its row says otherwise, by the \
same `fit`, on the training series alone: checkpoints of families trained by gradients are chosen by free runs against \
the training data. The test series starts from an independent initial condition.

- **VPT**: valid prediction time in Lyapunov times (in time units where no exponent is known): until the root mean \
square error over columns exceeds 0.3 (and 0.5) standard deviations; median over 20 starts, whose clock starts after \
the context that the model needs. Shown: median over seeds [least, largest].
- **lambda_i**: exponents per unit of time by QR of the model's own tangent map, 16 members from the test data (4 of \
models with more than 500 states), 6,000 steps each. Two more than the truth has are computed: **gap** says whether \
the first surplus one is clearly below the last that counts (by two standard errors). Without a gap, exponents further \
down belong to the model's memory, not to the system.
- **conditional**: largest exponent of the model driven by data; it must lie below the exponents that are to be trusted.
- **D_stsp**, **D_H**: of 10 free runs of 10,000 rows (densities pooled; spectra smoothed over 20 \
bins and averaged); the floor is what independent true trajectories score. With more than six columns no \
two points share a cell, and D_stsp is left out.
- **lost**: free runs, of 10 per seed, that left the range of the data. **CPU s**: of fitting, one thread, with the \
free-run checks."""


def page(tables: Mapping[str, tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> str:
    """Markdown; `tables` gives floor and cells of each task."""
    made_by = f"Written by `python -m dsr.runs.zoo`, dsr-workbench {__version__}; do not edit."
    blocks = ["# The model zoo", made_by, METHOD]
    for floor, cells in tables.values():
        blocks += [f"## {floor['title']}", _truth(floor), _scores(floor, cells), _seeds(cells), _failures(cells)]
    return paragraphs(*blocks) + "\n"


def _truth(floor: Mapping[str, Any]) -> str:
    words = []
    if floor["exponents"]:
        words.append("True exponents: " + ", ".join(f"{x:.3g}" for x in floor["exponents"]) + ".")
    for name, key in (("D_stsp", "d_stsp"), ("D_H", "d_h")):
        if _range(floor[key]):
            words.append(f"Floor of {name}: {_range(floor[key])}.")
    return " ".join(words)


def _scores(floor: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    truth = floor["exponents"]
    shown = min(len(truth), 3) or 1
    head = [
        "family", "seeds", "VPT 0.3", "VPT 0.5", *(f"lambda_{i + 1}" for i in range(shown)), "gap", "conditional",
        "D_stsp", "D_H", "lost", "CPU s",
    ]  # fmt: skip
    rows = []
    for label in dict.fromkeys(c["family"] for c in cells):
        mine = [c for c in cells if c["family"] == label and "failed" not in c]
        if not mine:
            continue
        count = len(truth) or min(3, len(mine[0]["exponents"]))
        rows.append([
            label,
            len(mine),
            _range([c["vpt_0.3"][0] for c in mine]),
            _range([c["vpt_0.5"][0] for c in mine]),
            *(_range([c["exponents"][i] for c in mine if len(c["exponents"]) > i]) for i in range(shown)),
            _gaps(mine, count),
            _range([c["conditional"] for c in mine]),
            _range([c["d_stsp"] for c in mine]),
            _range([c["d_h"] for c in mine]),
            f"{sum(c['lost_runs'] for c in mine)} of {10 * len(mine)}",
            f"{statistics.median(c['cpu_seconds'] for c in mine):.1f}",
        ])  # fmt: skip
    return table(head, rows)


def _gaps(cells: Sequence[Mapping[str, Any]], count: int) -> str:
    """In how many seeds exponent count + 1 is clearly below exponent `count`."""
    known = [c for c in cells if len(c["exponents"]) > count]
    clear = 0
    for c in known:
        upper, lower = c["exponents"][count - 1], c["exponents"][count]
        if lower is None or (upper is not None and upper - lower > 2 * (c["stderr"][count - 1] + c["stderr"][count])):
            clear += 1
    return f"{clear} of {len(known)}" if known else ""


def _seeds(cells: Sequence[Mapping[str, Any]]) -> str:
    """Every seed's numbers, none left out."""
    lines = []
    for c in cells:
        if "failed" not in c:
            first = c["exponents"][0] if c["exponents"] else None
            row = [c["family"], c["seed"], _number(c["vpt_0.3"][0]), _number(first), _number(c["d_stsp"])]
            lines.append([*row, _number(c["d_h"]), c["lost_runs"], c["training"]])
    head = ["family", "seed", "VPT 0.3", "lambda_1", "D_stsp", "D_H", "lost", "training"]
    return paragraphs("<details><summary>every seed</summary>", table(head, lines), "</details>") if lines else ""


def _failures(cells: Sequence[Mapping[str, Any]]) -> str:
    failed = [c for c in cells if "failed" in c]
    return "\n".join(f"- {c['family']}, seed {c['seed']}: {c['failed'].splitlines()[-1]}" for c in failed)


def _range(values: Sequence[float | None]) -> str:
    """Median [least, largest] of the known values, one number if they are equal; says how many are unknown. Nothing
    where none is known."""
    known = sorted(v for v in values if v is not None and v == v)
    if not known:
        return ""
    missing = f" ({len(values) - len(known)} none)" if len(known) < len(values) else ""
    if known[0] == known[-1]:
        return _number(known[0]) + missing
    return f"{_number(statistics.median(known))} [{_number(known[0])}, {_number(known[-1])}]{missing}"


def _number(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:.3g}"
