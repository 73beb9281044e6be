"""`fit`: train a model on time series, and keep the weights whose free run looks most like the data."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, SpecError
from ..models import MODELS, Model, name_of
from ..models.contract import require_contract
from ..registry import from_options
from ..series import TimeSeries, same_step
from .arguments import as_losses, as_members, as_series, require_seconds, require_seed, require_trainable, some_series
from .backends import choose_backend
from .closed_form import require_no_more_than_rows, solve_members
from .config import TrainingConfig
from .ensemble import Ensemble
from .fleet import train_together
from .forcing import FORCINGS, Forcing, as_forcings
from .gradients.gradient import Loss
from .history import History
from .job import make_job
from .run import TrainingRun
from .scale import Scale
from .selection import FreeRunScore
from .windows import Windows


def fit(
    model: Model,
    train: TimeSeries | Sequence[TimeSeries],
    *,
    forcing: Forcing | Sequence[Forcing] | None = None,
    validation: TimeSeries | Sequence[TimeSeries] | None = None,
    seed: int = 0,
    seconds: float | None = None,
    restarts: Sequence[Model] = (),
    vary: Mapping[str, Sequence[float]] | None = None,
    losses: Sequence[Loss] = (),
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
        stored in a new model; one that was fitted before keeps those that its weights belong to, and its dt unless its
        time is continuous (what is solved in closed form is solved anew). Models in continuous time also train on
        series with time stamps of their own. With `validation`, free runs are checked against all rows of both (see
        `FreeRunScore`), and the weights kept are those with the best free run; without it, the last ones of the first
        member. What is solved in closed form is judged only where there are restarts to choose from.
    forcing : `GeneralizedForcing.from_data(train)`, `SparseForcing(tau)`, ...; a sequence gives one to each member.
        None: the scheme that the family recommends, estimated from the longest training series.
        Families that are solved in closed form (`model.closed_form`) take none, no `losses`, no `resume` and none of
        the `settings` but `check_steps`; and neither external inputs nor time stamps.
    seed : decides the windows; the same seed, data, settings and backend give the same bytes on one machine (CPU).
    seconds : a budget in place of `steps`: the speed is measured first and turned into a number of steps, recorded in
        `History.steps`; repeating with `steps` of that number gives the same weights.
    restarts : further models of the same class and arguments, but for the seed, trained beside `model` as one ensemble;
        the survivor ends in `model`, all are in `History.members`.
    vary : settings in which the members differ, by name, with a value for each (see `job.VARIABLE`).
    losses : added to the mean squared error; `MeasureMatching`, `JacobianMatching`, `Dissipativity`, or any function of
        that form.
    resume : what `on_checkpoint` received from the same call earlier; the result equals an uninterrupted run.
    checkpoint_seconds : how often `on_checkpoint` is called.
    on_progress : called with (step, steps, mean loss of the last block).
    settings : the fields of `TrainingConfig`: steps, batch_size, window, learning_rate, backend, ...; where nothing
        is said, those that the family recommends.

    Raises `DataError` for series that do not fit together, or all of which are shorter than a window; where only some
    are, these count in mean, standard deviation and checks alone, and `History.outcome` says so. `SpecError` for bad
    settings, and for a model of one's own that does not keep the contract of `Model`;
    what is refused before the first step leaves the model as it was.
    On `KeyboardInterrupt` the model has the best weights so far, and `on_checkpoint` is called before it is raised
    again. It misleads when the data are shorter than the attractor's recurrence: selection is then by luck.
    """
    begun = begin(
        model, train, forcing=forcing, validation=validation, seed=seed, seconds=seconds, restarts=restarts, vary=vary,
        losses=losses, resume=resume, on_progress=on_progress, on_checkpoint=on_checkpoint,
        checkpoint_seconds=checkpoint_seconds, **settings,
    )  # fmt: skip
    found = begun if isinstance(begun, History) else train_together([begun])[0]
    if isinstance(found, Exception):
        raise found
    return found


def fit_together(calls: Sequence[Mapping[str, Any]]) -> list[History | Exception]:
    """What `fit(**call)` returns for each call, or raises; all of them are trained as one ensemble (see `fleet`).

    The calls may differ in weights, series, forcing, seed, checkpoint and callbacks. Raises `SpecError` for calls that
    differ in more, and for backends that gain nothing by it. `KeyboardInterrupt` as in `fit`, for all of them.
    """
    begun: list[TrainingRun | History | Exception] = []
    for call in calls:
        try:
            begun.append(begin(**call))
        except Exception as problem:
            begun.append(problem)
    runs = [run for run in begun if isinstance(run, TrainingRun)]
    found = iter(train_together(runs))
    return [next(found) if isinstance(run, TrainingRun) else run for run in begun]


