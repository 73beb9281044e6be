"""The figures of a run by name: what each shows, and how it is made from the run's material."""

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
    """`draw` raises `NotApplicable` with the reason where a run has nothing to show."""

    shows: str
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
    return figures.lyapunov_bars(run.truth_spectrum, run.spectrum)


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


KINDS: dict[str, Kind] = {
    "summary": Kind("the run on one page", summary),
    "attractor": Kind("truth and free run in state space, or in delay or principal coordinates", _attractor),
    "series": Kind("prediction with its valid time, and a stretch of the free run", _series),
    "error_growth": Kind("forecast error against time, with the slope of lambda_1", records.error_growth),
    "invariant_density": Kind("share of time in the cells of a plane", _invariant_density),
    "marginals": Kind("density of each column", _marginals),
    "power_spectra": Kind("power spectra, smoothed as in D_H", _power_spectra),
    "return_maps": Kind("each maximum of a column against the next", records.return_maps),
    "poincare_sections": Kind("crossings of a plane", records.poincare_sections),
    "correlation_sums": Kind("correlation sum and its local slopes", records.correlation_sums),
    "space_time": Kind("a field over space and time", records.space_time),
    "lyapunov_bars": Kind("Lyapunov exponents with errors", _lyapunov_bars),
    "fixed_points_and_cycles": Kind("fixed points and cycles with their stability", dynamics.fixed_points_and_cycles),
    "region_attractor": Kind("linear regions of a piecewise-linear model", dynamics.region_attractor),
    "transition_graph": Kind("which linear region follows which", dynamics.transition_graph),
    "scorecard": Kind("scores in units of their floors", _scorecard),
    "training_history": Kind("loss and free-run checks over the training", _training_history),
}


def draw(name: str, run: RunMaterial) -> Figure:
    """One figure of a run; raises `NotApplicable` with the reason, also where an analysis refuses the data."""
    with analysed():
        return KINDS[name].draw(run)
