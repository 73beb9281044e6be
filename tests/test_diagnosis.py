"""Failure modes are named, and truth against truth has none."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.analysis import diagnose
from dsr.analysis.scorecard import diagnosis
from dsr.errors import DataError
from dsr.systems import get_system


@pytest.fixture(scope="module")
def runs() -> list[np.ndarray]:
    return [s.values for s in get_system("lorenz63").simulate_many(30_000, 0.01, count=4, transient=20, seed=3)]


def names(truth: np.ndarray, run: np.ndarray) -> list[str]:
    return [finding.name for finding in diagnose(truth, run)]


def test_another_true_trajectory_has_no_failure(runs):
    assert [names(runs[0], run) for run in runs[1:]] == [[], [], []]


def test_one_wing_is_part_of_the_attractor(runs):
    wing = runs[1][runs[1][:, 0] > 0]
    assert diagnosis.INCOMPLETE in names(runs[0], wing)
    assert diagnosis.ASTRAY not in names(runs[0], wing)


def test_a_shifted_run_is_off_the_attractor(runs):
    assert diagnosis.ASTRAY in names(runs[0], runs[1] + runs[0].std(0))


def test_in_many_dimensions_cells_tell_nothing_and_stay_silent():
    """Lorenz-96 with 20 sites: nearly every row of 10,000 is alone in its cell."""
    one, other = (
        s.values for s in get_system("lorenz96", dim=20).simulate_many(10_000, 0.05, count=2, transient=20, seed=1)
    )
    assert names(one, other) == []


def test_a_trend_is_drift_and_a_constant_offset_is_not(runs):
    trend = np.linspace(-0.4, 0.4, len(runs[1]))[:, None] * runs[0].std(0)
    assert diagnosis.DRIFT in names(runs[0], runs[1] + trend)
    assert diagnosis.DRIFT not in names(runs[0], runs[1] + 0.4 * runs[0].std(0))


def test_noise_is_told_in_both_directions(runs):
    rng = np.random.default_rng(0)
    noisy = runs[1] + 0.02 * runs[1].std(0) * rng.standard_normal(runs[1].shape)
    assert names(runs[0], noisy) == [diagnosis.NOISE]
    assert names(noisy, runs[0]) == [diagnosis.SMOOTH]
    shuffled = rng.permutation(runs[1])
    assert diagnosis.NOISE in names(runs[0], shuffled)


def test_a_finding_shows_its_number(runs):
    (finding,) = diagnose(runs[0], runs[1] + 0.2 * np.random.default_rng(1).standard_normal(runs[1].shape))
    assert finding.value > finding.limit
    assert str(finding).startswith("too much noise: its roughness is")


def test_columns_must_agree(runs):
    with pytest.raises(DataError, match="3 columns against 2"):
        diagnose(runs[0], runs[1][:, :2])
