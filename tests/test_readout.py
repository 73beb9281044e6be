"""Readout: both ways of solving are the same least squares, and the penalties are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.models.reservoirs.penalties import NoiseResponse, SquaredJacobian
from dsr.models.reservoirs.readout import Readout

CHOLESKY, QR = 1e-6, 0.0  # smallest ridge that calls for either


def rows(n: int = 300, units: int = 12, outputs: int = 2, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.tanh(rng.standard_normal((n, units))), rng.standard_normal((n, outputs))


def solved(features, targets, smallest, ridge, penalty=None, blocks=1):
    readout = Readout(features.shape[1], targets.shape[1], smallest)
    for f, t in zip(np.array_split(features, blocks), np.array_split(targets, blocks), strict=True):
        readout.add(f, t)
    return readout.solve(ridge, penalty)


@pytest.mark.parametrize("smallest", [CHOLESKY, QR])
@pytest.mark.parametrize("blocks", [1, 7])
def test_the_gradient_of_the_objective_is_zero(smallest, blocks):
    features, targets = rows()
    root = np.random.default_rng(1).standard_normal((12, 5))  # a penalty without full rank
    penalty, ridge = 0.01 * root @ root.T, 1e-3
    W = solved(features, targets, smallest, ridge, penalty, blocks)
    residual = features @ W.T - targets
    gradient = residual.T @ features / len(features) + ridge * W + W @ penalty
    assert np.abs(gradient).max() < 1e-14


def test_without_a_ridge_it_is_least_squares():
    features, targets = rows()
    expected = np.linalg.lstsq(features, targets, rcond=None)[0].T
    np.testing.assert_allclose(solved(features, targets, QR, 0.0), expected, rtol=0, atol=1e-13)


def test_a_tiny_ridge_is_not_solved_by_normal_equations():
    """Singular values down to 1e-10: their squares are lost in rounding, and with them the solution."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((n, 12)))[0] for n in (300, 12))
    features = left * np.logspace(0, -10, 12) @ right.T
    W = rng.standard_normal((2, 12))
    by_qr = solved(features, features @ W.T, 1e-30, 1e-30)
    assert np.abs(by_qr - W).max() < 1e-4  # rounding over the smallest singular value
    squared = np.linalg.solve(features.T @ features + 1e-30 * np.eye(12), features.T @ (features @ W.T)).T
    assert np.abs(squared - W).max() > 1e-2


def test_columns_that_depend_on_each_other_are_solved_without_a_ridge():
    features, targets = rows()
    W = solved(np.hstack([features, features[:, :1]]), targets, QR, 0.0)
    assert W[:, 0] == pytest.approx(W[:, 12], abs=1e-12)  # the solution of least norm shares the weight


def test_squared_jacobian_is_the_mean_norm_of_the_readout_times_the_derivative():
    rng, units, leak = np.random.default_rng(0), 6, 0.3
    slopes, W_in, A = rng.uniform(0, 1, (50, units)), rng.standard_normal((units, 2)), rng.standard_normal((units,) * 2)
    W = rng.standard_normal((2, units))
    penalty = SquaredJacobian(units)
    penalty.add(slopes[:20])
    penalty.add(slopes[20:])
    norms = [
        np.linalg.norm(W @ np.hstack([leak * d[:, None] * W_in, leak * d[:, None] * A + (1 - leak) * np.eye(units)]))
        ** 2
        for d in slopes
    ]
    assert np.trace(W @ penalty.penalty(W_in, A, leak) @ W.T) == pytest.approx(np.mean(norms), rel=1e-12)


def test_noise_response_is_a_mean_over_times():
    v = np.random.default_rng(0).standard_normal((2, 5, 4))
    response = NoiseResponse(4)
    for t in range(2):
        response.add(v[t])
    np.testing.assert_allclose(response.penalty(0.5), 0.25 * np.einsum("tki,tkj->ij", v, v) / 2, rtol=1e-14)
