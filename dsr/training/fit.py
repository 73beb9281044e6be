"""`fit`: train a model on time series, and keep the weights whose free run looks most like validation data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, SpecError
from ..models import Model
from ..registry import from_options
from ..series import TimeSeries
from .backends import choose_backend
from .config import TrainingConfig
from .ensemble import Ensemble
from .forcing import Forcing
from .history import History
from .job import make_job
from .run import TrainingRun
from .selection import FreeRunScore
from .windows import Windows


def fit(
    model: Model,
    train: TimeSeries | Sequence[TimeSeries],
    *,
    forcing: Forcing | Sequence[Forcing],
    validation: TimeSeries | Sequence[TimeSeries] | None = None,
    seed: int = 0,
    seconds: float | None = None,
    restarts: Sequence[Model] = (),
    vary: Mapping[str, Sequence[float]] | None = None,
    resume: dict[str, Tensor] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    on_checkpoint: Callable[[dict[str, Tensor]], None] | None = None,
    checkpoint_seconds: float = 10.0,
    **settings: Any,
) -> History:
    """Train `model` in place and return its `History`.

    Parameters
    ----------
    train, validation : one or several series with equal columns and dt. Mean and standard deviation of `train` are
        stored in the model. With `validation`, the weights kept are those of the check (see `FreeRunScore`) with the
        best free run; without it, the last ones of the first member.
    forcing : `GeneralizedForcing.from_data(train)`, `SparseForcing(tau)`, ...; a sequence gives one to each member.
    seed : decides the windows; the same seed, data, settings and backend give the same bytes on one machine (CPU).
    seconds : a budget in place of `steps`: the speed is measured first and turned into a number of steps, recorded in
        `History.steps`; repeating with `steps` of that number gives the same weights.
    restarts : further models of the same shape, trained beside `model` as one ensemble; the survivor ends in `model`,
        all are in `History.members`.
    vary : settings in which the members differ, by name, with a value for each (see `job.VARIABLE`).
    resume : what `on_checkpoint` received from the same call earlier; the result equals an uninterrupted run.
    checkpoint_seconds : how often `on_checkpoint` is called.
    on_progress : called with (step, steps, mean loss of the last block).
    settings : the fields of `TrainingConfig`: steps, batch_size, window, learning_rate, backend, ...

    Raises `DataError` for series that do not fit together or are shorter than a window, `SpecError` for bad settings.
    On `KeyboardInterrupt` the model has the best weights so far, and `on_checkpoint` is called before it is raised
    again. It misleads when validation data are shorter than the attractor's recurrence: selection is then by luck.
    """
    config = from_options(TrainingConfig, settings, where="fit")
    series, checking = _as_list(train), _as_list(validation)
    _agree(model, [*series, *checking])
    members = [model, *restarts]
    forcings = [forcing] * len(members) if isinstance(forcing, Forcing) else list(forcing)
    if len(forcings) != len(members):
        raise SpecError(f"{len(forcings)} forcings for {len(members)} members", "one, or one per member", "match them")
    backend = choose_backend(model, config)
    mean, std = _standardise(members, series)
    windows = Windows(
        series, mean, std, config.window, seed=seed, dtype=model.dtype, noise=config.noise, device=config.device
    )
    job = make_job(Ensemble(members, config.device), windows, config, vary or {})
    run = TrainingRun(job, forcings, backend)
    if seconds is not None:
        if resume is not None:
            raise SpecError("seconds together with resume", "steps", "give the number of steps of the interrupted run")
        run.steps = run.steps_within(seconds)
    if resume is not None:
        run.state.restore(resume)
    score = FreeRunScore(checking, train=series, steps=config.check_steps) if checking else None
    return run.train(score, on_progress, on_checkpoint, checkpoint_seconds)


def _as_list(series: TimeSeries | Sequence[TimeSeries] | None) -> list[TimeSeries]:
    if series is None:
        return []
    return [series] if isinstance(series, TimeSeries) else list(series)


def _agree(model: Model, series: Sequence[TimeSeries]) -> None:
    for s in series:
        s.require_variation()
        if s.dim != model.obs_dim or not np.isclose(s.dt, series[0].dt, rtol=1e-9):
            raise DataError(
                f"a series with {s.dim} columns and dt = {s.dt:g}",
                f"{model.obs_dim} columns, as the model has, and dt = {series[0].dt:g}, as the first series has",
                "build the model with obs_dim=train.dim, and resample the series to one dt",
            )


def _standardise(models: Sequence[Model], series: Sequence[TimeSeries]) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([s.values for s in series])
    mean, std = values.mean(0), values.std(0)
    for m in models:
        m.data_mean.copy_(torch.from_numpy(mean))
        m.data_std.copy_(torch.from_numpy(std))
        m.dt.fill_(series[0].dt)
    return mean, std
