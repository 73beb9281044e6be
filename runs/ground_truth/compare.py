"""Computed values in words, with what the table and the literature say beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...systems import Published, System

DISCRETISATION = 1e-6  # of the largest exponent in size: what the step of the integration may leave
VALUES = {
    "sum": "sum of exponents",
    "kaplan_yorke_dimension": "Kaplan-Yorke dimension",
    "correlation_dimension": "D2",
}
Number = tuple[float, float]  # value and standard error


def compared(system: System, entry: Mapping[str, Any], stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Lines for the terminal: every value with its error, and how many standard errors it is from the others."""
    found: dict[str, Any] = {"verdict": f"{entry['verdict']}: {entry['reason']}"}
    old = dict(_numbers(stored, system)) if stored else {}
    published = dict(_published(system))
    least = DISCRETISATION * _size(entry)
    for name, (value, error) in _numbers(entry, system):
        line = f"{value:.6g}" + (f" ± {error:.2g}" if math.isfinite(error) and error > 0 else "")
        for where, known in (("table", old), ("published", published)):
            if name in known:
                apart = _apart((value, error), known[name], least)
                line += f"; {where} {known[name][0]:.6g}" + ("" if apart is None else f" ({abs(apart):.1f} s.e.)")
        found[name] = line
    for check in entry.get("checks", ()):
        passed = {True: "passed", False: "FAILED", None: "not checked"}[check["passed"]]
        found[check["name"]] = f"{passed}: {_short(check['difference'])} (allowed {_short(check['allowed'])})"
    return found


def deviations(system: System, entry: Mapping[str, Any]) -> dict[str, float]:
    """Computed less published value in standard errors of both, by name; without a stated error none."""
    numbers, least = dict(_numbers(entry, system)), DISCRETISATION * _size(entry)
    apart = {name: _apart(numbers[name], known, least) for name, known in _published(system) if name in numbers}
    return {name: value for name, value in apart.items() if value is not None}


def _numbers(entry: Mapping[str, Any], system: System) -> Iterator[tuple[str, Number]]:
    rows = entry.get("covariance", [])
    for i, value in enumerate(entry.get("exponents", [])):
        if value is not None:
            yield f"lambda_{i + 1}", (value, math.sqrt(max(rows[i][i] or 0.0, 0.0)))
    for key, name in VALUES.items():
        known = entry.get(key) or {}
        if known.get("value") is not None:
            yield name, (known["value"], known.get("error") or 0.0)
    period = (entry.get("dominant_period") or {}).get("value")
    if period is not None:
        yield "dominant period", (period, math.nan)
    for key, label in (("mean", "mean of"), ("sd", "standard deviation of")):
        errors = entry.get("mean_error") if key == "mean" else None
        for i, value in enumerate(entry.get(key, ())):
            if value is not None and system.dim <= 20:
                yield f"{label} {entry['columns'][i]}", (value, (errors[i] if errors else None) or math.nan)


def _published(system: System) -> Iterator[tuple[str, Number]]:
    names = {
        "largest_lyapunov_exponent": "lambda_1",
        "lyapunov_sum": "sum of exponents",
        "kaplan_yorke_dimension": "Kaplan-Yorke dimension",
        "correlation_dimension": "D2",
    }
    for key, known in system.reference.items():
        if key == "lyapunov_spectrum":
            values, errors = _tuples(known)
            for i, (value, error) in enumerate(zip(values, errors, strict=True)):
                yield f"lambda_{i + 1}", (value, error)
        elif key in names:
            yield names[key], (_tuples(known)[0][0], _tuples(known)[1][0])


def _tuples(known: Published) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values, errors = (v if isinstance(v, tuple) else (v,) for v in (known.value, known.uncertainty))
    return values, errors


def _apart(found: Number, known: Number, least: float) -> float | None:
    """Difference in standard errors of both; None where none is stated for `known`."""
    if not math.isfinite(known[1]):
        return None
    spread = math.hypot(np.nan_to_num(found[1]), known[1], least)
    return (found[0] - known[0]) / spread if spread > 0 else 0.0 if found[0] == known[0] else math.inf


def _size(entry: Mapping[str, Any]) -> float:
    return max((abs(x) for x in entry.get("exponents", []) if x is not None), default=0.0)


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.2g}"
