"""One entry of the table of ground truth: everything computed for one system, or the reason why it was not."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import DsrError, EscapeError
from dsr.measure import Measure, plain

from ...analysis import LyapunovSpectrum, SpectrumCheck, check_spectrum, lyapunov_spectrum
from ...systems import System
from ...systems.truth_table import probe
from .plan import MEMBERS, Plan, plan_of
from .series import series_invariants
from .verdict import ESCAPES, conservative, regular_growth, verdict

PILOT_ROUNDS = 200
STRETCH = 8.0  # ln of the ratio by which tangent vectors may differ before they are made orthonormal
MOST_OFTEN = 10  # sampling steps between two orthonormalisations, at most
DIGITS = 10


def measure(system: System, seed: int = 0) -> dict[str, Any]:
    """The entry of this system, of plain values for JSON.

    A system whose trajectories or tangent vectors cannot be computed gets the verdict "failed" with the reason, and
    whatever could be computed before.
    """
    entry: dict[str, Any] = {
        "parameters": {name: np.asarray(value).tolist() for name, value in system.parameters.items()},
        "time": system.time,
        "states": system.dim,
        "seed": seed,
        "verdict": "failed",
        "reason": "",
        "versions": {p: importlib.metadata.version(p) for p in _packages(system)} | {"dsr": __version__},
    }
    try:
        entry["probe"] = probe(system)
        tangent = system.tangent_map(system.dt)
        plan = plan_of(system, tangent)
        points = system.attractor_points(MEMBERS * plan.apart, transient=plan.transient, seed=seed)
        spectrum = _spectrum(tangent, points[:: plan.apart], plan, system, seed)
        entry |= _described(spectrum)
        found = series_invariants(system, plan, spectrum.kaplan_yorke, seed)
        checks = _checks(spectrum, system, points)
        entry |= found | {"checks": [_check(c) for c in checks]}
        entry["settings"] |= {"before": plan.transient, **system._provenance()}
        entry["verdict"], entry["reason"] = verdict(spectrum, found, system)
    except DsrError as problem:
        entry["verdict"] = ESCAPES if isinstance(problem, EscapeError) else entry["verdict"]
        entry["reason"] = problem.got
    return plain({"parameters": entry.pop("parameters"), **_rounded(entry)})


def _spectrum(tangent: Any, starts: np.ndarray, plan: Plan, system: System, seed: int) -> LyapunovSpectrum:
    common: dict[str, Any] = {"dt": plan.dt, "k": plan.k, "kick": 0.0, "seed": seed, "time_unit": system.time_unit}
    pilot = lyapunov_spectrum(tangent, starts, steps=PILOT_ROUNDS, transient=PILOT_ROUNDS // 10, qr_every=1, **common)
    known = pilot.exponents[np.isfinite(pilot.exponents)]
    spread = float(known[0] - known[-1]) * plan.dt if known.size else 0.0
    qr_every = int(np.clip(STRETCH / spread if spread > 0 else MOST_OFTEN, 1, MOST_OFTEN))
    return lyapunov_spectrum(tangent, starts, steps=plan.steps, transient=plan.alignment, qr_every=qr_every, **common)


def _described(spectrum: LyapunovSpectrum) -> dict[str, Any]:
    covariance = [[_short(x) for x in row[: i + 1]] for i, row in enumerate(spectrum.covariance.tolist())]
    whole = len(spectrum) == spectrum.settings["states"]
    return {
        "exponents": spectrum.exponents.tolist(),
        "covariance": covariance,
        "sum": _interval(spectrum.sum) if whole else None,
        "kaplan_yorke_dimension": _interval(spectrum.kaplan_yorke),
        "diverged": spectrum.diverged,
        "settings": dict(spectrum.settings),
    }


def _short(x: float) -> float:
    return float(f"{x:.4g}")  # an error needs no more digits, and there are many


def _checks(spectrum: LyapunovSpectrum, system: System, points: np.ndarray) -> tuple[SpectrumCheck, ...]:
    moving = system.time == "flow" and spectrum.exponents[0] > -3 * spectrum.stderr[0]
    # Zero is approached as ln t / t where it is double (energy is conserved) and as 1 / t otherwise.
    late = regular_growth(spectrum, system) / max(float(np.abs(spectrum.exponents).max()), 1e-300)
    tolerance = max(1e-4, late) if moving and conservative(spectrum, system) else 1e-4
    try:
        system.divergence(points[:2])
    except DsrError:  # a delay equation has no divergence of a point
        return check_spectrum(spectrum, flow=moving, tolerance=tolerance)
    found = check_spectrum(spectrum, divergence=system.divergence, states=points)
    return found + check_spectrum(spectrum, flow=moving, tolerance=tolerance)


def _check(check: SpectrumCheck) -> dict[str, Any]:
    found = {"name": check.difference.name, "difference": check.difference.value, "allowed": check.allowed}
    return found | {"passed": check.passed} | ({"note": check.difference.note} if check.difference.note else {})


def _interval(measure: Measure) -> dict[str, Any]:
    error = (measure.high - measure.low) / 2
    return {"value": measure.value, "error": error} | ({"note": measure.note} if measure.note else {})


def _packages(system: System) -> tuple[str, ...]:
    return ("numpy", "scipy", "numba", "dysts") if system.name.startswith("dysts:") else ("numpy", "numba")


def _rounded(value: Any) -> Any:
    """Floats to ten digits: what follows is rounding of the machine that computed them."""
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
