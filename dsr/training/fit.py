"""`fit`: train a model on time series, and keep the weights whose free run looks most like validation data."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, SpecError
from ..models import Model
from ..registry import from_options
from ..series import TimeSeries
from .config import TrainingConfig
from .ensemble import Ensemble
from .forcing import Forcing
from .gradient import Backend, make_backend
from .history import History
from .optimiser import RAdam, clip_norm_, exponential_rate
from .selection import FreeRunScore
from .state import TrainingState
from .windows import BLOCK, Windows


def fit(
    model: Model,
    train: TimeSeries | Sequence[TimeSeries],
    *,
    forcing: Forcing,
    validation: TimeSeries | Sequence[TimeSeries] | None = None,
    seed: int = 0,
    seconds: float | None = None,
    restarts: Sequence[Model] = (),
    resume: dict[str, Tensor] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    on_checkpoint: Callable[[dict[str, Tensor]], None] | None = None,
    checkpoint_every: int = 2_000,
    **settings: Any,
) -> History:
    """Train `model` in place and return its `History`.

    Parameters
    ----------
    train, validation : one or several series with equal columns and dt. Mean and standard deviation of `train` are
        stored in the model. With `validation`, the weights kept are those of the check (see `FreeRunScore`) with the
        best free run; without it, the last ones of the first member.
    forcing : `GeneralizedForcing.from_data(train)`, `SparseForcing(tau)`, ...
    seed : decides the windows; the same seed, data and settings give the same bytes on one machine (CPU).
    seconds : a budget in place of `steps`: the speed is measured first and turned into a number of steps, recorded in
        `History.steps`; repeating with `steps` of that number gives the same weights.
    restarts : further models of the same shape, trained beside `model` as one ensemble; the survivor ends in `model`.
    resume : what `on_checkpoint` received from the same call earlier; the result equals an uninterrupted run.
    on_progress : called with (step, steps, mean loss of the last block).
    settings : the fields of `TrainingConfig`: steps, batch_size, window, learning_rate, ...

    Raises `DataError` for series that do not fit together or are shorter than a window, `SpecError` for bad settings.
    It misleads when validation data are shorter than the attractor's recurrence: selection is then by luck.
    """
    config = from_options(TrainingConfig, settings, where="fit")
    series, checking = _as_list(train), _as_list(validation)
    _agree(model, [*series, *checking])
    mean, std = _standardise(model, series, restarts)
    windows = Windows(series, mean, std, config.window, seed=seed, dtype=model.dtype)
    run = _Run([model, *restarts], config, forcing, windows)
    if seconds is not None:
        if resume is not None:
            raise SpecError("seconds together with resume", "steps", "give the number of steps of the interrupted run")
        run.config = replace(config, steps=_steps_within(seconds, run))
    score = FreeRunScore(checking, steps=config.check_steps) if checking else None
    started = time.perf_counter()
    if resume is not None:
        run.state.restore(resume)
    outcome = run.train(score, on_progress, on_checkpoint, checkpoint_every)
    return run.finish(outcome, time.perf_counter() - started)


class _Run:
    """The training loop over blocks of steps."""

    def __init__(self, members: Sequence[Model], config: TrainingConfig, forcing: Forcing, windows: Windows) -> None:
        self.config, self.windows = config, windows
        self.ensemble = Ensemble(members)
        strengths = torch.from_numpy(forcing.strengths(config.window)).to(self.ensemble.flat.dtype)
        self.strengths = strengths[:, None].expand(-1, len(members))
        self.backend: Backend = make_backend(self.ensemble.model, config.backend)
        self.state = TrainingState(self.ensemble, RAdam(self.ensemble.flat))

    def train(
        self,
        score: FreeRunScore | None,
        on_progress: Callable[[int, int, float], None] | None,
        on_checkpoint: Callable[[dict[str, Tensor]], None] | None,
        checkpoint_every: int,
    ) -> str:
        config, state = self.config, self.state
        due = {_block_end(round(config.steps * (i + 1) / config.checks), config.steps) for i in range(config.checks)}
        while state.step < config.steps:
            before = state.step
            loss = self.block()
            state.losses.append(loss)
            if not torch.isfinite(loss).any():
                return f"diverged at step {before}"
            if on_progress is not None:
                on_progress(state.step, config.steps, float(loss[torch.isfinite(loss)].mean()))
            if score is not None and state.step in due:
                state.consider([self.score_member(score, k) for k in range(self.ensemble.members)])
            if on_checkpoint is not None and state.step // checkpoint_every > before // checkpoint_every:
                on_checkpoint(state.tensors())
        return "finished"

    def block(self) -> Tensor:
        """One block of steps; returns the mean loss of each member."""
        config, state, total = self.config, self.state, torch.zeros(self.ensemble.members)
        first = state.step
        windows = self.windows.block(first // BLOCK, self.ensemble.members, config.batch_size, config.noise)
        for window in windows:
            if state.step == config.steps:
                break
            total += self.backend(self.ensemble, window, self.strengths).float()
            clip_norm_(self.ensemble.gradient, config.clip_norm)
            rate = exponential_rate(state.step, config.steps, config.learning_rate, config.final_learning_rate)
            state.optimiser.step(self.ensemble.gradient, rate)
            state.step += 1
        return total / (state.step - first)

    def score_member(self, score: FreeRunScore, k: int) -> float:
        row = self.ensemble.flat[k]
        if not torch.isfinite(row).all():
            return float("inf")
        return float(score(self.ensemble.load(row)))

    def finish(self, outcome: str, seconds: float) -> History:
        state, members = self.state, self.ensemble.members
        selected = bool(state.checks) and np.isfinite(state.best_score)
        row = state.best if selected else self.ensemble.flat[0]
        if not torch.isfinite(row).all():
            raise DataError(
                f"training {outcome} before any usable weights were found",
                "a loss that stays finite",
                "lower training.learning_rate, or raise the forcing strength",
            )
        self.ensemble.load(row)
        if state.checks and not selected:
            outcome += "; no check had a bounded free run that keeps moving, so the last weights were kept"
        ends = [min((i + 1) * BLOCK, self.config.steps) for i in range(len(state.losses))]
        return History(
            steps=self.config.steps,
            loss_steps=np.array(ends, dtype=np.int64),
            loss=torch.stack(state.losses).numpy() if state.losses else np.zeros((0, members)),
            checks=tuple(state.checks),
            selected_step=state.best_step if selected else state.step,
            selected_member=state.best_member if selected else 0,
            outcome=outcome,
            seconds=seconds,
        )


def _block_end(step: int, steps: int) -> int:
    return min(-(-step // BLOCK) * BLOCK, steps)


def _steps_within(seconds: float, run: _Run) -> int:
    """Number of steps that fit a budget, from the speed of a copy that is thrown away."""
    if not seconds > 0:
        raise SpecError(f"seconds = {seconds}", "a positive number", "give the budget in seconds, or steps")
    trial = copy.deepcopy(run)
    trial.block()
    started, blocks = time.perf_counter(), 0
    while blocks == 0 or time.perf_counter() - started < min(1.0, seconds / 10):
        trial.block()
        blocks += 1
    speed = blocks * BLOCK / (time.perf_counter() - started)
    return max(int(speed * seconds / BLOCK), 1) * BLOCK


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


def _standardise(model: Model, series: Sequence[TimeSeries], others: Sequence[Model]) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([s.values for s in series])
    mean, std = values.mean(0), values.std(0)
    for m in (model, *others):
        m.data_mean.copy_(torch.from_numpy(mean))
        m.data_std.copy_(torch.from_numpy(std))
        m.dt.fill_(series[0].dt)
    return mean, std
