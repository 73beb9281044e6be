"""Units and time step of the training data, as a model keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..errors import DataError, SpecError
from ..models import Model
from ..series import TimeSeries, same_step

KEPT = ("data_mean", "data_std")


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

    @classmethod
    def for_members(cls, members: Sequence[Model], series: Sequence[TimeSeries]) -> Scale:
        """That which the members were fitted in before, to which their weights belong; that of the series where they
        are new, or solved in closed form, which gives them new weights.

        Raises `DataError` for another time step than a map was fitted with, `SpecError` for members fitted in different
        units.
        """
        found = cls.of(series)
        fitted = [] if members[0].closed_form else [m for m in members if m.data_mean.any() or (m.data_std != 1).any()]
        if not fitted:
            return found
        first = fitted[0]
        if first.time == "map" and not same_step(float(first.dt), found.dt):
            raise DataError(
                f"series with dt = {found.dt:.9g} for a model that was fitted with dt = {float(first.dt):.9g}",
                "the time step that the weights belong to",
                "resample the series, or fit a new model",
            )
        if any(not torch.equal(getattr(m, key), getattr(first, key)) for m in fitted for key in KEPT):
            raise SpecError(
                "members that were fitted in different units",
                "equal data_mean and data_std of all that were fitted before",
                "train them one by one, or give new models as restarts",
            )
        mean, std = (getattr(first, key).numpy().copy() for key in ("data_mean", "data_std"))
        found = replace(found, mean=mean, std=std)
        if first.input_dim and (first.input_mean.any() or (first.input_std != 1).any()):
            found = replace(found, input_mean=first.input_mean.numpy().copy(), input_std=first.input_std.numpy().copy())
        return found

    def write(self, models: Sequence[Model]) -> None:
        """Store it in all models."""
        for m in models:
            m.data_mean.copy_(torch.from_numpy(self.mean))
            m.data_std.copy_(torch.from_numpy(self.std))
            m.dt.fill_(self.dt)
            if m.input_dim and self.input_mean is not None and self.input_std is not None:
                m.input_mean.copy_(torch.from_numpy(self.input_mean))
                m.input_std.copy_(torch.from_numpy(self.input_std))
