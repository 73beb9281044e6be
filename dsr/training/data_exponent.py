"""The largest exponent of the data themselves, as far as noisy validation data can tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..divergence_curve import DivergenceCurve, divergence_curve
from ..errors import DataError
from ..noise import sensor_noise
from ..series import TimeSeries
from ..timescales import autocorrelation_time

ROWS, SEGMENTS, REFERENCES = 10_000, 4, 500
FORGETS = 0.4  # of the way from close to random: noisy circles and tori stay below 0.1, chaos passes 0.7
ENOUGH_TIME = 30.0  # in units of 1 / exponent
BAND = {True: 0.2, False: 0.5}  # tolerated logarithm of the ratio, where the noise is known and where it is not


class DataExponent:
    """Sign and rough size of the largest Lyapunov exponent of a series, and how far a free run is from it.

    Delayed copies of the columns stand for the state (which unfolds unobserved coordinates and averages noise), close
    pairs of them are followed (Rosenstein), and the data are chaotic when the pairs forget that they were close.

    The size from noisy data is low by 30 % and more. So a free run is put through the same estimator, with the noise
    of the data added: on Lorenz-63 with 5 % noise both then agree within 10 %. The noise is told by fourth
    differences, which need a finely sampled flow; on maps it stays unknown and the comparison is more lenient.

    chaotic : None when the data cannot tell (too short, or noise alone). value : in units of 1 / dt, NaN if unknown.
    It misleads on phase-diffusing noisy cycles, which forget too. Exponents above some 0.5 per row leave too few rows
    to fit: the size then stays unknown.
    """

    def __init__(self, series: Sequence[TimeSeries]) -> None:
        longest = max(series, key=len)
        self.dt, self.rows = longest.dt, min(len(longest), ROWS)
        values = longest.values
        noise = sensor_noise(values)
        self.noise_known = noise is not None
        self.noise = np.zeros(longest.dim) if noise is None else noise
        self.delay = max(1, int(autocorrelation_time(values).max()) // 2)
        firsts = np.linspace(0, len(values) - self.rows, min(SEGMENTS, len(values) // self.rows)).astype(int)
        curves = [self._curve(values[first : first + self.rows]) for first in firsts]
        found = [curve for curve in curves if curve is not None]
        signs = [sign for sign in map(_forgets, found) if sign is not None]
        self.chaotic = sum(signs) > len(signs) / 2 if signs else None
        slopes = [_slope(curve) for curve in found]
        known = [slope for slope in slopes if not math.isnan(slope)]
        self.value = float(np.median(known)) if known and self.chaotic else math.nan

    def can_judge(self, time: float) -> bool:
        """Whether a run over `time` is long enough to tell chaos from a cycle by its tangent vectors."""
        return self.chaotic is True and not time * self.value < ENOUGH_TIME

    def mismatch(self, runs: np.ndarray) -> float:
        """|ln(exponent of the runs / exponent of the data)| beyond the tolerance; 0 where either is unknown.

        runs (starts, time, dim): free runs in data units. The first two are used, and of each the last rows, as many
        as the data segments have; they are averaged because one such stretch is uncertain by 10 %.
        """
        if math.isnan(self.value):
            return 0.0
        rng = np.random.default_rng(0)
        slopes = []
        for run in runs[:2, -self.rows :]:
            curve = self._curve(run + self.noise * rng.standard_normal(run.shape))
            slopes.append(math.nan if curve is None else _slope(curve))
        value = float(np.mean(slopes))  # NaN if one of them is unknown
        return max(0.0, abs(math.log(value / self.value)) - BAND[self.noise_known]) if value > 0 else 0.0

    def _curve(self, x: np.ndarray) -> DivergenceCurve | None:
        copies = 1 if x.shape[1] >= 7 else max(3, -(-7 // x.shape[1]))
        rows = len(x) - (copies - 1) * self.delay
        if rows < 2:
            return None
        states = np.concatenate([x[i * self.delay : i * self.delay + rows] for i in range(copies)], axis=1)
        try:
            return divergence_curve(states, self.dt, references=REFERENCES)
        except DataError:  # too short for its own time scale
            return None


def _start(curve: DivergenceCurve) -> int:
    """Half a Theiler window: noise has parted the pairs by then, and they have turned to the growing direction."""
    return min(max(1, curve.theiler // 2), len(curve.times) - 1)


def _forgets(curve: DivergenceCurve) -> bool | None:
    s, start = curve.log_distance, _start(curve)
    room = curve.saturation - s[start]
    if room < 1.0:  # the nearest rows are no nearer than random ones: noise, or too few rows
        return None
    return bool(s[start:].max() - s[start] > FORGETS * room)


def _slope(curve: DivergenceCurve) -> float:
    start = _start(curve)
    return curve.slope(start, 0.5, base=start)
