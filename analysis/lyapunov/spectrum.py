"""Lyapunov spectrum of any map with a tangent map, equations and models alike, by repeated QR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure
from dsr.tangent import tangent_method

from ..protocol import TangentMap
from ..units import rate_unit
from .kaplan_yorke import kaplan_yorke_dimension
from .pesin_entropy import pesin_entropy
from .spectrum_errors import standard_error
from .stretching import averages, members_from, positive_time, walk

BLOCKS = 32


@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """Exponents per unit of time, largest first, with standard errors from blocks.

    Attributes
    ----------
    exponents, stderr : (k,). All NaN when every member diverged. An exponent is -inf where the map annihilates a
        direction: where one step contracts it to less than 1e-14 of the fastest, which rounding cannot tell from zero.
    covariance : (k, k) of the estimates; the exponents of one run are far from independent (their sum is
        often known exactly).
    dt : time of one step. steps : steps that were averaged, per member. members : number started.
    diverged : members that left the finite numbers; they are counted here and left out of the averages.
    history : (points, k), the running estimate; history_times : (points,), the time it had been averaged
        over.
    settings : every argument that the numbers depend on, and the method by which tangent vectors were moved.
    """

    exponents: np.ndarray
    stderr: np.ndarray
    covariance: np.ndarray
    dt: float
    steps: int
    members: int
    diverged: int
    history: np.ndarray
    history_times: np.ndarray
    settings: Mapping[str, Any]

    def __len__(self) -> int:
        return self.exponents.size

    def measure(self, i: int) -> Measure:
        """The i-th exponent as "lambda_i", counted from 1 (the largest)."""
        if not 1 <= i <= len(self):
            raise SpecError(f"exponent number {i}", f"1 to {len(self)}", "count from 1, the largest")
        return self._measure(f"lambda_{i}", self.exponents[i - 1], self.stderr[i - 1])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; numbers that are not finite become None."""
        values = {"exponents": self.exponents, "stderr": self.stderr}
        lists = {key: [float(v) if math.isfinite(v) else None for v in array] for key, array in values.items()}
        return {**lists, "diverged": self.diverged, "settings": dict(self.settings)}

    @property
    def sum(self) -> Measure:
        """Sum of the exponents; of all of them, it is the mean divergence (mean ln |det J| / dt)."""
        return self.leading_sum(len(self))

    def leading_sum(self, count: int) -> Measure:
        """Sum of the `count` largest exponents."""
        value, error = self.exponents[:count].sum(), standard_error(self.covariance[:count, :count].sum())
        return self._measure("sum of exponents", value, error)

    @property
    def kaplan_yorke(self) -> Measure:
        """Kaplan-Yorke dimension with the errors of the exponents propagated."""
        return kaplan_yorke_dimension(self.exponents, covariance=self.covariance)

    @property
    def pesin_entropy(self) -> Measure:
        """Sum of the positive exponents with their errors propagated (see `pesin_entropy`)."""
        unit = self.settings["time_unit"]
        return pesin_entropy(self.exponents, covariance=self.covariance, time_unit=unit)

    def _measure(self, name: str, value: float, error: float) -> Measure:
        note = "" if self.diverged < self.members else f"all {self.members} members diverged"
        if value == -math.inf:
            note = "the map annihilates a direction"
        unit = rate_unit(self.settings["time_unit"])
        return Measure(
            name,
            float(value),
            float(value - error),
            float(value + error),
            unit,
            settings=self.settings,
            note=note,
        )


def lyapunov_spectrum(
    tangent_map: TangentMap,
    x0: Any,
    *,
    steps: int,
    transient: int,
    dt: float,
    k: int | None = None,
    qr_every: int = 5,
    kick: float = 1e-3,
    seed: int = 0,
    time_unit: str = "time units",
) -> LyapunovSpectrum:
    """The k largest Lyapunov exponents of a map, averaged over members that are iterated together.

    Parameters
    ----------
    tangent_map : (x (members, d), Q (members, d, k)) -> (x', Q'), both advanced by one step, float64. It is
        not asked whether it is a flow map of equations or a trained network. One from `System.tangent_map` or
        `Model.tangent_map` names its method (analytic Jacobian, region matrices, Jacobian-vector products) and
        brings a compiled loop where there is one, which is then taken.
    x0 : (members, d) states ON the attractor, spread over one long trajectory or taken from several. Members
        from a small ball can stay phase-locked and give tight errors around a wrong value.
    steps, transient : steps averaged, and steps before them in which the tangent vectors align.
    dt : time of one step (1 for maps). k : number of exponents, all d if None.
    qr_every : steps between re-orthonormalisations. Where contraction between two of them is beyond rounding the
        computation is repeated with one after every step.
    kick : random displacement of each member, in standard deviations of x0. Without it, members taken from
        one trajectory follow each other along the same path, count it twice, and the error is too small; the
        transient must be long enough for chaos to part them.
    seed : of the kick and the initial tangent vectors.

    Returns
    -------
    LyapunovSpectrum. Each member's run is cut into equal stretches so that there are at least 32 blocks in all; the
    standard error is that of their mean, and reckons with what cancels between blocks that follow each other
    (`covariance_of_mean`). A block (`settings["block_time"]`) must be longer than the correlation time: with few steps
    use 32 members or more. Measured on Lorenz-63, Roessler (50 and 250 time units), Henon and Lorenz-96, 4 to 32
    members, the error is 0.9 to 1.4 times the scatter of repeated estimates, of neutral exponents of flows up to 1.5
    times. If every member diverges the exponents are NaN and `diverged` equals `members`: a result, not an exception.

    Raises `DataError` for states that are not finite or not (members, d), `SpecError` for settings out of
    range.

    Source: Benettin et al., doi:10.1007/BF02128236; Shimada & Nagashima, doi:10.1143/PTP.61.1605.
    """
    dt = positive_time(dt)
    x, q = members_from(x0, k=k, steps=steps, transient=transient, qr_every=qr_every, kick=kick, seed=seed)
    members, d = x.shape
    aligning, rounds = -(-transient // qr_every), steps // qr_every
    x, q, _, _ = walk(tangent_map, x, q, qr_every, aligning)
    _, _, growth, _ = walk(tangent_map, x, q, qr_every, rounds)
    settings = {
        "transient": aligning * qr_every,
        "states": d,
        "kick": kick,
        "seed": seed,
        "time_unit": time_unit,
        "method": tangent_method(tangent_map),
    }
    return spectrum_of(growth, members=members, qr_every=qr_every, dt=dt, settings=settings)


def spectrum_of(
    growth: np.ndarray, *, members: int, qr_every: int, dt: float, settings: Mapping[str, Any]
) -> LyapunovSpectrum:
    """The exponents that the log stretching (rounds, stayed, k) of `members` members comes to, of whom those missing
    diverged. `settings` are what the stretching depends on; those of the average are added."""
    rounds, stayed, _ = growth.shape
    stretches = min(max(1, math.ceil(BLOCKS / members)), rounds)
    settings = {
        "steps": rounds * qr_every,
        "members": members,
        "qr_every": qr_every,
        "dt": dt,
        "block_time": rounds // stretches * qr_every * dt,
        **settings,
    }
    exponents, covariance, history, rounds_done = averages(growth / (qr_every * dt), stretches)
    stderr, times = np.sqrt(np.diag(covariance)), rounds_done * qr_every * dt
    return LyapunovSpectrum(
        exponents, stderr, covariance, dt, rounds * qr_every, members, members - stayed, history, times, settings
    )
