"""Units and time step of the training data, as a model keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..models import Model
from ..series import TimeSeries


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and standard deviation of all rows (dim,) and of their external inputs, None without; `dt` is that of the
    first series."""

    mean: np.ndarray
    std: np.ndarray
    dt: float
    input_mean: np.ndarray | None = None
    input_std: np.ndarray | None = None

    @classmethod
    def of(cls, series: Sequence[TimeSeries]) -> Scale:
        values = np.concatenate([s.values for s in series])
        mean, std, dt = values.mean(0), values.std(0), series[0].dt
        if series[0].inputs is None:
            return cls(mean, std, dt)
        inputs = np.concatenate([s.inputs for s in series if s.inputs is not None])
        return cls(mean, std, dt, inputs.mean(0), inputs.std(0))

    def write(self, models: Sequence[Model]) -> None:
        """Store it in all models."""
        for m in models:
            m.data_mean.copy_(torch.from_numpy(self.mean))
            m.data_std.copy_(torch.from_numpy(self.std))
            m.dt.fill_(self.dt)
            if m.input_dim and self.input_mean is not None and self.input_std is not None:
                m.input_mean.copy_(torch.from_numpy(self.input_mean))
                m.input_std.copy_(torch.from_numpy(self.input_std))
