"""The figures of a run by name: what each shows, where it stands in the report, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .. import figures
from . import dynamics, records
from .reason import NotApplicable, analysed
from .summary import summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .material import RunMaterial


class Kind(NamedTuple):
    """`shows` in a few words, `section` of the report, `caption` of the figure there.

    `draw` raises `NotApplicable` with the reason where a run has nothing to show.
    """

    shows: str
    section: str
    caption: str
    draw: Callable[[RunMaterial], Figure]


def _attractor(run: RunMaterial) -> Figure:
    return figures.attractor(run.test, run.generated, diverged_at=run.lost)


def _series(run: RunMaterial) -> Figure:
    start = run.test[run.model.min_context - 1 :]
    return figures.series(start, run.generated, run.forecast, run.lyapunov_time, diverged_at=run.lost)


def _power_spectra(run: RunMaterial) -> Figure:
    from ...analysis import phase_surrogate

    smoothing = run.spec.analysis.smoothing
    surrogate = phase_surrogate(run.test.values, 0)
    return figures.power_spectra(run.test, run.generated, surrogate, smoothing=smoothing, diverged_at=run.lost)


def _lyapunov_bars(run: RunMaterial) -> Figure:
    return figures.lyapunov_bars(run.truth_spectrum, run.spectrum, diverged_at=run.lost)


def _training_history(run: RunMaterial) -> Figure:
    if run.history.backend == "closed form":
        raise NotApplicable("the model was solved in closed form, there is no course of training")
    return figures.training_history(run.history)


def _scorecard(run: RunMaterial) -> Figure:
    return figures.scorecard(run.rows)


def _invariant_density(run: RunMaterial) -> Figure:
    return figures.invariant_density(run.test, run.generated, diverged_at=run.lost)


def _marginals(run: RunMaterial) -> Figure:
    return figures.marginals(run.test, run.generated, diverged_at=run.lost)


SUMMARY = "Summary"  # all of it stands in the report, larger
SCORES, SPACE, TIME, SPECTRA = "Invariants and scores", "State space", "Time", "Power spectra"
EXPONENTS, INSIDE, TRAINING = "Lyapunov exponents", "Inside the model", "Training"
KINDS: dict[str, Kind] = {
    "summary": Kind("the run on one page", SUMMARY, "The run on one page.", summary),
    "attractor": Kind(
        "truth and free run in state space, or in delay or principal coordinates", SPACE,
        "Attractor of the truth, and free run of the reconstruction over the truth in light grey, with equal axes.",
        _attractor,
    ),
    "series": Kind(
        "prediction with its valid time, and a stretch of the free run", TIME,
        "Left: truth, with the prediction that starts from its first row; the dotted line marks the valid prediction "
        "time. Right: a stretch of the free run, which is not aligned with the truth in time.",
        _series,
    ),
    "error_growth": Kind(
        "forecast error against time, with the slope of lambda_1", TIME,
        "Error of forecasts from starts spread over the test series. Where it grows at the rate lambda_1 of the truth, "
        "chaos and not the model limits the forecast.",
        records.error_growth,
    ),
    "invariant_density": Kind(
        "share of time in the cells of a plane", SPACE,
        "Invariant density: share of time in the cells of a plane, of truth and free run on one scale.",
        _invariant_density,
    ),
    "marginals": Kind(
        "density of each column", SPACE, "Density of each column, of truth and free run.", _marginals
    ),
    "power_spectra": Kind(
        "power spectra, smoothed as in D_H", SPECTRA,
        "Power spectra of truth and free run, standardised and smoothed as for D_H, each with area 1.",
        _power_spectra,
    ),
    "return_maps": Kind(
        "each maximum of a column against the next", SPACE,
        "Return map: each maximum of a column against the next, of truth and free run.",
        records.return_maps,
    ),
    "poincare_sections": Kind(
        "crossings of a plane", SPACE, "Poincaré section: crossings of a plane, of truth and free run.",
        records.poincare_sections,
    ),
    "correlation_sums": Kind(
        "correlation sum and its local slopes", SPACE,
        "Correlation sum of truth and free run, and its local slopes; where these are level they are the correlation "
        "dimension.",
        records.correlation_sums,
    ),
    "space_time": Kind(
        "a field over space and time", TIME, "The columns as a field over space and time: truth, and free run.",
        records.space_time,
    ),
    "lyapunov_bars": Kind(
        "Lyapunov exponents with errors", EXPONENTS,
        "Lyapunov exponents of truth and reconstruction; error bars are one standard error.",
        _lyapunov_bars,
    ),
    "fixed_points_and_cycles": Kind(
        "fixed points and cycles with their stability", INSIDE,
        "Fixed points and cycles of truth and model, and the rates at which displacements from them grow and turn.",
        dynamics.fixed_points_and_cycles,
    ),
    "region_attractor": Kind(
        "linear regions of a piecewise-linear model", INSIDE,
        "Free run, coloured by the linear region of the model that it is in.",
        dynamics.region_attractor,
    ),
    "transition_graph": Kind(
        "which linear region follows which", INSIDE,
        "Symbolic dynamics: the linear regions that the free run visits, where they lie, and which follows which.",
        dynamics.transition_graph,
    ),
    "scorecard": Kind(
        "scores in units of their floors", SCORES,
        "Distances between truth and free run in units of their floors, which is what two true trajectories score; "
        "grey: 5 to 95 % of the floor. Right: the score, and whether it lies within the floor of 20 or more pairs.",
        _scorecard,
    ),
    "training_history": Kind(
        "loss and free-run checks over the training", TRAINING,
        "Training loss, and the distance of free runs to the validation data at each check; the ring marks the weights "
        "that were kept.",
        _training_history,
    ),
}  # fmt: skip


def draw(name: str, run: RunMaterial) -> Figure:
    """One figure of a run; raises `NotApplicable` with the reason, also where an analysis refuses the data."""
    with analysed():
        return KINDS[name].draw(run)
