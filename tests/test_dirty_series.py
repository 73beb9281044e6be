"""Whatever comes in: a sentence, or a named result with a reason for every missing number; never a warning."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsr.analysis.geometry.correlation_dimension import correlation_dimension
from dsr.analysis.geometry.correlation_sum import correlation_sum
from dsr.analysis.geometry.generalised_dimensions import generalised_dimensions
from dsr.analysis.geometry.recurrence import recurrence_quantification
from dsr.analysis.geometry.return_map import return_map, return_map_distance
from dsr.analysis.geometry.sections import poincare_section
from dsr.analysis.geometry.successive_maxima import successive_maxima
from dsr.analysis.temporal.error_growth import error_growth
from dsr.analysis.temporal.forecast_metrics import forecast_metrics
from dsr.analysis.temporal.ground_truth import ground_truth_time
from dsr.analysis.temporal.lag_curves import autocorrelation_curve, mutual_information_curve
from dsr.analysis.temporal.permutation_entropy import permutation_entropy
from dsr.analysis.temporal.prediction import prediction_error, valid_prediction_time
from dsr.analysis.temporal.sample_entropy import sample_entropy
from dsr.analysis.temporal.zero_one_test import zero_one_test
from dsr.errors import DsrError
from dsr.measure import Measure

OF_STATES: dict[str, Callable[[np.ndarray], Any]] = {
    "correlation sum": correlation_sum,
    "D2 by Takens": correlation_dimension,
    "D2 by slope": lambda x: correlation_dimension(x, estimator="slope"),
    "D_q": lambda x: generalised_dimensions(x, references=200),
    "recurrence": recurrence_quantification,
    "section": lambda x: poincare_section(x, dt=0.1, normal=0, direction=0),
}
OF_ONE_COLUMN: dict[str, Callable[[np.ndarray], Any]] = {
    "maxima": lambda x: successive_maxima(x, dt=0.1, smoothing=0.1),
    "return map": lambda x: return_map(x, dt=0.1),
    "return-map distance": lambda x: return_map_distance(np.sin(np.arange(300.0)) * np.arange(300), x, dt=0.1),
    "return-map distance from it": lambda x: return_map_distance(x, np.sin(np.arange(300.0)), dt=0.1),
    "sample entropy": sample_entropy,
    "permutation entropy": permutation_entropy,
    "0-1 test": lambda x: zero_one_test(x, frequencies=5),
    "autocorrelation": lambda x: autocorrelation_curve(x, dt=0.1, max_lag=5),
    "mutual information": lambda x: mutual_information_curve(x, dt=0.1, max_lag=5),
}
OF_FORECASTS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "prediction error": prediction_error,
    "valid prediction time": lambda x, y: valid_prediction_time(x, y, dt=0.1, cap=1.0),
    "error growth": lambda x, y: error_growth(x, y, dt=0.1),
    "ground truth time": lambda x, y: ground_truth_time(x, y, dt=0.1),
    "forecast metrics": forecast_metrics,
}


@st.composite
def series(draw: st.DrawFn, columns: int) -> np.ndarray:
    """Noise, walks, cycles, ramps and spikes of any length, possibly rounded, huge, tiny, shifted or broken."""
    rows = draw(st.sampled_from([0, 1, 2, 3, 8, 30, 120, 400]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x = rng.standard_normal((rows, columns))
    kind = draw(st.sampled_from(["noise", "walk", "two values", "constant", "cycle", "ramp", "spike"]))
    if kind == "walk":
        x = x.cumsum(0)
    elif kind == "two values":
        x = np.sign(x)
    elif kind == "constant":
        x = np.ones_like(x)
    elif kind == "cycle":
        x = np.arange(rows)[:, None] % np.arange(3, 3 + columns) * 1.0
    elif kind == "ramp":
        x = np.arange(rows)[:, None] * np.ones(columns)
    elif kind == "spike":
        x = np.zeros_like(x)
        x[rows // 2 : rows // 2 + 1] = 1.0
    x = x * draw(st.sampled_from([1.0, 1e150, 1e-150, 1e300, 1e-300])) + draw(st.sampled_from([0.0, 1.0, 1e6]))
    if rows and draw(st.booleans()) and draw(st.booleans()):
        x[rng.integers(rows)] = draw(st.sampled_from([math.nan, math.inf, 1e308]))
    return x


def measures(result: Any) -> Iterable[Measure]:
    if isinstance(result, Measure):
        yield result
    elif isinstance(result, dict):
        yield from result.values()
    else:
        found = getattr(result, "measures", None)
        yield from found.values() if isinstance(found, dict) else found or ()
        if getattr(result, "measure", None) is not None:
            yield result.measure


def check(call: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = call()
        except DsrError:
            return
    for measure in measures(result):
        assert math.isfinite(measure.value) or measure.note, measure
        assert measure.name and measure.settings is not None


FEW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", OF_STATES)
@FEW
@given(x=series(2))
def test_states(name: str, x: np.ndarray) -> None:
    check(lambda: OF_STATES[name](x))


@pytest.mark.parametrize("name", OF_ONE_COLUMN)
@FEW
@given(x=series(1))
def test_one_column(name: str, x: np.ndarray) -> None:
    check(lambda: OF_ONE_COLUMN[name](x))


@pytest.mark.parametrize("name", OF_FORECASTS)
@FEW
@given(x=series(2), y=series(2), starts=st.integers(1, 3))
def test_forecasts(name: str, x: np.ndarray, y: np.ndarray, starts: int) -> None:
    rows = min(len(x), len(y))
    cut = [np.stack([a[:rows]] * starts) for a in (x, y)]
    check(lambda: OF_FORECASTS[name](*cut))
