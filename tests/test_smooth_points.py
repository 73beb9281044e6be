"""Fixed and slow points of smooth maps: Lorenz in closed form, a saddle-node ghost, a network with known weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsr.analysis import smooth_points
from dsr.errors import DsrError, SpecError

DT = 0.01


class LorenzFlow:
    """Lorenz-63 over DT, by 10 Runge-Kutta steps."""

    def field(self, z):
        x, y, w = z.unbind(-1)
        return torch.stack([10 * (y - x), x * (28 - w) - y, x * y - 8 / 3 * w], -1)

    def step(self, z):
        h = DT / 10
        for _ in range(10):
            a = self.field(z)
            b = self.field(z + h / 2 * a)
            c = self.field(z + h / 2 * b)
            z = z + h / 6 * (a + 2 * b + 2 * c + self.field(z + h * c))
        return z


class Normal:
    """x' = x + a + x^2, y' = y / 2: two fixed points for a < 0, a slow one at the origin for a > 0."""

    def __init__(self, a):
        self.a = a

    def step(self, z):
        return torch.stack([z[..., 0] + self.a + z[..., 0] ** 2, z[..., 1] / 2], -1)


def test_lorenz_equilibria_and_their_multipliers():
    rng = np.random.default_rng(0)
    starts = rng.normal([0, 0, 25], [8, 9, 8], (30, 3))
    found = smooth_points(LorenzFlow(), starts, dt=DT, iterations=60)
    root = math.sqrt(72)
    wanted = np.array([[-root, -root, 27], [0, 0, 0], [root, root, 27]])
    points = sorted(found.fixed, key=lambda p: p.point[0])
    assert len(points) == 3 and np.array([p.point for p in points]) == pytest.approx(wanted, abs=1e-7)
    for point in points:
        x, y, w = point.point
        matrix = np.array([[-10, 10, 0], [28 - w, -1, -x], [y, x, -8 / 3]])
        exact = np.exp(DT * np.linalg.eigvals(matrix))
        assert np.sort_complex(point.multipliers) == pytest.approx(np.sort_complex(exact), rel=1e-8)
        assert point.speed < 1e-7
    assert [p.kind for p in points] == ["saddle focus", "saddle", "saddle focus"]
    assert [p.unstable for p in points] == [2, 1, 2]
    leading = max(np.sort(points[0].rates(DT).real))
    assert leading == pytest.approx(0.0939556, abs=1e-6)  # of the roots of l^3 + 41/3 l^2 + 304/3 l + 1440


def test_a_saddle_node_and_its_ghost():
    starts = np.random.default_rng(1).normal(0, 0.5, (40, 2))
    both = smooth_points(Normal(-0.01), starts, kick=0.0)
    assert sorted(p.point[0] for p in both.fixed) == pytest.approx([-0.1, 0.1])
    assert sorted(p.multipliers[0].real for p in both.fixed) == pytest.approx([0.8, 1.2])
    ghost = smooth_points(Normal(0.01), starts, dt=0.5, kick=0.0)
    assert not ghost.fixed
    (slow,) = ghost.slow
    assert slow.point == pytest.approx([0, 0], abs=1e-4) and slow.speed == pytest.approx(0.02, rel=1e-6)
    assert slow.hits > 20 and slow.hits + ghost.unsettled == 40


def test_jacobians_given_and_differentiated_agree():
    class Given(LorenzFlow):
        def jacobian(self, z):
            return torch.func.vmap(torch.func.jacrev(lambda y: self.step(y[None])[0]))(z)

    starts = np.random.default_rng(2).normal([0, 0, 25], 8, (5, 3))
    mine, theirs = (smooth_points(m, starts, iterations=30) for m in (LorenzFlow(), Given()))
    assert len(mine.fixed) == len(theirs.fixed) > 0
    assert mine[0].jacobian == pytest.approx(theirs[0].jacobian, abs=1e-9)


def test_a_recurrent_network_with_a_known_fixed_point():
    rng = torch.Generator().manual_seed(0)
    W = 1.5 * torch.randn((30, 30), generator=rng, dtype=torch.float64) / math.sqrt(30)
    rest = torch.randn(30, generator=rng, dtype=torch.float64)
    bias = rest - W @ torch.tanh(rest)
    network = type("Network", (), {"step": lambda self, z: torch.tanh(z) @ W.T + bias})()
    starts = rest.numpy() + 0.3 * np.random.default_rng(0).standard_normal((20, 30))
    found = smooth_points(network, starts)
    nearest = min(found.fixed, key=lambda p: np.abs(p.point - rest.numpy()).max())
    assert nearest.point == pytest.approx(rest.numpy(), abs=1e-8)
    slope = W.numpy() * (1 - np.tanh(rest.numpy()) ** 2)
    assert nearest.jacobian == pytest.approx(slope, abs=1e-7)


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 6), st.just(2)),
        elements=st.sampled_from([0.0, 1.0, -2.0, 1e150, -1e200, math.nan, math.inf]),
    )
)
@settings(max_examples=40, deadline=None)
def test_any_starts_give_points_or_a_sentence(starts):
    try:
        found = smooth_points(Normal(-0.01), starts)
    except DsrError as problem:
        assert "accepted" in str(problem)
    else:
        assert sum(p.hits for p in found) + found.unsettled == len(starts)
        assert all(np.isfinite(p.point).all() for p in found)


def test_wrong_requests_are_named():
    with pytest.raises(SpecError, match="dt"):
        smooth_points(Normal(0.1), np.zeros((2, 2)), dt=0.0)
    single = type("Single", (), {"step": lambda self, z: z.float()})()
    with pytest.raises(SpecError, match="single"):
        smooth_points(single, np.zeros((2, 2)))
