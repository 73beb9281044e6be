"""Exponent rows of the scorecard: the model's spectrum beside that of the truth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dsr.measure import Measure
from dsr.series import TimeSeries

from ..lyapunov.spectrum import LyapunovSpectrum, lyapunov_spectrum
from ..protocol import Reconstruction
from .rows import Row

ALIGNMENT = 1000
ALL_EXPONENTS_UP_TO = 20


def model_spectrum(
    model: Reconstruction, states: np.ndarray, test: TimeSeries, steps: int, members: int, seed: int
) -> LyapunovSpectrum:
    """Spectrum on `members` states spread over the free run: all exponents up to 20 states, above that two more
    than there are columns, or all if there are no more."""
    return lyapunov_spectrum(
        model.tangent_map(),
        states[np.linspace(0, len(states) - 1, members).astype(int)],
        steps=steps,
        transient=ALIGNMENT,
        dt=test.dt,
        k=model.state_dim if model.state_dim <= ALL_EXPONENTS_UP_TO else min(model.state_dim, model.obs_dim + 2),
        seed=seed,
        time_unit=test.time_unit,
    )


def exponent_rows(
    spectrum: LyapunovSpectrum | None,
    truth: LyapunovSpectrum | None,
    estimate: Measure,
    dim: int,
    lost_note: str,
) -> list[Row]:
    """Rows lambda_1 ..., sum of exponents (where all of the truth are known), Kaplan-Yorke dimension.

    spectrum : of the model, None if it diverged (`lost_note` then says so). estimate : the truth's largest
    exponent, used where `truth` is None. dim : number of observations.
    """

    def row(name: str, known: Measure | None, needed: int, get: Callable[[LyapunovSpectrum], Measure]) -> Row:
        if spectrum is None:
            return Row(name, known, Measure(name, math.nan, note=lost_note))
        if needed > len(spectrum):
            return Row(name, known, Measure(name, math.nan, note=f"the model has {len(spectrum)} exponents"))
        return Row(name, known, get(spectrum))

    def exponent(i: int) -> Row:
        if truth is None:
            return row(f"lambda_{i}", estimate if i == 1 else None, i, lambda s: s.measure(i))
        return row(f"lambda_{i}", truth.measure(i) if i <= len(truth) else None, i, lambda s: s.measure(i))

    known = len(truth) if truth is not None else 0
    rows = [exponent(i) for i in range(1, max(dim, known) + 1)]
    if truth is not None and truth.settings.get("states", known) == known:  # the first few have no meaning as a sum
        rows.append(row("sum of exponents", truth.sum, known, lambda s: s.leading_sum(known)))
    dimension = truth.kaplan_yorke if truth is not None else None
    rows.append(row("Kaplan-Yorke dimension", dimension, 1, lambda s: s.kaplan_yorke))
    return rows


def spectrum_notes(spectrum: LyapunovSpectrum, model: Reconstruction) -> list[str]:
    """Members that were lost, and whether the exponents beyond the observations are clearly separate."""
    notes = []
    if spectrum.diverged:
        notes.append(f"{spectrum.diverged} of {spectrum.members} members of the Lyapunov run diverged (left out)")
    d = model.obs_dim
    if len(spectrum) > d and spectrum.diverged < spectrum.members:
        with np.errstate(invalid="ignore"):  # both may be -inf
            gap = spectrum.exponents[d - 1] - spectrum.exponents[d]
        clear = gap > 2 * (spectrum.stderr[d - 1] + spectrum.stderr[d])
        notes.append(
            f"{model.state_dim} states for {d} observations: lambda_{d + 1} = {spectrum.measure(d + 1)} is "
            f"{'' if clear else 'NOT '}clearly below lambda_{d} = {spectrum.measure(d)}"
        )
    return notes
