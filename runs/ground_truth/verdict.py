"""Chaotic or not: what the largest exponent and the 0-1 test say together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...analysis import LyapunovSpectrum
from ...systems import System

ERRORS = 3.0  # standard errors by which an exponent must differ from zero
CHAOTIC, REGULAR, AT_REST, UNDECIDED, ESCAPES = "chaotic", "regular", "at rest", "undecided", "escapes"
STAYS, WALKS = 0.2, 0.7  # K below and above


def regular_growth(spectrum: LyapunovSpectrum, system: System) -> float:
    """The exponent that a regular orbit may show after the time of one member: ln n / (n periods), n periods long."""
    cycles = max(spectrum.settings["steps"] * spectrum.settings["dt"] / system.period, math.e)
    return math.log(cycles) / (cycles * system.period)


def conservative(spectrum: LyapunovSpectrum, system: System) -> bool:
    """Whether volumes stay as they are: the exponents, all of them, sum to zero (a millionth a period)."""
    return len(spectrum) == spectrum.settings["states"] and abs(spectrum.sum.value) * system.period <= 1e-6


def verdict(spectrum: LyapunovSpectrum, found: Mapping[str, Any], system: System) -> tuple[str, str]:
    """The verdict and the sentence that gives its grounds.

    An exponent decides that is above zero by three standard errors, and above what a regular orbit may show in that
    time; the 0-1 test is told beside it and decides nothing on its own, since it takes quasi-periodic drift for chaos
    and phase-coherent chaos for order. The motion is regular where K is below 0.2, or below 0.7 and the exponent with
    its error below that bound, and undecided between.
    """
    if spectrum.diverged == spectrum.members:
        return ESCAPES, f"all {spectrum.members} trajectories escape to infinity"
    lost = f"; {spectrum.diverged} of {spectrum.members} trajectories escape" if spectrum.diverged else ""
    largest, error = float(spectrum.exponents[0]), float(np.nan_to_num(spectrum.stderr[0]))
    said = f"lambda_1 = {spectrum.measure(1)}"
    k = (found.get("zero_one_test") or {}).get("value")
    said += lost + ("" if k is None else f"; 0-1 test K = {k:.2f}")
    if found.get("at_rest"):
        return AT_REST, f"nothing moves; {said}"
    growth = regular_growth(spectrum, system)
    if largest > max(ERRORS * error, growth):
        return CHAOTIC, said
    at_most = largest + ERRORS * error
    if k is not None and (k < STAYS or (k < WALKS and at_most <= growth)):
        return REGULAR, f"{said}: periodic or quasi-periodic"
    return UNDECIDED, f"{said}: not distinguishable from zero"
