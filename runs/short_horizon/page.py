"""The page of the short-horizon comparison."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsr.errors import DataError

from ..markdown import table
from .cell import BUDGETS

Cells = Mapping[str, Mapping[str, dict[str, Any]]]  # family -> system -> cell
PREFIX = "smape_"
SHOWN = ("nrmse", "mae", "mse", "rmse", "marre", "r2_score", "rmsle", "mape", "wape", "spearman", "pearson", "kendall",
         "coefficient_of_variation", "mutual_information", "kl_divergence", "hellinger_distance")  # fmt: skip


def published(path: Path) -> dict[str, dict[str, float]]:
    """sMAPE of each published method by system, from a table with columns `system` and `smape_METHOD`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"'{path}' cannot be read", "a .csv table of results", "check the path") from problem
    rows = list(csv.DictReader(io.StringIO(text)))
    names = [key for key in (rows[0] if rows else {}) if key.startswith(PREFIX)]
    if not names or "system" not in rows[0]:
        raise DataError(f"'{path}' has no columns system and {PREFIX}...", "a table of published results", "check it")
    return {
        name.removeprefix(PREFIX).removesuffix("Model"): {r["system"]: float(r[name]) for r in rows if r[name]}
        for name in names
    }


def medians(cells: Cells) -> dict[str, dict[str, float]]:
    """Median sMAPE over windows, by family and system."""
    return {
        family: {system: float(np.median(cell["smape"])) for system, cell in by_system.items()}
        for family, by_system in cells.items()
    }


def page(cells: Cells, windows: int, known: Mapping[str, Mapping[str, float]]) -> str:
    """The page as Markdown: medians over systems, ours and published on the same systems, then every system."""
    ours = medians(cells)
    complete = sorted(set.intersection(*(set(by) for by in ours.values()))) if ours else []
    shared = [s for s in complete if all(s in by for by in known.values())]
    trained = ", ".join(f"{name} {budget['steps']:,} steps" for name, budget in BUDGETS.items() if name in cells)
    lines = [
        "# Forecasts over a short horizon", "",
        f"{len(complete)} flows of dysts, {windows} windows each from independent initial conditions; written by "
        "`python -m dsr.runs.short_horizon`. In each window 1000 rows (ten periods, 100 rows per period, no noise) are "
        "fitted and the next 200 forecast; settings are those that forecast a further trajectory best. sMAPE runs from "
        "0 to 200; a forecast that diverges, or that there is none of since the settings chosen cannot be fitted, "
        "counts as 200 and among the diverged windows. Protocol: Gilpin, arXiv:2303.08011, where each system has one "
        "window.", "",
        "Most flows of dysts are polynomials of degree two or three, and the data have no noise: polynomials (ngrc, "
        "edmd, sindy) then hold the right terms, which says little about systems where they do not.", "",
    ]  # fmt: skip
    if trained:
        lines += [f"Trained by gradients in each window, with the settings of their families: {trained}.", ""]
    leaders = sorted(ours, key=lambda family: _median([ours[family][s] for s in complete]))
    rows = [_row(family, ours[family], cells[family], complete) for family in leaders]
    head = ["family", "median sMAPE", "quartiles over systems", "diverged windows", "systems below 30"]
    lines += [table(head, rows), ""]
    if known and shared:
        both = {**{f"**{family}**": by for family, by in ours.items()}, **known}
        ranked = sorted(both, key=lambda name: _median([both[name][s] for s in shared]))
        best = {s: min(by[s] for by in known.values()) for s in shared}
        told = [
            [name, f"{_median([both[name][s] for s in shared]):.3g}",
             f"{sum(both[name][s] < best[s] for s in shared)}" if name.startswith("**") else ""]
            for name in ranked
        ]  # fmt: skip
        lines += [
            f"## Beside published results, {len(shared)} systems", "",
            "Ours in bold: medians over windows, then over systems; theirs: one window per system, then the median "
            "over systems. The last column counts the systems on which a family beats the best of the published "
            "methods for that very system.", "",
            table(["method", "median sMAPE", "systems better than every published method"], told), "",
        ]  # fmt: skip
    others = [[metric, *(_metric(cells[f], metric, complete) for f in ours)] for metric in SHOWN]
    lines += ["## Other metrics", "", "Medians over windows that did not diverge, then over systems.", ""]
    lines += [table(["metric", *ours], others), ""]
    lines += ["## Every system", "", "Median sMAPE over windows.", ""]
    lines += [table(["system", *ours], [[s, *(f"{by[s]:.3g}" for by in ours.values())] for s in complete]), ""]
    return "\n".join(lines)


def _row(family: str, by: Mapping[str, float], cells: Mapping[str, Any], systems: Sequence[str]) -> list[str]:
    values = [by[s] for s in systems]
    low, high = np.quantile(values, [0.25, 0.75]) if values else (math.nan, math.nan)
    diverged = sum(cells[s]["diverged"] for s in systems)
    total = sum(len(cells[s]["smape"]) for s in systems)
    good = sum(v < 30 for v in values)
    return [family, f"{_median(values):.3g}", f"{low:.3g} to {high:.3g}", f"{diverged} of {total}", str(good)]


def _metric(cells: Mapping[str, Any], metric: str, systems: Sequence[str]) -> str:
    medians = []
    for system in systems:
        values = [w[metric] for w in cells[system]["metrics"] if w.get(metric) is not None]
        medians += [float(np.median(values))] if values else []
    return f"{_median(medians):.3g}" if medians else ""


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan
