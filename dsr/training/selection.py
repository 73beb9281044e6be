"""Model selection by what matters: long free runs compared with validation data, never by the training loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..cells import cell_counts, default_bins, hellinger_distance
from ..escape import within_reach
from ..models import Model
from ..series import TimeSeries
from ..spectra import spectral_hellinger


class FreeRunScore:
    """Distance between a model's free runs and validation data: Hellinger distance of the binned invariant densities
    plus the largest Hellinger distance, over the runs, of the smoothed power spectra; each lies between 0 and 1.

    `starts` runs of `steps` steps each, from rows spread over the longest validation trajectory, after dropping
    `transient`. Many runs at once cost hardly more than one, and find chaos that dies out: a run that has settled on a
    fixed point or diverged makes the score infinite, one on a cycle makes its spectrum, hence the score, bad. The
    score ranks checkpoints of one training run; it is not a result to report, because its floor depends on the length
    and the noise of the validation data.
    """

    def __init__(
        self,
        validation: Sequence[TimeSeries],
        *,
        steps: int = 10_000,
        starts: int = 32,
        transient: int = 500,
        bins: int | None = None,
        smoothing: float = 20.0,
    ) -> None:
        self.truth = max(validation, key=len).values
        self.steps, self.transient, self.smoothing = steps, transient, smoothing
        self.bins = bins or default_bins(self.truth.shape[1])
        self.rows = np.linspace(0, len(self.truth) // 2, starts).astype(int)

    def __call__(self, model: Model) -> float:
        rows = self.rows + model.min_context
        context = np.stack([self.truth[r - model.min_context : r] for r in rows])
        run = model.free_run(model.initial_state(context), self.transient + self.steps)
        if not within_reach(run.observations, self.truth).all():
            return math.inf
        orbits = run.observations[:, self.transient :]
        end = orbits[:, -min(500, self.steps) :]
        if (end.std(1) < 1e-3 * self.truth.std(0)).all(axis=-1).any():
            return math.inf
        density = hellinger_distance(cell_counts(self.truth, orbits.reshape(-1, orbits.shape[2]), bins=self.bins))
        n = min(len(self.truth), self.steps)
        spectrum = max(
            spectral_hellinger(self.truth[:n], orbit[:n], smoothing=self.smoothing).mean() for orbit in orbits
        )
        return float(density + spectrum)
