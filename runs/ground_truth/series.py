"""What the table takes from one long series of a system: moments, dominant period, D2, the 0-1 test."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from dsr.errors import DsrError
from dsr.measure import Measure
from dsr.spectra import welch_spectrum

from ...analysis import choose_embedding, correlation_dimension, zero_one_test
from ...systems import System
from .plan import Plan

BLOCKS = 20
STILL = 1e-9
DRIFT = 5.0  # standard deviations within blocks
SEGMENT = 4096
# Pairs of rows close enough to show a dimension d are fewer than one beyond this: Eckmann & Ruelle,
# doi:10.1016/0167-2789(92)90023-G.
PER_DECADE = 2.0


def series_invariants(system: System, plan: Plan, kaplan_yorke: Measure, seed: int) -> dict[str, Any]:
    """mean, its standard error and sd of each column; dominant_period; correlation_dimension; zero_one_test."""
    series = system.simulate(plan.rows, plan.sampling, transient=plan.transient, seed=seed + 1)
    x = series.values
    blocks = x[: len(x) // BLOCKS * BLOCKS].reshape(BLOCKS, -1, x.shape[1])
    means, sd = blocks.mean(1), x.std(0)
    moving = sd > STILL * np.maximum(np.abs(x).max(0), 1.0)
    bounded = ~drifting(x)
    steady = np.flatnonzero(moving & bounded)
    found: dict[str, Any] = {
        "columns": list(series.names),
        "series": {"rows": len(series), "dt": series.dt},
        "mean": [float(m) if fine else None for m, fine in zip(x.mean(0), bounded, strict=True)],
        "mean_error": [
            float(e) if fine else None
            for e, fine in zip(means.std(0, ddof=1) / math.sqrt(BLOCKS), bounded, strict=True)
        ],
        "sd": [float(s) if fine else None for s, fine in zip(sd, bounded, strict=True)],
        "drifting": [series.names[i] for i in np.flatnonzero(~bounded)],
        "at_rest": not bool(moving.any()),
    }
    if not steady.size:
        return found
    period, column = dominant_period(x[:, steady], series.dt)
    found["dominant_period"] = {"value": period, "column": series.names[steady[column]]}
    found["zero_one_test"] = _zero_one(x[:, steady[column]])
    found["correlation_dimension"] = _dimension(_all_columns(system, plan, seed, x), kaplan_yorke)
    return found


def dominant_period(x: np.ndarray, dt: float) -> tuple[float | None, int]:
    """Period of the sharpest line of the power spectrum (Welch, segments of 4096 rows) and the column that has it.

    The sharpest: of all columns, the one whose largest bin holds the largest share of its power, bins of zero
    frequency aside. None where even that is the slowest motion seen: no period.
    """
    power = welch_spectrum(x, segment=min(SEGMENT, len(x)))
    frequency = np.fft.rfftfreq(min(SEGMENT, len(x)), dt)
    inner = power[2:]
    column = int(inner.max(0).argmax())
    peak = int(inner[:, column].argmax())
    if peak == 0:
        return None, column
    at = peak + 2
    if at == len(power) - 1:  # every other row
        return float(1.0 / frequency[at]), column
    left, top, right = power[at - 1 : at + 2, column]
    offset = 0.5 * (left - right) / (left - 2 * top + right)
    return float(1.0 / (frequency[at] + offset * frequency[1])), column


def drifting(x: np.ndarray) -> np.ndarray:
    """Columns that grow without bound, such as an angle that is not wrapped or time itself: bool (dim,).

    Those whose means over twentieths of the series differ by more than five times what the column varies within one.
    """
    blocks = x[: len(x) // BLOCKS * BLOCKS].reshape(BLOCKS, -1, x.shape[1])
    return np.abs(blocks[-1].mean(0) - blocks[0].mean(0)) > DRIFT * np.maximum(blocks.std(1).mean(0), STILL)


def _zero_one(column: np.ndarray) -> dict[str, Any]:
    try:
        found = zero_one_test(column).measure
    except DsrError as problem:
        return {"value": None, "note": problem.got}
    return {"value": found.value, "low": found.low, "high": found.high}


def _all_columns(system: System, plan: Plan, seed: int, x: np.ndarray) -> np.ndarray:
    """The same series with the coordinates that `simulate` leaves out, such as the phase of a drive."""
    if (system.observed or system.dim) == system.dim:
        return x
    whole = replace(system, observed=None, names=())
    try:
        whole.rhs(whole.default_state)
    except DsrError:  # the state of a delay equation is its past: the embedding stands for it
        return x
    return whole.simulate(plan.rows, plan.sampling, transient=plan.transient, seed=seed + 1).values


def _dimension(x: np.ndarray, kaplan_yorke: Measure) -> dict[str, Any]:
    moving = x.std(0) > STILL * np.maximum(np.abs(x).max(0), 1.0)
    if drifting(x).any():
        return {"value": None, "note": "a coordinate drifts"}
    seen = PER_DECADE * math.log10(len(x))
    if kaplan_yorke.value > seen:
        return {"value": None, "note": f"{len(x)} rows show no dimension above {seen:.3g}"}
    embedding: dict[str, Any] = {}
    points = x[:, moving]
    points = (points - points.mean(0)) / points.std(0)
    try:
        if x.shape[1] == 1 and kaplan_yorke.value > 1.5:
            chosen = choose_embedding(x)
            points = chosen.apply(points)
            embedding = {"embedding": {"dimension": chosen.dimension, "delay": chosen.delay}}
        found = correlation_dimension(points).measure
    except DsrError as problem:
        return {"value": None, "note": problem.got}
    settings = {key: found.settings[key] for key in ("estimator", "share", "theiler") if key in found.settings}
    error = (found.high - found.low) / 2
    return {"value": found.value, "error": error, **settings, **embedding} | (
        {"note": found.note} if found.note else {}
    )
