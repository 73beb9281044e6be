"""All figures of a run, drawn from its results and written as PNG and SVG."""

from __future__ import annotations

import numpy as np

from dsr.models import Model
from dsr.series import TimeSeries
from dsr.training import History

from ..analysis import Judgement, phase_surrogate
from .figures import attractor, lyapunov_bars, power_spectra, render, scorecard, series, training_history
from .store import RunFolder

FORECAST_LYAPUNOV_TIMES = 10


def draw_all(
    folder: RunFolder,
    test: TimeSeries,
    judgement: Judgement,
    model: Model,
    history: History,
    *,
    smoothing: float,
) -> None:
    """Write figures/*.png and *.svg. A figure of something that does not exist says so in words.

    smoothing : of the power spectra, as in D_H.
    """
    lost = judgement.outcome.step if judgement.outcome.name == "diverged" else None
    rate = judgement["lambda_1"].truth
    lyapunov_time = 1 / rate.value if rate is not None and rate.value > 0 else None
    figures = {
        "attractor": attractor(test, judgement.generated, diverged_at=lost),
        "scorecard": scorecard(judgement.rows),
        "series": series(
            test[model.min_context - 1 :],
            judgement.generated,
            _forecast(model, test, lyapunov_time),
            lyapunov_time,
            diverged_at=lost,
        ),
        "power_spectra": power_spectra(
            test, judgement.generated, phase_surrogate(test.values, 0), smoothing=smoothing, diverged_at=lost
        ),
        "lyapunov_bars": lyapunov_bars(judgement.truth_spectrum, judgement.spectrum),
        "training_history": training_history(history),
    }
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            folder.write(f"figures/{name}.{kind}", render(figure, kind))


def _forecast(model: Model, test: TimeSeries, lyapunov_time: float | None) -> np.ndarray:
    """Prediction from the first rows of the test series over the stretch that the figure shows."""
    span = FORECAST_LYAPUNOV_TIMES * lyapunov_time / test.dt if lyapunov_time else 1000
    n = int(min(span, len(test) - model.min_context))
    return model.free_run(model.initial_state(test.values[None, : model.min_context]), max(n, 1)).observations[0]
