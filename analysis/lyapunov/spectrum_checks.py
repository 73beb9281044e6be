"""Checks that any Lyapunov spectrum must pass: its sum is the mean divergence, and a flow has one zero exponent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.measure import Measure
from dsr.points import as_points

from .spectrum import LyapunovSpectrum

ERRORS = 3.0  # standard errors that a difference may have
BLOCKS = 20


@dataclass(frozen=True)
class SpectrumCheck:
    """`difference` should be zero within `allowed`; a difference of NaN says in its note why it is not known."""

    difference: Measure
    allowed: float

    @property
    def passed(self) -> bool | None:
        """None where the check could not be made."""
        return None if math.isnan(self.difference.value) else abs(self.difference.value) <= self.allowed

    def __str__(self) -> str:
        verdict = {None: "not checked", True: "passed", False: "FAILED"}[self.passed]
        return f"{self.difference.name}: {self.difference} (allowed {self.allowed:.2g}): {verdict}"


def check_spectrum(
    spectrum: LyapunovSpectrum,
    *,
    divergence: Callable[[np.ndarray], np.ndarray] | None = None,
    states: Any = None,
    flow: bool = False,
    tolerance: float = 1e-4,
) -> tuple[SpectrumCheck, ...]:
    """The checks that can be made, as differences that should be zero.

    Parameters
    ----------
    divergence, states : the local rate of volume growth (states (n, d)) -> (n,) per unit of time (trace of the
        Jacobian of a flow, log |det J| / dt of a map) and states along one long trajectory of the attractor.
        `System.divergence` and `System.simulate` have them.
    flow : the system is continuous in time and its attractor is not a fixed point, so that one exponent is zero.
    tolerance : what discretisation may leave, as a share of the largest exponent in size.

    Returns
    -------
    "sum of exponents - mean divergence" (with `divergence`) and "exponent nearest to zero" (with `flow`). Allowed are
    three standard errors (of the spectrum and of the mean divergence, from blocks) plus the tolerance. Failing the
    first tells a step that is too long, tangent vectors that are not those of the trajectory, or too rare
    orthonormalisation; failing the second, members that stay phase-locked, a transient that is too short, or
    discretisation.

    Raises `DataError` for a divergence without states, or of another shape.
    """
    size = float(np.abs(spectrum.exponents[np.isfinite(spectrum.exponents)]).max(initial=0.0))
    checks = []
    if divergence is not None:
        checks.append(_sum_check(spectrum, divergence, states, tolerance * size))
    if flow:
        checks.append(_zero_check(spectrum, tolerance * size))
    return tuple(checks)


def _sum_check(spectrum: LyapunovSpectrum, divergence: Callable, states: Any, least: float) -> SpectrumCheck:
    total, name = spectrum.sum, "sum of exponents - mean divergence"
    if states is None:
        raise DataError("a divergence without states", "states (n, d) on the attractor", "pass states=series.values")
    points = as_points(states, "states", rows=2 * BLOCKS)
    local = np.asarray(divergence(points), dtype=np.float64)
    if local.shape != (len(points),) or not np.isfinite(local).all():
        raise DataError(
            f"a divergence of shape {local.shape} for {len(points)} states",
            "one finite number for each state",
            "pass a function of states (n, d) -> (n,)",
        )
    known = spectrum.settings.get("states", len(spectrum))
    note = f"{len(spectrum)} of {known} exponents" if len(spectrum) < known else total.note
    if note or not math.isfinite(total.value):
        note = note or "an exponent is not finite"
        return SpectrumCheck(Measure(name, math.nan, unit=total.unit, settings=total.settings, note=note), math.nan)
    blocks = local[: len(local) // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(1)
    error = math.hypot(blocks.std(ddof=1) / math.sqrt(BLOCKS), np.nan_to_num((total.high - total.low) / 2))
    value = total.value - float(local.mean())
    measure = Measure(name, value, value - error, value + error, total.unit, total.settings)
    return SpectrumCheck(measure, ERRORS * error + least)


def _zero_check(spectrum: LyapunovSpectrum, least: float) -> SpectrumCheck:
    name, finite = "exponent nearest to zero", np.isfinite(spectrum.exponents)
    if not finite.any():
        measure = spectrum.measure(1)
        note = measure.note or "no finite exponent"
        return SpectrumCheck(Measure(name, math.nan, unit=measure.unit, settings=measure.settings, note=note), math.nan)
    nearest = int(np.argmin(np.where(finite, np.abs(spectrum.exponents), np.inf)))
    found = spectrum.measure(nearest + 1)
    error = float(np.nan_to_num(spectrum.stderr[nearest]))
    measure = Measure(name, found.value, found.low, found.high, found.unit, found.settings)
    return SpectrumCheck(measure, ERRORS * error + least)
