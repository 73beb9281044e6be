"""What a free run turned into, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsr.escape import within_reach
from dsr.fate import CHAOTIC, CYCLE, DIVERGED, FIXED_POINT, NOT_CHAOTIC, NOT_JUDGED, TRANSIENT_CHAOS, settled

from ..lyapunov.spectrum import LyapunovSpectrum
from ..protocol import FreeRun

ENDS = {FIXED_POINT: "comes to rest", CYCLE: "ends on a cycle"}


@dataclass(frozen=True)
class Outcome:
    """`name` is one of those of `dsr.fate`: "diverged", "fixed point", "cycle", "transient chaos", "not chaotic",
    "not judged" or "chaotic"; `step` is where a run diverged."""

    name: str
    sentence: str
    step: int | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def first_lost_step(run: FreeRun, truth: np.ndarray) -> int | None:
    """First row of a single free run that is not finite, or 1000 standard deviations from the truth."""
    observations = run.observations[0]
    near = within_reach(observations, truth)
    lost = int(run.diverged_at[0])
    near[lost if lost >= 0 else len(near) :] = False
    return None if near.all() else int(near.argmin())


def diverged(step: int) -> Outcome:
    return Outcome(DIVERGED, f"the free run left the finite numbers or the range of the data at step {step}", step)


def classify(generated: np.ndarray, truth: np.ndarray, spectrum: LyapunovSpectrum | None) -> Outcome:
    """Name of a free run (time, obs) that stayed finite.

    "fixed point", "cycle": where its last tenth has settled (`dsr.fate.settled`). "transient chaos": it has settled,
    yet the members of the spectrum, which started all along the run, still stretch. "chaotic": it has not settled and
    the largest exponent is above zero by more than two standard errors. "diverged": the run itself stayed, but every
    slightly perturbed copy of it left. Everything else (torus, too short to tell) is "not chaotic". Without a spectrum
    a run that has not settled is "not judged".
    """
    if spectrum is None:
        end = settled(generated, truth)
        reason = "the model has no exponents" if end is None else f"the free run {ENDS[end]}"
        return Outcome(end or NOT_JUDGED, reason)
    if spectrum.diverged == spectrum.members:
        return Outcome(DIVERGED, f"all {spectrum.members} perturbed copies of the free run left the finite numbers")
    end = settled(generated, truth)
    stretches = spectrum.exponents[0] > 2 * spectrum.stderr[0]
    text = f"lambda_1 = {spectrum.measure(1)}"
    if end is not None:
        if stretches:
            return Outcome(TRANSIENT_CHAOS, f"the free run is chaotic at first and then {ENDS[end]}")
        return Outcome(end, f"the free run {ENDS[end]}")
    if stretches:
        return Outcome(CHAOTIC, text)
    return Outcome(NOT_CHAOTIC, f"{text} is not above zero by two standard errors")
