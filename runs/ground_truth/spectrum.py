"""The true Lyapunov spectrum of a system: from the table where it stands there, computed where not."""

from __future__ import annotations

import numpy as np

from ...analysis import LyapunovSpectrum, lyapunov_spectrum
from ...systems import System, ground_truth

LEADING = 20  # exponents that are told at most
SOURCE = "table of ground truth"


def true_spectrum(
    system: System, *, dt: float, transient: float, steps: int, members: int, seed: int
) -> LyapunovSpectrum:
    """The leading exponents of a system, 20 at most.

    At the parameters of the catalogue they are those of the table (`settings["source"]` says so), and the arguments
    are not used; at others they are computed with them, by the code that also judges models.
    """
    stored = stored_spectrum(system)
    if stored is not None:
        return stored
    return lyapunov_spectrum(
        system.tangent_map(dt),
        system.attractor_points(members, transient=transient, seed=seed),
        steps=steps,
        k=min(system.dim, LEADING),
        transient=max(round(10 * system.period / dt), 100),
        dt=dt,
        seed=seed,
        time_unit=system.time_unit,
    )


def stored_spectrum(system: System) -> LyapunovSpectrum | None:
    """The spectrum in the table; None where the table has none for these parameters.

    Covariances are stored with four digits: the error of a sum that is known exactly comes out as about 1 % of theirs.
    """
    truth = ground_truth(system)
    if truth is None or not truth.exponents.size or not np.isfinite(truth.exponents[0]):
        return None
    settings, known = dict(truth.entry["settings"]), truth.exponents[:LEADING]
    covariance = truth.covariance[:LEADING, :LEADING]
    averaged = settings["steps"] * settings["dt"]
    return LyapunovSpectrum(
        known,
        truth.stderr[:LEADING],
        covariance,
        settings["dt"],
        settings["steps"],
        settings["members"],
        truth.entry["diverged"],
        known[None],
        np.array([averaged]),
        {**settings, "source": SOURCE},
    )
