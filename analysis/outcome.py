"""What a free run turned into, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsr.escape import within_reach

from .lyapunov import LyapunovSpectrum
from .protocol import FreeRun

STILL = 1e-3


@dataclass(frozen=True)
class Outcome:
    """`name` is "diverged", "fixed point", "not chaotic" or "chaotic"; `step` is where a run diverged."""

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
    return Outcome(
        "diverged", f"the free run left the finite numbers or the range of the data at step {step}", step
    )


def classify(generated: np.ndarray, truth: np.ndarray, spectrum: LyapunovSpectrum) -> Outcome:
    """Name of a free run (time, obs) that stayed finite.

    "fixed point": the last tenth moves by less than a thousandth of the truth's standard deviation.
    "chaotic": the largest exponent is above zero by more than two standard errors. "diverged": the run itself
    stayed, but every slightly perturbed copy of it left. Everything else (cycle, torus, too short to tell) is
    "not chaotic".
    """
    if spectrum.diverged == spectrum.members:
        return Outcome(
            "diverged", f"all {spectrum.members} perturbed copies of the free run left the finite numbers"
        )
    tail = generated[-max(2, len(generated) // 10) :]
    if (np.ptp(tail, axis=0) < STILL * truth.std(0)).all():
        return Outcome("fixed point", "the free run comes to rest")
    value, error = spectrum.exponents[0], spectrum.stderr[0]
    text = f"lambda_1 = {spectrum.measure(1)}"
    if value > 2 * error:
        return Outcome("chaotic", text)
    return Outcome("not chaotic", f"{text} is not above zero by two standard errors")
