"""The scorecard of a reconstruction: geometry, spectra, prediction, exponents, with floors and baselines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dsr.errors import DataError, DsrError, NoTangentError
from dsr.fate import CYCLE, FIXED_POINT
from dsr.measure import Floor, Measure
from dsr.series import TimeSeries, same_step

from ..embedding.choose_embedding import choose_embedding
from ..lyapunov.from_data import NAME as FROM_DATA
from ..lyapunov.from_data import max_lyapunov_from_data
from ..lyapunov.spectrum import LyapunovSpectrum
from ..protocol import Reconstruction, SelfChecking
from ..surrogates import gaussian_noise, phase_surrogate
from .diagnosis import diagnose, resting
from .exponents import exponent_rows, model_spectrum, spectrum_notes
from .floor import INDEPENDENT, STRETCHES, score_floor, stretches
from .forecasts import prediction_rows
from .outcome import classify, diverged, first_lost_step
from .remarks import floor_remark, truth_remarks
from .rows import Judgement, Row
from .scores import Score, scorecard_scores


def judge(
    test: TimeSeries,
    model: Reconstruction,
    *,
    independent: TimeSeries | Sequence[TimeSeries] = (),
    training: TimeSeries | Sequence[TimeSeries] = (),
    truth_spectrum: LyapunovSpectrum | None = None,
    floors: Mapping[str, Floor] | None = None,
    free_steps: int | None = None,
    transient: int | None = None,
    bins: int | None = None,
    smoothing: float = 20.0,
    starts: int = 100,
    prediction_steps: int = 20,
    lyapunov_steps: int = 5000,
    lyapunov_members: int = 32,
    seed: int = 0,
) -> Judgement:
    """Compare a free run of `model` with a true trajectory it has never seen.

    Parameters
    ----------
    test : the true trajectory, in the units the model speaks. model : any `Reconstruction`.
    independent : one or several further true trajectories, best 20 or more of the length of the test series, for the
        floors; without them the floors come from stretches of `training`, and say so.
    training : the series the model was trained on. Its stretches as long as the test series are what a model that
        repeats its data would reach: few pairs, and far from the test series where a record is not stationary.
        Where it is shorter, the two halves of the test series are the one pair.
    truth_spectrum : exponents of the true system where its equations are known. Without it the truth's
        largest exponent is estimated from the test series, and a row "lambda_1 from data" puts the free run
        through the same estimator, so that like is compared with like.
    floors : those of an earlier scorecard with the same test series, independent trajectories and settings, by name of
        the row; what is not among them is computed.
    free_steps : length of the compared free run, that of the test series if None. transient : steps dropped
        before it, the smaller of 1000 and a tenth if None. The run starts from the first rows of the test
        series.
    bins, smoothing : of D_stsp and D_H. starts, prediction_steps : of the forecasts.
    lyapunov_steps, lyapunov_members : of the model's spectrum, on states of the free run perturbed by a
        thousandth.
    seed : of surrogates, noise, perturbations and tangent vectors.

    Returns
    -------
    Judgement. Rows: those of `scorecard_scores`, prediction error, valid prediction time, lambda_1 ... (as many as
    observations or true exponents; `spectrum` holds all that were computed: every one up to 20 states, obs +
    2 above), their sum where the truth is known, Kaplan-Yorke dimension. A run that diverges gives NaN with a
    note in every row that needs it, and so does a model without tangent dynamics in the rows of exponents.

    Raises `DataError` when the model has other columns or another time step than the test series, and what a model
    that looks after itself raises (`SelfChecking`).
    """
    _check(test, model)
    independent, training = _several(independent, "independent"), _several(training, "training")
    truth = test.values
    free_steps = len(test) if free_steps is None else free_steps
    transient = min(1000, free_steps // 10) if transient is None else transient
    start = model.initial_state(truth[None, : model.min_context])
    if isinstance(model, SelfChecking):
        model.require_contract(truth)
    run = model.free_run(start, transient + free_steps)
    lost = first_lost_step(run, truth)
    orbit = run.observations[0, transient:] if lost is None else None
    surrogate, noise = (
        phase_surrogate(truth, seed),
        gaussian_noise(truth, max(free_steps, len(test)), seed + 1),
    )
    others, kind = [other.values[:free_steps] for other in independent], INDEPENDENT
    if not others:
        rows_each = min(free_steps, len(test))
        others = stretches([s.values for s in training if s.stamps is None], rows_each)
        kind = f"{STRETCHES} (length {rows_each})"
    lost_note = f"diverged at step {lost}"
    notes = [floor_remark(len(others), kind, free_steps)]

    scores = scorecard_scores(bins=bins, smoothing=smoothing)
    values_alone = scorecard_scores(bins=bins, smoothing=smoothing, errors=False)

    def compare(name: str, score: Score) -> Row:
        value = values_alone[name]
        baselines = (value(truth, surrogate[:free_steps]), value(truth, noise[:free_steps]))
        found = Measure(name, math.nan, note=lost_note) if orbit is None else score(truth, orbit)
        known = (floors or {}).get(name)
        floor = score_floor(value, truth, others, kind) if known is None else known
        return Row(name, None, dataclasses.replace(found, floor=floor), *baselines)

    from_data = _estimator(test)
    estimate = from_data(truth) if truth_spectrum is None else truth_spectrum.measure(1)
    lyapunov_time = 1 / estimate.value if estimate.value > 0 else None
    rows = [compare(name, score) for name, score in scores.items()]
    rows += prediction_rows(
        test,
        model,
        independent=[other.values for other in independent],
        surrogate=surrogate,
        noise=noise,
        lyapunov_time=lyapunov_time,
        starts=starts,
        steps=prediction_steps,
    )
    notes += truth_remarks(
        test,
        estimate,
        rows[-1].reconstruction,
        from_data=truth_spectrum is None,
        smoothing=smoothing,
        rows=min(free_steps, len(test)),
    )
    spectrum = None
    if orbit is not None:
        try:
            spectrum = model_spectrum(
                model, run.states[0, transient:], test, lyapunov_steps, lyapunov_members, seed
            )
            notes += spectrum_notes(spectrum, model)
        except NoTangentError as refused:
            lost_note = refused.got
    rows += exponent_rows(spectrum, truth_spectrum, estimate, test.dim, lost_note)
    if truth_spectrum is None:
        found = Measure(FROM_DATA, math.nan, note=lost_note) if orbit is None else from_data(orbit)
        rows.append(Row(FROM_DATA, estimate, found, from_data(surrogate), from_data(noise[: len(test)])))
        notes.append(
            "lambda_1 of the truth is estimated from the data, that of the model computed from its Jacobians; "
            "the row 'lambda_1 from data' puts both through one estimator"
        )
    outcome = diverged(lost or 0) if orbit is None else classify(orbit, truth, spectrum)
    settled = orbit is None or outcome.name in (FIXED_POINT, CYCLE)
    return Judgement(
        tuple(rows),
        outcome,
        spectrum,
        truth_spectrum,
        _generated(run.observations[0], lost, transient, test),
        tuple(notes),
        () if settled or orbit is None else (*diagnose(truth, orbit), *resting(model, run.states[0], truth)),
    )


def _require_series(found: TimeSeries, name: str) -> None:
    if not isinstance(found, TimeSeries):
        raise DataError(
            f"{name} of type {type(found).__name__}",
            "a TimeSeries",
            f"give {name} as TimeSeries(values, dt), in the order judge(test, model)",
        )


def _several(found: TimeSeries | Sequence[TimeSeries], name: str) -> list[TimeSeries]:
    """One or several series as a list."""
    several = list(found) if isinstance(found, Sequence) else [found]
    for one in several:
        _require_series(one, name)
    return several


def _check(test: TimeSeries, model: Reconstruction) -> None:
    _require_series(test, "test")
    if isinstance(model, type) or not hasattr(model, "free_run"):
        got = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise DataError(f"{got} as model", "a trained model", "call judge(test, model) with the model itself")
    if test.inputs is not None:
        raise DataError(
            f"a test series with {test.inputs.shape[1]} external inputs",
            "one without: the scorecard runs far beyond the inputs that were recorded",
            "compare model.free_run(z0, n, inputs) with the series by single measures",
        )
    test.require_regular("the scorecard")
    if model.obs_dim != test.dim or not same_step(float(model.dt), test.dt):
        raise DataError(
            f"a model of {model.obs_dim} columns, dt = {float(model.dt):g}; a test series of {test.dim}, "
            f"dt = {test.dt:g}",
            "equal columns and time step",
            "judge the model on data like those it was trained on",
        )


def _estimator(test: TimeSeries) -> Callable[[np.ndarray], Measure]:
    """The largest exponent from data; a scalar series is embedded as chosen on the test series."""
    try:
        embedding = choose_embedding(test.values) if test.dim == 1 else None
    except DsrError as problem:
        failure = Measure(FROM_DATA, math.nan, note=problem.got)
        return lambda x: failure

    def estimate(x: np.ndarray) -> Measure:
        try:
            points = x if embedding is None else embedding.apply(x)
            return max_lyapunov_from_data(points, test.dt, time_unit=test.time_unit)
        except DsrError as problem:
            return Measure(FROM_DATA, math.nan, note=problem.got)

    return estimate


def _generated(
    observations: np.ndarray, lost: int | None, transient: int, test: TimeSeries
) -> TimeSeries | None:
    """The free run after its transient, all of its finite part if it diverged, None if that is too short."""
    rows = observations[transient:] if lost is None else observations[:lost]
    if len(rows) < max(2, test.dim):
        return None
    return TimeSeries(rows, test.dt, test.time_unit, test.names, {"generated": "free run"})
