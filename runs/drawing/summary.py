"""The material of the one-page summary of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsr.errors import DsrError

from .. import figures
from . import records
from .reason import NotApplicable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .material import RunMaterial


def summary(run: RunMaterial) -> Figure:
    """Attractor, series, densities, return map, error growth, exponents and scores on one page."""
    try:
        maps = records.maps_of_maxima(run)
    except (NotApplicable, DsrError):
        maps = None
    start = run.test[run.model.min_context - 1 :]
    outcome = run.measures["outcome"]
    return figures.run_summary(
        title=run.folder.path.name,
        outcome=f"{outcome['name']}: {outcome['sentence']}",
        truth=start,
        generated=run.generated,
        forecast=run.forecast,
        lyapunov_time=run.lyapunov_time,
        growth=records.growth(run),
        exponent=run.exponent,
        maps=maps,
        truth_spectrum=run.truth_spectrum,
        spectrum=run.spectrum,
        rows=run.rows,
        diverged_at=run.lost,
    )
