"""Errors of means from blocks: right for independent blocks, for bounded fluctuations and for correlated neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.block_means import covariance_of_mean, error_of_mean


def variances(blocks: np.ndarray) -> np.ndarray:
    """Variance of the mean that each of (repetitions, blocks) states."""
    return np.array([covariance_of_mean(row[:, None], row.size)[0, 0] for row in blocks])


def test_one_stretch_is_the_covariance_of_independent_blocks():
    blocks = np.random.default_rng(0).standard_normal((32, 3))
    assert np.array_equal(covariance_of_mean(blocks), np.cov(blocks, rowvar=False) / 32)
    assert np.isnan(covariance_of_mean(blocks[:1])).all()


def test_independent_blocks_have_their_variance_on_average():
    found = variances(np.random.default_rng(1).standard_normal((2000, 32)))
    assert found.mean() == pytest.approx(1 / 32, rel=0.05)


def test_fluctuations_within_bounds_leave_the_mean():
    """The mean of 64 differences of independent numbers of variance 1 is (last - first) / 64: variance 2 / 64^2, which
    is a 64th of what independent blocks would have."""
    bounded = np.random.default_rng(2).standard_normal((500, 65))
    found = variances(np.diff(bounded, axis=1))
    assert 0.9 < np.median(found) / (2 / 64**2) < 10
    assert np.median(found) < 0.2 * 2 / 64


def test_neighbours_that_agree_count_less():
    """Sums of neighbours among independent numbers: each has variance 2, the mean of n of them 4 / n."""
    noise = np.random.default_rng(3).standard_normal((500, 65))
    assert variances(noise[:, 1:] + noise[:, :-1]).mean() == pytest.approx(4 / 64, rel=0.1)


def test_a_sum_that_is_known_exactly_stays_so_and_nothing_is_negative():
    rng = np.random.default_rng(4)
    for _ in range(50):
        blocks = np.diff(rng.standard_normal((33, 3)), axis=0)
        blocks[:, 2] = 5.0 - blocks[:, 0] - blocks[:, 1]
        found = covariance_of_mean(blocks, 32)
        assert abs(found.sum()) < 1e-15
        assert np.linalg.eigvalsh(found)[0] > -1e-15 and (np.diag(found) > 0).all()


def test_intervals_of_a_clock_have_no_error_and_three_tell_nothing():
    assert error_of_mean(np.full(50, 0.25)) == 0.0
    assert math.isnan(error_of_mean(np.arange(3.0)))
    assert math.isfinite(error_of_mean(np.arange(4.0)))
