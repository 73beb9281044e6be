"""Lyapunov spectrum of any map with a tangent map, equations and models alike, by repeated QR."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from ..protocol import TangentMap
from ..units import rate_unit
from .kaplan_yorke import kaplan_yorke_dimension

BLOCKS = 32
HISTORY_POINTS = 400


@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """Exponents per unit of time, largest first, with standard errors from blocks.

    Attributes
    ----------
    exponents, stderr : (k,). All NaN when every member diverged. An exponent is -inf where the map
        annihilates a direction.
    covariance : (k, k) of the estimates; the exponents of one run are far from independent (their sum is
        often known exactly).
    dt : time of one step. steps : steps that were averaged, per member. members : number started.
    diverged : members that left the finite numbers; they are counted here and left out of the averages.
    history : (points, k), the running estimate; history_times : (points,), the time it had been averaged
        over.
    settings : every argument that the numbers depend on.
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
        lists = {
            key: [float(v) if math.isfinite(v) else None for v in array] for key, array in values.items()
        }
        return {**lists, "diverged": self.diverged, "settings": dict(self.settings)}

    @property
    def sum(self) -> Measure:
        """Sum of the exponents; of all of them, it is the mean divergence (mean ln |det J| / dt)."""
        return self.leading_sum(len(self))

    def leading_sum(self, count: int) -> Measure:
        """Sum of the `count` largest exponents."""
        value, error = (
            self.exponents[:count].sum(),
            math.sqrt(max(0.0, self.covariance[:count, :count].sum())),
        )
        return self._measure("sum of exponents", value, error)

    @property
    def kaplan_yorke(self) -> Measure:
        """Kaplan-Yorke dimension with the errors of the exponents propagated."""
        return kaplan_yorke_dimension(self.exponents, covariance=self.covariance)

    def _measure(self, name: str, value: float, error: float) -> Measure:
        note = "" if self.diverged < self.members else f"all {self.members} members diverged"
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
        not asked whether it is a flow map of equations or a trained network.
    x0 : (members, d) states ON the attractor, spread over one long trajectory or taken from several. Members
        from a small ball can stay phase-locked and give tight errors around a wrong value.
    steps, transient : steps averaged, and steps before them in which the tangent vectors align.
    dt : time of one step (1 for maps). k : number of exponents, all d if None.
    qr_every : steps between re-orthonormalisations; lower it for very stiff contraction.
    kick : random displacement of each member, in standard deviations of x0. Without it, members taken from
        one trajectory follow each other along the same path, count it twice, and the error is too small; the
        transient must be long enough for chaos to part them.
    seed : of the kick and the initial tangent vectors.

    Returns
    -------
    LyapunovSpectrum. Each member's run is cut into equal stretches so that there are at least 32 blocks in
    all; the standard error is that of the mean over blocks, so a block (`settings["block_time"]`) must be
    longer than the correlation time: with few steps use 32 members or more. If every member diverges the
    exponents are NaN and `diverged` equals `members`: a result, not an exception.

    Raises `DataError` for states that are not finite or not (members, d), `SpecError` for settings out of
    range.

    Source: Benettin et al., doi:10.1007/BF02128236; Shimada & Nagashima, doi:10.1143/PTP.61.1605.
    """
    start = np.array(x0, dtype=np.float64)
    if start.ndim != 2 or not start.size or not np.isfinite(start).all():
        raise DataError(
            f"x0 of shape {start.shape}", "finite states (members, d)", "draw x0 from the attractor"
        )
    members, d = start.shape
    k = d if k is None else k
    if not (1 <= k <= d and qr_every >= 1 and steps >= qr_every and transient >= 0 and dt > 0):
        raise SpecError(
            f"k = {k}, steps = {steps}, transient = {transient}, qr_every = {qr_every}, dt = {dt}",
            f"1 <= k <= {d}, steps >= qr_every >= 1, transient >= 0, dt > 0",
            "change that setting",
        )
    aligning, rounds = -(-transient // qr_every), steps // qr_every
    rng = np.random.default_rng(seed)
    start += kick * start.std(0) * rng.standard_normal(start.shape)
    frame = np.linalg.qr(rng.standard_normal((members, d, k)))[0]
    growth, diverged = stretching(
        lambda n, alive, x, q: tangent_map(x, q), start, frame, qr_every, aligning, rounds
    )
    stretches = min(max(1, math.ceil(BLOCKS / members)), rounds)
    settings = {
        "steps": rounds * qr_every,
        "transient": aligning * qr_every,
        "members": members,
        "states": d,
        "qr_every": qr_every,
        "dt": dt,
        "kick": kick,
        "seed": seed,
        "block_time": rounds // stretches * qr_every * dt,
        "time_unit": time_unit,
    }
    exponents, covariance, history, rounds_done = averages(growth / (qr_every * dt), stretches)
    stderr, times = np.sqrt(np.diag(covariance)), rounds_done * qr_every * dt
    return LyapunovSpectrum(
        exponents, stderr, covariance, dt, rounds * qr_every, members, diverged, history, times, settings
    )


def stretching(
    advance: Callable[[int, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    x: np.ndarray,
    q: np.ndarray,
    qr_every: int,
    aligning: int,
    rounds: int,
) -> tuple[np.ndarray, int]:
    """Log stretching (rounds, survivors, k) of the members that stayed finite, and how many did not. `advance` takes
    the number of the step, the numbers of the members left, their states and tangent vectors."""
    members, _, k = q.shape
    alive = np.arange(members)
    growth = np.empty((rounds, members, k))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for n in range(-aligning, rounds):
            for i in range(qr_every):
                x, q = advance((n + aligning) * qr_every + i, alive, x, q)
            finite = np.isfinite(x).all(1) & np.isfinite(q).all((1, 2))
            if not finite.all():
                x, q, alive = x[finite], q[finite], alive[finite]
                if not alive.size:
                    break
            q, r = np.linalg.qr(q)
            if n >= 0:
                growth[n, alive] = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)))
    return growth[:, alive], members - alive.size


def averages(rates: np.ndarray, stretches: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its covariance from blocks, running mean and its rounds; rates are (rounds, survivors, k)."""
    rounds, survivors, k = rates.shape
    if not survivors:
        return np.full(k, np.nan), np.full((k, k), np.nan), np.empty((0, k)), np.empty(0)
    length = rounds // stretches
    blocks = rates[: stretches * length].reshape(stretches, length, survivors, k).mean(1).reshape(-1, k)
    mean = rates.mean((0, 1))
    order = np.argsort(-mean)
    covariance = np.full((k, k), np.nan)
    if len(blocks) > 1:
        known = np.where(np.isfinite(mean), blocks, 0.0)[:, order]  # an exponent of -inf has no spread
        covariance = np.atleast_2d(np.cov(known, rowvar=False)) / len(blocks)
    done = np.unique(np.linspace(1, rounds, min(rounds, HISTORY_POINTS)).astype(int))
    history = rates.mean(1).cumsum(0)[done - 1] / done[:, None]
    return mean[order], covariance, history[:, order], done
