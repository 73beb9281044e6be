"""Model selection by what matters: long free runs compared with data, never by the training loss."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..cells import cell_counts, default_bins, kl_divergence
from ..errors import DataError, SpecError
from ..escape import within_reach
from ..fate import CHAOTIC, CYCLE, DIVERGED, NOT_CHAOTIC, fate
from ..models import Model
from ..series import TimeSeries
from ..spectra import spectral_hellinger
from ..stable_points import stable_points
from ..timescales import theiler_window
from .data_exponent import DataExponent

BLOCKS = 100
QUIET = 2  # runs at most that start where one series is quietest
VISITED = 4000  # states of the runs around which stable fixed points are sought
BISTABLE = 2.0  # what a stable fixed point among chaotic data costs, as a factor
AT_ONCE = 40  # free runs of a family without a compiled orbit, at most
TOLD_APART = 160.0  # length of a run in units of 1 / exponent: at 90, one in 25 on Lorenz-63 is not seen to be chaotic


@dataclass(frozen=True)
class Verdict:
    """What the free runs of one model were found to be.

    score : lower is better, infinite for a failed model. d_stsp : in nats, of all runs together. lambda_max : the
    largest exponent per unit of time, from tangent vectors. Both are NaN when a run diverged. fate : a name of
    `dsr.fate`: "chaotic", "not chaotic", "cycle", "fixed point", "transient chaos" or "diverged".
    """

    score: float
    d_stsp: float
    lambda_max: float
    fate: str

    def __float__(self) -> float:
        return self.score


class FreeRunScore:
    """D_stsp of a model's free runs against all rows of some series, plus the Hellinger distance of the smoothed power
    spectra, against the longest of them, in the run where it is largest, plus the logarithmic misfit of the largest
    exponent (`DataExponent.mismatch`); infinite for a failed model.

    `starts` runs of `steps` steps each, after dropping `transient`: up to half of them from places where the series are
    quietest, two of each, the others from rows spread over the longest; where the family has no compiled orbit, up to
    40 shorter runs of the same total length, as long as chaos of the data's exponent can be told from a transient. A
    model that made a fixed point stable from which the data depart seldom meets it on its own, but stays where the data
    are quiet. Failed is a model of which a run diverges, comes to rest or leaves chaos after a while (a transient that
    outlives the total length of the runs is not seen), and, where the data themselves are chaotic, one on a cycle or
    without a positive exponent. The score ranks checkpoints of one training run; it is not a result to report, because
    its floor depends on the length and the noise of the series.

    Where the data are chaotic, a piecewise-linear model with a stable fixed point among them (`dsr.stable_points`) has
    twice the score, for free runs seldom meet it: on Lorenz-63 many checkpoints have made a focus stable, and others
    that are as near in density have not.

    A free run is no prediction of the rows that it is compared with, so `fit` gives training and validation series
    alike: in few validation rows differences between checkpoints drown.

    The observation noise of the data, where it can be told, is added to the runs before they are compared: a model
    that has learned to see through it must not lose to one that has not.

    series : to be compared with. train : those that the data's own exponent is estimated from; `series` if none are
    given.
    """

    def __init__(
        self,
        series: Sequence[TimeSeries],
        *,
        train: Sequence[TimeSeries] = (),
        steps: int = 50_000,
        starts: int = 8,
        transient: int = 1000,
        bins: int | None = None,
        smoothing: float = 20.0,
    ) -> None:
        if steps < 1 or starts < 1 or transient < 0:
            got = f"steps = {steps}, starts = {starts}, transient = {transient}"
            raise SpecError(got, "1 or more steps and starts, and no negative transient", "raise them")
        by_length = sorted(series, key=len, reverse=True)
        self.truth, self.longest = np.concatenate([s.values for s in by_length]), by_length[0].values
        self.exponent = DataExponent(train or series)
        self.blocks = min(BLOCKS, steps)
        self.steps, self.transient, self.smoothing = -(-steps // self.blocks) * self.blocks, transient, smoothing
        self.bins = bins or default_bins(self.truth.shape[1])
        self.starts = starts
        quietest = ((s.values, row) for s in by_length for row in quiet_rows(s.values, QUIET))
        self.quiet = list(itertools.islice(quietest, starts // 2))

    def __call__(self, model: Model) -> Verdict:
        self.require_context(model)
        share = 1 if model.orbit_is_compiled else self._share()
        steps = self.steps // share // self.blocks * self.blocks
        observations, growth, visited = self._run(model, self.starts * share, steps)
        if not within_reach(observations, self.truth).all():
            return Verdict(math.inf, math.nan, math.nan, DIVERGED)
        name = fate(observations, growth, self.truth)
        time = steps * self.exponent.dt
        noisy = observations + self.exponent.noise * np.random.default_rng(0).standard_normal(observations.shape)
        counts = cell_counts(self.truth, noisy.reshape(-1, noisy.shape[2]), bins=self.bins)
        d_stsp, lambda_max = kl_divergence(counts), float(growth.sum(1).mean() / time)
        fine = name in (CHAOTIC, NOT_CHAOTIC, CYCLE)
        if not fine or (name != CHAOTIC and self.exponent.can_judge(time)):
            return Verdict(math.inf, d_stsp, lambda_max, name)
        score = d_stsp + self._spectral(noisy) + self.exponent.mismatch(observations)
        if self.exponent.chaotic and len(stable_points(model, visited, self.truth)):
            score *= BISTABLE
        return Verdict(float(score), d_stsp, lambda_max, name)

    def require_context(self, model: Model) -> None:
        """Raise `DataError` where no series is as long as what a model sees before a free run."""
        if len(self.longest) < model.min_context:
            raise DataError(
                f"{len(self.longest)} rows in the longest series for the free runs of a {type(model).__name__}",
                f"the {model.min_context} rows of its context, or more",
                "bring a longer series, or leave validation out",
            )

    def _share(self) -> int:
        """By how much runs are shortened and multiplied: a step in Python costs the same for one run and for many."""
        most = min(AT_ONCE // self.starts, self.steps // self.blocks)
        exponent = self.exponent.value
        if not math.isnan(exponent):
            most = min(most, int(self.steps * self.exponent.dt * exponent / TOLD_APART))
        return max(1, most)

    def _spectral(self, runs: np.ndarray) -> float:
        """The worst run's distance: the mean over all its pieces as long as the data, for one piece scatters."""
        n = min(len(self.longest), runs.shape[1])
        count = runs.shape[1] // n
        pieces = runs[:, -count * n :].reshape(len(runs), count, n, runs.shape[2])
        truth = self.longest[:n]
        distances = [[spectral_hellinger(truth, p, smoothing=self.smoothing).mean() for p in run] for run in pieces]
        return float(np.mean(distances, axis=1).max())

    def _run(self, model: Model, starts: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Observations (starts, steps, obs), NaN once a run is not finite, growth (starts, blocks), and some states."""
        rows = np.linspace(model.min_context, len(self.longest), starts).astype(int)
        need = model.min_context
        places = [(x, max(row + 1, need)) for x, row in self.quiet if len(x) >= need]  # the context ends with the row
        places += [(self.longest, row) for row in rows[len(places) :]]
        context = np.stack([values[end - need : end] for values, end in places])
        state = model.initial_state(context).double().numpy()
        direction = np.random.default_rng(0).standard_normal(state.shape)
        orbit, twin, length = model.orbit(), model.in_float64(), steps // self.blocks
        observations = np.empty((starts, steps, model.obs_dim))
        growth, visited = np.empty((starts, self.blocks)), []
        if self.transient:
            states, direction, _ = orbit(state, direction, self.transient)
            state = states[:, -1]
        for block in range(self.blocks):
            states, direction, growth[:, block] = orbit(state, direction, length)
            with torch.no_grad():
                seen = twin.observe(torch.from_numpy(states))
            observations[:, block * length : (block + 1) * length] = seen.numpy()
            state = states[:, -1]
            visited.append(states[:, :: max(1, steps * starts // VISITED)].reshape(-1, states.shape[2]))
        return observations, growth, np.concatenate(visited)


def quiet_rows(values: np.ndarray, count: int) -> list[int]:
    """Where values (time, dim) come nearest to rest: of the stretches that vary least, all columns alike, the row next
    to the mean, the quietest first. Each is a standard deviation or more from those before it; fewer than `count` where
    that leaves none. Stretches are as long as a Theiler window, a quarter of the rows at most."""
    window = max(2, min(theiler_window(values), len(values) // 4))
    scaled = (values - values.mean(0)) / np.maximum(values.std(0), np.finfo(float).tiny)
    sums, squares = (np.cumsum(np.pad(x, ((1, 0), (0, 0))), axis=0) for x in (scaled, scaled**2))
    mean, square = ((s[window:] - s[:-window]) / window for s in (sums, squares))
    unrest, found = (square - mean**2).sum(1), list[int]()
    while len(found) < count and np.isfinite(unrest).any():
        first = int(unrest.argmin())
        found.append(first + int(((scaled[first : first + window] - mean[first]) ** 2).sum(1).argmin()))
        unrest[((mean - mean[first]) ** 2).sum(1) < values.shape[1]] = np.inf
    return found
