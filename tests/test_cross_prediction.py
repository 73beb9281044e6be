"""Cross-prediction sees what densities and spectra miss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsr.analysis import cross_prediction_error
from dsr.errors import DataError, DsrError
from dsr.systems import get_system


@pytest.fixture(scope="module")
def henon() -> list[np.ndarray]:
    return [s.values for s in get_system("henon").simulate_many(5000, 1.0, count=3, transient=100, seed=0)]


def value(a: np.ndarray, b: np.ndarray, **settings) -> float:
    return cross_prediction_error(a, b, **settings).value


def test_the_error_of_a_linear_map_is_that_of_its_neighbours():
    """x' = 2 x on a grid: with one neighbour at distance d the forecast is off by d exactly."""
    true = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]] * 10)
    exact = value(true, true, lag=1, neighbours=1)
    shifted = np.tile([[1.01], [2.02], [4.04], [8.08], [16.16], [32.32]], (10, 1))
    rows = np.arange(59)
    wrap = (rows % 6) == 5  # from 32.32 back to 1.01: displaced by -31.31, forecast -31
    expected = np.where(wrap, 0.31, 0.01 * true[:-1, 0]) / true.std()
    assert exact == 0
    assert np.isclose(value(true, shifted, lag=1, neighbours=1), np.sqrt(np.mean(expected**2)), rtol=0.02)


def test_another_true_trajectory_scores_low_and_its_perturbations_high(henon):
    truth, other, third = henon
    floor = value(truth, third)
    rng = np.random.default_rng(0)
    assert value(truth, other) < 1.2 * floor < 0.05
    for wrong in (
        other[::-1],
        rng.permutation(other),
        other + 0.02 * other.std(0) * rng.standard_normal(other.shape),
        get_system("henon", a=1.39).simulate(5000, 1.0, transient=100, seed=5).values,
    ):
        assert value(truth, wrong) > 1.4 * floor


def test_the_error_bar_covers_the_scatter(henon):
    found = [cross_prediction_error(henon[0], henon[1], references=500, seed=s) for s in range(30)]
    errors = np.mean([(m.high - m.low) / 2 for m in found])
    scatter = np.std([m.value for m in found], ddof=1)
    assert 0.4 * scatter < errors < 2.5 * scatter


@given(st.sampled_from(["constant", "two", "short", "nan", "huge"]), st.booleans())
@settings(max_examples=10, deadline=None)
def test_degenerate_records_are_refused_or_scored(kind, swap):
    rng = np.random.default_rng(1)
    good = rng.standard_normal((300, 2))
    bad = {
        "constant": np.ones((300, 2)),
        "two": rng.integers(0, 2, (300, 2)).astype(float),
        "short": good[:3],
        "nan": np.where(np.arange(300)[:, None] == 7, np.nan, good),
        "huge": 1e150 * good,
    }[kind]
    pair = (bad, good) if swap else (good, bad)
    try:
        assert np.isfinite(value(*pair))
    except DsrError as problem:
        assert problem.got and problem.accepted


def test_columns_must_agree(henon):
    with pytest.raises(DataError, match="2 columns against 1"):
        cross_prediction_error(henon[0], henon[1][:, :1])


def test_a_run_far_away_is_scored_up_to_a_bound_and_refused_beyond_it(henon):
    """Doubling a run that is far away doubles its error."""
    truth = henon[0]
    far, farther = value(truth, 1e90 * henon[1]), value(truth, 2e90 * henon[1])
    assert np.isclose(farther, 2 * far, rtol=1e-12) and far > 1e89
    for size in (1e101, 1e160, 1e307):
        with pytest.raises(DataError, match="1e\\+100 standard deviations"):
            value(truth, size * henon[1])