def begin(
    model: Model,
    train: TimeSeries | Sequence[TimeSeries],
    *,
    forcing: Forcing | Sequence[Forcing] | None = None,
    validation: TimeSeries | Sequence[TimeSeries] | None = None,
    seed: int = 0,
    seconds: float | None = None,
    restarts: Sequence[Model] = (),
    vary: Mapping[str, Sequence[float]] | None = None,
    losses: Sequence[Loss] = (),
    resume: dict[str, Tensor] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    on_checkpoint: Callable[[dict[str, Tensor]], None] | None = None,
    checkpoint_seconds: float = 10.0,
    **settings: Any,
) -> TrainingRun | History:
    """A training run with the arguments of `fit`, all judged and no step done; the history at once where the family is
    solved in closed form."""
    members = as_members(model, restarts)
    require_seed(seed)
    losses = as_losses(losses)
    config = from_options(TrainingConfig, {**_recommended(model), **settings}, where="fit")
    series, checking = some_series(train), as_series(validation, "validation data")
    if model.closed_form:
        require_no_more_than_rows(model, [*series, *checking])
    _agree(model, [*series, *checking])
    for s in checking:
        s.require_regular("validation data")
    if checking and model.input_dim:
        raise DataError(
            "validation data for a model with external inputs",
            "no validation: its checks run far beyond the inputs that were recorded",
            "leave validation out; the last weights are kept",
        )
    scale = Scale.for_members(members, series)
    others = [s for s in series if s.stamps is None and not any(s is other for other in checking)]
    score = FreeRunScore([*checking, *others], train=series, steps=config.check_steps) if checking else None
    if model.closed_form:
        given = {"forcing": forcing, "seconds": seconds, "vary": vary, "losses": losses or None, "resume": resume}
        _refuse_gradient_settings(model, {**given, **settings})
        return solve_members(members, series, scale, score, seed=seed, on_progress=on_progress)
    require_trainable(members)
    if seconds is not None:
        require_seconds(seconds)
        if resume is not None:
            raise SpecError("seconds together with resume", "steps", "give the number of steps of the interrupted run")
    if score is not None:
        score.require_context(model)
    if forcing is None:
        forcing = _recommended_forcing(model).estimated(max(series, key=len))
    forcings = as_forcings(forcing, len(members))
    for one in forcings:
        one.strengths(config.window)  # refused where a field is open
    special = "irregular time stamps" if any(s.stamps is not None for s in series) else "extra losses" if losses else ""
    backend = choose_backend(model, config, special=special)
    if any(s.stamps is not None for s in series):
        _require_flow(model)
    windows = Windows(
        series,
        scale.mean,
        scale.std,
        config.window,
        seed=seed,
        dtype=model.dtype,
        noise=config.noise,
        device=config.device,
        input_mean=scale.input_mean,
        input_std=scale.input_std,
    )
    trial = copy.deepcopy(model)
    scale.write([trial])
    require_contract(trial, max(series, key=len).values, tangents=score is not None)
    job = make_job(Ensemble(members, config.device), windows, config, vary or {}, losses)
    run = TrainingRun(job, forcings, backend, score, on_progress, on_checkpoint, checkpoint_seconds)
    if resume is not None:
        run.state.restore(resume, run.steps)
    scale.write(members)
    if seconds is not None:
        run.steps = run.steps_within(seconds)
    return run


def _recommended(model: Model) -> dict[str, Any]:
    """Settings that the family recommends, but for those of a whole run."""
    name = name_of(type(model))
    if name is None:
        return {}
    known = {f.name for f in dataclasses.fields(TrainingConfig)}
    return {key: value for key, value in MODELS[name].recommended_training.items() if key in known}


def _recommended_forcing(model: Model) -> Forcing:
    name = name_of(type(model))
    if name is None:
        raise SpecError(
            f"no forcing for a {type(model).__name__}, which is not registered",
            "a forcing scheme",
            "give forcing=NoForcing(), GeneralizedForcing.from_data(train), ...",
        )
    return FORCINGS.build(MODELS[name].recommended_forcing, {})


def _agree(model: Model, series: Sequence[TimeSeries]) -> None:
    for s in series:
        s.require_variation()
        if s.dim != model.obs_dim or not same_step(s.dt, series[0].dt):
            raise DataError(
                f"a series with {s.dim} columns and dt = {s.dt:.9g}",
                f"{model.obs_dim} columns, as the model has, and dt = {series[0].dt:.9g}, as the first series has",
                "build the model with obs_dim=train.dim, and resample the series to one dt",
            )
        found = 0 if s.inputs is None else s.inputs.shape[1]
        if found != model.input_dim:
            raise DataError(
                f"a series with {found} external inputs for a model with {model.input_dim}",
                "as many as the model has",
                "call model.add_inputs(number), or set the inputs of the series",
            )


def _refuse_gradient_settings(model: Model, given: Mapping[str, Any]) -> None:
    """A setting that nothing would come of is refused."""
    useless = [name for name, value in given.items() if value is not None and name != "check_steps"]
    if useless:
        raise SpecError(
            f"{', '.join(useless)} for a {type(model).__name__}, which is solved in closed form",
            "check_steps and no other setting of training",
            f"leave {useless[0]} out",
        )


def _require_flow(model: Model) -> None:
    """The `SpecError` of a model that knows steps of one length only, before it is trained."""
    if type(model).flow is Model.flow:
        model.flow(torch.empty(0), torch.empty(0))
