"""Distances between samples: closed forms, libraries in one dimension, and exact transport."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy
from scipy.stats import wasserstein_distance

from dsr.analysis import (
    energy_distance,
    gaussian_noise,
    hausdorff_distance,
    maximum_mean_discrepancy,
    sinkhorn_divergence,
    sliced_wasserstein,
    state_space_divergence_gmm,
    support_overlap,
)
from dsr.analysis.geometry.entropic_transport import entropic_transport
from dsr.errors import DataError, SpecError
from dsr.systems import get_system

SAMPLE_SCORES = (sliced_wasserstein, energy_distance, maximum_mean_discrepancy, sinkhorn_divergence)


def standardised(x):
    return (x - x.mean(0)) / x.std(0)


@pytest.fixture(scope="module")
def cloud():
    return np.random.default_rng(0).standard_normal((600, 3)) @ np.array(
        [[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0, 0, 3.0]]
    )


@pytest.fixture(scope="module")
def lorenz():
    runs = get_system("lorenz63").simulate_many(20_000, 0.01, count=2, transient=20.0, seed=0)
    return [run.values for run in runs]


def test_one_column_agrees_with_scipy():
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2.0, size=(1500, 1)), 1.3 * rng.gamma(2.0, size=(1500, 1)) + 0.2
    a, b = (x - x.mean()) / x.std(), (y - x.mean()) / x.std()
    found = sliced_wasserstein(x, y, points=None, quantiles=1500, projections=3)
    assert found.value == pytest.approx(wasserstein_distance(a[:, 0], b[:, 0]), rel=1e-9)
    assert energy_distance(x, y, points=None).value == pytest.approx(scipy_energy(a[:, 0], b[:, 0]) ** 2, rel=1e-9)


def test_a_shift_costs_what_it_is_long(cloud):
    standard = standardised(cloud)
    shift = np.array([0.3, -0.4, 1.2])
    moved = standard + shift
    length = np.linalg.norm(shift)
    settings = {"scale": "columns", "points": None}
    # the mean projection of a vector on a random direction in three dimensions is half its length
    assert sliced_wasserstein(standard, moved, projections=1000, blocks=0, **settings).value == pytest.approx(
        length / 2, rel=0.05
    )
    assert sinkhorn_divergence(standard, moved, **settings).value == pytest.approx(length**2, rel=1e-3)
    assert sinkhorn_divergence(standard, moved, epsilon=5.0, **settings).value == pytest.approx(length**2, rel=1e-3)
    far = hausdorff_distance(standard, standard + np.array([50.0, 0, 0]))
    at_most = 50.0 + np.ptp(standard[:, 0])
    assert 50.0 - np.ptp(standard[:, 0]) < far.value < at_most


def test_little_entropy_gives_exact_transport():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((200, 3)), 0.5 * rng.standard_normal((200, 3)) + 1.0
    cost = cdist(x, y, "sqeuclidean")
    exact = cost[linear_sum_assignment(cost)].mean()
    plan = entropic_transport(x, y, 1e-3, 1e-3)
    assert plan.marginal_error <= 1e-3
    assert plan.left.mean() + plan.right.mean() == pytest.approx(exact, rel=2e-3)


def test_transport_agrees_with_the_textbook_iteration():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((80, 2)), rng.standard_normal((60, 2)) + 0.5
    epsilon = 1.0
    kernel = np.exp(-cdist(x, y, "sqeuclidean") / epsilon)
    u, v = np.ones(80), np.ones(60)
    for _ in range(2000):
        u = 1 / (kernel @ v / 60)
        v = 1 / (kernel.T @ u / 80)
    found = entropic_transport(x, y, epsilon, 1e-12)
    assert found.left.mean() + found.right.mean() == pytest.approx(epsilon * (np.log(u).mean() + np.log(v).mean()))


def test_a_plan_that_did_not_converge_says_so(cloud):
    other = np.random.default_rng(4).standard_normal((600, 3))
    settings = {"epsilon": 1e-3, "points": 150}
    assert "not converged" in sinkhorn_divergence(cloud, other, tolerance=1e-13, **settings).note
    assert sinkhorn_divergence(cloud, other, tolerance=1e-2, **settings).note == ""


def test_mmd_of_gaussians_in_closed_form():
    rng = np.random.default_rng(5)
    x, shift, width = rng.standard_normal((4000, 1)), 0.7, 1.5
    y = rng.standard_normal((4000, 1)) + shift
    # E k(x, y) for x - y normal with mean m and variance 2: sqrt(w^2 / (w^2 + 2)) exp(-m^2 / (2 (w^2 + 2)))
    expected = 2 * np.sqrt(width**2 / (width**2 + 2)) * (1 - np.exp(-(shift**2) / (2 * (width**2 + 2))))
    found = maximum_mean_discrepancy(x, y, bandwidth=width, points=None, scale="columns")
    assert found.value == pytest.approx(expected, rel=0.1)
    assert found.low < expected < found.high or abs(found.value - expected) < 2 * (found.high - found.value)


def test_mmd_is_unbiased_and_its_bandwidth_does_not_see_the_model():
    rng = np.random.default_rng(6)
    values = [
        maximum_mean_discrepancy(rng.standard_normal((100, 2)), rng.standard_normal((100, 2)), bandwidth=1.0, blocks=0)
        for _ in range(200)
    ]
    found = np.array([m.value for m in values])
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found)) and found.min() < 0
    x = rng.standard_normal((500, 2))
    widths = {maximum_mean_discrepancy(x, y).settings["bandwidth"] for y in (x, 100 * x, x + 50.0)}
    assert len(widths) == 1


def test_equal_samples_have_no_distance_and_noise_of_equal_covariance_has(lorenz):
    truth, other = lorenz
    surrogate = gaussian_noise(truth, 20_000, 0)
    for score in SAMPLE_SCORES:
        if score is not maximum_mean_discrepancy:
            assert score(truth[:500], truth[:500]).value == pytest.approx(0.0, abs=1e-9)
        same, wrong = (score(truth, y, blocks=0, **FEW.get(score, {})).value for y in (other, surrogate))
        assert wrong > 1.5 * same, score.__name__


FEW = {sinkhorn_divergence: {"points": 400, "epsilon": 0.2}}


def test_whitened_scores_ignore_linear_changes_of_coordinates(cloud):
    other = cloud[::-1] * [1.2, 1.0, 0.8] + 0.3
    turn = np.array([[1.0, 5.0, 0.0], [0.0, 1.0, 0.2], [3.0, 0.0, 100.0]])
    for score in (energy_distance, maximum_mean_discrepancy):
        assert score(cloud @ turn, other @ turn).value == pytest.approx(score(cloud, other).value, rel=1e-8)
        assert score(cloud @ turn, other @ turn, scale="columns").value != pytest.approx(
            score(cloud, other, scale="columns").value, rel=1e-3
        )
    with pytest.raises(DataError, match="linearly dependent"):
        energy_distance(np.column_stack([cloud, cloud.sum(1)]), np.column_stack([other, other.sum(1)]))


def test_scores_follow_their_seed(lorenz):
    truth, other = lorenz
    for score in (*SAMPLE_SCORES, lambda *a, **k: state_space_divergence_gmm(*a, variance=0.3, **k)):
        first, again, else_ = (score(truth, other, points=200, seed=s).value for s in (1, 1, 2))
        assert first == again != else_


def test_gaussian_mixtures_of_two_far_rows_in_closed_form():
    """Mixtures of few rows far apart: the divergence of a shift is its squared length over twice the variance."""
    x = np.array([[-1.0], [1.0]]) * np.ones((2, 1))
    shift, variance = 0.05, 1e-4
    found = state_space_divergence_gmm(x, x + shift, variance=variance, samples=20_000, blocks=0)
    assert found.value == pytest.approx(shift**2 / (2 * variance), rel=0.02)
    far = state_space_divergence_gmm(x, x + 1e4, variance=variance)  # densities of 1e-10^11 are kept as logarithms
    assert far.value == pytest.approx((1e4 - 2) ** 2 / (2 * variance), rel=1e-3)
    with pytest.raises(SpecError, match="variance = 0"):
        state_space_divergence_gmm(x, x, variance=0)


def test_gaussian_mixtures_separate_what_a_grid_cannot():
    """Ten dimensions: rows share no cell, so D_stsp is all floor, and the mixtures still see a wrong variance."""
    rng = np.random.default_rng(7)
    true, same, wide = (rng.standard_normal((4000, 10)) * s for s in (1.0, 1.0, 1.3))
    floor, found = (state_space_divergence_gmm(true, y, variance=1.0).value for y in (same, wide))
    # between normal distributions of variances 1 + 1 and 1.69 + 1
    assert found - floor == pytest.approx(5 * (2 / 2.69 - 1 + np.log(2.69 / 2)), rel=0.25)


def test_hausdorff_tells_a_missing_part_from_going_astray(lorenz):
    truth, other = lorenz
    wing = truth[truth[:, 0] > 0]
    missing = hausdorff_distance(truth, wing)
    assert missing.settings["generated_to_true"] == 0.0 < 0.5 < missing.value == missing.settings["true_to_generated"]
    stray = np.concatenate([other, truth.mean(0) + np.array([[0, 0, 10 * truth[:, 2].std()]])])
    astray = hausdorff_distance(truth, stray)
    assert astray.value == astray.settings["generated_to_true"] > 5
    assert hausdorff_distance(truth, stray, quantile=0.99).value < 0.3
    brute = cdist(standardised(truth)[::40], standardised(truth)[5::40])
    expected = max(brute.min(1).max(), brute.min(0).max())
    assert hausdorff_distance(truth[::40], truth[5::40]).value == pytest.approx(expected, rel=0.05)


def test_overlap_of_one_wing_is_the_time_spent_there(lorenz):
    truth, other = lorenz
    right = truth[:, 0] > 0
    found = support_overlap(truth, truth[right])
    assert found.settings["generated_inside"] == 1.0
    assert right.mean() <= found.value <= right.mean() + 0.1  # cells that reach over the plane x = 0
    assert support_overlap(truth, other).value > 0.97
    assert support_overlap(truth, truth + 1e4).value == 0.0
    strays = np.concatenate([truth, truth + 1e4])
    assert support_overlap(truth, strays).value == support_overlap(truth, strays).settings["generated_inside"] == 0.5
