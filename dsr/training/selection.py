"""Model selection by what matters: long free runs compared with validation data, never by the training loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..cells import cell_counts, hellinger_distance
from ..models import Model
from ..series import TimeSeries
from ..spectra import spectral_hellinger


class FreeRunScore:
    """Distance between a model's free run and validation data: Hellinger distance of the binned invariant densities
    plus the mean Hellinger distance of the smoothed power spectra, each between 0 and 1.

    The run is `steps` long from each of `starts` rows spread over the longest validation trajectory, after dropping
    `transient`; a member that diverges scores infinity. The score ranks checkpoints of one run; it is not a result to
    report, because the floor depends on the length of the validation data.
    """

    def __init__(
        self,
        validation: Sequence[TimeSeries],
        *,
        steps: int = 20_000,
        starts: int = 5,
        transient: int = 500,
        bins: int | None = None,
        smoothing: float = 20.0,
    ) -> None:
        self.truth = max(validation, key=len).values
        self.steps, self.transient, self.smoothing = steps, transient, smoothing
        self.bins = bins or (30 if self.truth.shape[1] <= 3 else 8)
        self.rows = np.linspace(0, len(self.truth) // 2, starts).astype(int)

    def __call__(self, model: Model) -> float:
        rows = self.rows + model.min_context
        context = np.stack([self.truth[max(r - model.min_context, 0) : r] for r in rows])
        run = model.free_run(model.initial_state(context), self.transient + self.steps)
        if (run.diverged_at >= 0).any():
            return math.inf
        orbits = run.observations[:, self.transient :]
        density = hellinger_distance(
            cell_counts(self.truth, orbits.reshape(-1, self.truth.shape[1]), bins=self.bins)
        )
        n = min(len(self.truth), self.steps)
        spectrum = np.mean([spectral_hellinger(self.truth[:n], o[:n], smoothing=self.smoothing) for o in orbits])
        return float(density + spectrum)
