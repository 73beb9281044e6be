"""Forecasters of other libraries: rolled out in their own horizon, judged, and refused where they have no exponents."""

import math

import numpy as np
import pytest
import torch

from dsr.analysis import judge
from dsr.errors import DsrError, NoTangentError
from dsr.models.forecast_adapter import ForecastAdapter, from_chronos, from_darts
from dsr.systems import get_system


def rotate(past, rows):
    """The exact continuation of a rotation by 0.1 per row."""
    x, y = past[-1]
    angle = math.atan2(y, x) + 0.1 * np.arange(1, rows + 1)
    return np.hypot(x, y) * np.column_stack([np.cos(angle), np.sin(angle)])


def test_a_free_run_goes_on_from_its_own_forecasts():
    asked = []

    def forecast(past, rows):
        asked.append(len(past))
        return rotate(past, rows)

    adapter = ForecastAdapter(forecast, 2, 1.0, context=3, horizon=7)
    angle = 0.1 * np.arange(3)
    start = adapter.initial_state(np.column_stack([np.cos(angle), np.sin(angle)])[None])
    run = adapter.free_run(start, 20)
    angle = 0.1 * np.arange(3, 23)
    np.testing.assert_allclose(run.observations[0], np.column_stack([np.cos(angle), np.sin(angle)]), atol=1e-12)
    assert asked == [3, 3, 3] and run.diverged_at.tolist() == [-1]


def test_a_forecast_that_is_not_finite_ends_the_run_by_name():
    def forecast(past, rows):
        ahead = np.ones((rows, 1))
        ahead[2] = np.inf
        return ahead

    run = ForecastAdapter(forecast, 1, 1.0, context=1, horizon=4).free_run(np.ones((1, 1)), 10)
    assert run.diverged_at.tolist() == [2]
    assert np.isfinite(run.observations[0, :2]).all() and np.isnan(run.observations[0, 2:]).all()


def test_exponents_are_refused_and_the_judgement_says_so():
    series = get_system("henon").simulate(1500, transient=100, seed=0)
    values = series.values

    def parrot(past, rows):
        first = int(((values[: -rows - 1] - past[-1]) ** 2).sum(1).argmin()) + 1
        return values[first : first + rows]

    adapter = ForecastAdapter(parrot, 2, series.dt, context=1, horizon=5)
    with pytest.raises(NoTangentError, match="exponents of a multi-horizon forecaster"):
        adapter.tangent_map()
    judgement = judge(get_system("henon").simulate(1500, transient=100, seed=1), adapter, starts=20)
    assert math.isnan(judgement["lambda_1"].reconstruction.value)
    assert "exponents of a multi-horizon forecaster" in judgement["lambda_1"].reconstruction.note
    assert judgement["D_stsp"].reconstruction.value < judgement["D_stsp"].gaussian.value / 2
    assert judgement.outcome.name in ("not judged", "cycle")


def test_darts_models_are_shown_the_context(monkeypatch):
    class Series:
        def __init__(self, values):
            self.rows = values

        @classmethod
        def from_values(cls, values):
            return cls(values)

        def values(self):
            return self.rows

    class Model:
        def predict(self, n, series):
            return Series(rotate(series.values(), n))

    module = type("darts", (), {"TimeSeries": Series})
    monkeypatch.setitem(__import__("sys").modules, "darts", module)
    past = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(from_darts(Model())(past, 3), rotate(past, 3))


def test_chronos_samples_become_their_median_column_by_column():
    class Pipeline:
        def predict(self, context, rows):
            return context[-1] + torch.tensor([-1.0, 0.0, 5.0])[None, :, None] * torch.ones(rows)

    past = np.array([[1.0, 10.0], [2.0, 20.0]])
    assert from_chronos(Pipeline())(past, 3).tolist() == [[2.0, 20.0]] * 3


def test_what_does_not_fit_is_refused():
    with pytest.raises(DsrError, match="horizon = 0"):
        ForecastAdapter(rotate, 2, 1.0, horizon=0)
    with pytest.raises(DsrError, match="context of shape"):
        ForecastAdapter(rotate, 2, 1.0, context=5).initial_state(np.ones((1, 4, 2)))
    with pytest.raises(DsrError, match="forecast of shape"):
        ForecastAdapter(lambda past, rows: past, 2, 1.0, context=1, horizon=3).free_run(np.ones((1, 2)), 3)
    for start, n, message in (
        (np.zeros((1, 4)), 5, r"states of shape \(1, 4\); accepted: \(batch, 6\)"),
        (np.zeros((2, 3, 2)), 5, "states of shape"),
        (np.zeros((1, 6)), 0, "n = 0 steps"),
    ):
        with pytest.raises(DsrError, match=message):
            ForecastAdapter(rotate, 2, 1.0, context=3).free_run(start, n)
