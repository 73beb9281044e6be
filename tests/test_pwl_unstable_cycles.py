"""Cycles whose multipliers are beyond 1e7, where rounding along the chain outgrows the orbit: counts, points, rates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsr.analysis import cycles, fixed_points
from dsr.analysis.piecewise_linear.chains import ClosedChains, solve_chains
from dsr.analysis.piecewise_linear.cycle_equations import periodic_orbit
from dsr.analysis.piecewise_linear.flow_orbits import closed_chains
from dsr.analysis.piecewise_linear.gates import Gates, find_gates
from dsr.analysis.piecewise_linear.periodic_orbit import MarginalSet
from dsr.analysis.piecewise_linear.protocol import as_pieces
from dsr.analysis.piecewise_linear.reduced import reduced_equations
from dsr.analysis.piecewise_linear.stability import cycle_multipliers
from dsr.analysis.piecewise_linear.words import primitive_necklaces
from dsr.models import ALRNN


class Steep:
    """x' = 1 - slope |x|, where all words are real for slopes from 2 on, and y' = x / 10 + rate y + 0.3 if a rate is
    given. spare : one more gate, which changes nothing, so that no gates can be read off."""

    def __init__(self, slope, rate=None, spare=False):
        self.slope, self.rate, self.spare = slope, rate, spare
        self.state_dim = 1 if rate is None else 2

    def step(self, z):
        x = 1 - self.slope * z[..., :1].abs()
        return x if self.rate is None else torch.cat([x, self.push * z[..., :1] + self.rate * z[..., 1:] + 0.3], -1)

    @property
    def push(self):
        return 0.1

    def bits(self, z):
        return torch.cat([z[..., :1] > 0, z[..., :1] > 0.1], -1) if self.spare else z[..., :1] > 0

    def affine(self, bits):
        W = torch.zeros((*bits.shape[:-1], self.state_dim, self.state_dim), dtype=torch.float64)
        W[..., 0, 0] = self.slope * (1 - 2 * bits[..., 0].double())
        if self.rate is not None:
            W[..., 1, 0], W[..., 1, 1] = self.push, self.rate
        return W, torch.tensor([1.0, 0.3][: self.state_dim], dtype=torch.float64).expand(W.shape[:-1])


class Drifting(Steep):
    """x' = 1 - slope |x| and y' = y: each cycle of x is a line of cycles."""

    def __init__(self, slope):
        super().__init__(slope, 1.0)

    push = 0.0

    def step(self, z):
        return torch.cat([1 - self.slope * z[..., :1].abs(), z[..., 1:]], -1)

    def affine(self, bits):
        W, b = super().affine(bits)
        return W, b * torch.tensor([1.0, 0.0])


def exact_points(word, slope):
    """Points of the cycle of x' = 1 - slope |x| with a word of signs, by going backwards, which contracts."""
    sign = np.where(word, slope, -slope)
    x = np.zeros(len(word))
    for _ in range(40):
        for t in reversed(range(len(word))):
            x[t] = (1 - x[(t + 1) % len(word)]) / sign[t]
    return x


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize(("slope", "period"), [(5.0, 11), (10.0, 9), (30.0, 7), (1000.0, 6)])
def test_no_cycle_of_a_steep_map_is_lost(slope, period, spare):
    found = cycles(Steep(slope, spare=spare), period)
    assert found.complete and len(found) == found.measure.value == primitive_necklaces(2, period)
    assert not found.marginal
    if not spare:
        assert found.virtual == 0
    for orbit in found[:: len(found) // 20 or 1]:
        assert orbit.points[:, 0] == pytest.approx(exact_points(orbit.bits[:, 0], slope), abs=1e-9)
        assert abs(orbit.multipliers[0]) == pytest.approx(slope**period, rel=1e-12) and orbit.residual < 1e-9 * 2


@pytest.mark.parametrize("period", [8, 10])
def test_contracting_directions_next_to_steep_ones_are_neither_still_nor_lost(period):
    found = cycles(Steep(10.0, 0.5), period)
    assert len(found) == primitive_necklaces(2, period) and not found.marginal and found.virtual == 0
    for orbit in found:
        assert np.abs(orbit.multipliers) == pytest.approx([10.0**period, 0.5**period], rel=1e-10)
        assert orbit.unstable == 1 and orbit.kind == "saddle"


def test_a_fixed_point_with_a_huge_and_a_small_multiplier_is_no_line():
    model = ALRNN(1, 2, 0).double()
    with torch.no_grad():
        model.A.copy_(torch.tensor([1e11, 0.5]))
        model.W.zero_()
        model.h.copy_(torch.tensor([-1e11, 1.0]))
    (orbit,) = fixed_points(model)
    assert orbit.points[0] == pytest.approx([1.0, 2.0]) and orbit.multipliers == pytest.approx([1e11, 0.5])


def test_the_search_finds_steep_cycles_too():
    assert len(cycles(Steep(10.0), 10, method="search")) == primitive_necklaces(2, 10)


def test_lines_of_cycles_are_seen_next_to_steep_directions():
    found = cycles(Drifting(10.0), 9)
    assert not len(found) and len(found.marginal) == primitive_necklaces(2, 9)
    for line in found.marginal:
        assert np.abs(line.directions[:, 0]) == pytest.approx([0, 1], abs=1e-9)
        assert line.point[0] == pytest.approx(exact_points(line.bits[:, 0], 10.0)[0], rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("turn", range(12))
def test_growth_that_ends_in_a_flat_piece_makes_no_line_of_cycles(turn):
    """z' = S f(S^-1 z), with f = 10 x, falling from x = 1, and flat at 3e-11 from x = 2 on: a superstable 12-cycle."""
    pieces = as_pieces(Superstable())
    word = np.array([[False, False]] * 11 + [[True, True]])
    found = periodic_orbit(pieces, find_gates(pieces), np.roll(word, turn, axis=0))
    assert found is not None and not isinstance(found, MarginalSet)
    x = np.roll(found.points @ np.linalg.inv(Superstable.S).T, -turn, axis=0)[:, 0]
    assert x == pytest.approx(3e-11 * 10.0 ** np.arange(12), rel=1e-3)  # S and its inverse round 3e-11
    assert np.abs(found.multipliers) == pytest.approx([0.5**12, 0.0], abs=1e-3) and found.kind.startswith("stable")


class Superstable:
    state_dim = 2
    S = np.array([[0.8, 0.3], [-0.4, 1.1]])

    def _f(self):
        """f = A z + B relu(V z - (1, 2))."""
        A, B = np.diag([10.0, 0.5]), np.array([[-20.0 + 3e-11, 10.0 - 3e-11], [0.0, 0.0]])
        V, inverse = np.array([[1.0, 0.0], [1.0, 0.0]]), np.linalg.inv(self.S)
        return (torch.from_numpy(a) for a in (self.S @ A @ inverse, self.S @ B, V @ inverse))

    def step(self, z):
        A, B, V = self._f()
        return z @ A.T + torch.relu(z @ V.T - torch.tensor([1.0, 2.0])) @ B.T

    def bits(self, z):
        return z @ list(self._f())[2].T > torch.tensor([1.0, 2.0])

    def affine(self, bits):
        A, B, V = self._f()
        on = bits.double()
        return A + B @ (on[..., None] * V), -(on * torch.tensor([1.0, 2.0])) @ B.T


def test_long_words_close_although_their_products_overflow():
    word = np.random.default_rng(0).random((3, 400, 1)) < 0.5
    points, single = closed_chains(as_pieces(Steep(10.0)), word)
    assert single.all()
    for x, bits in zip(points[..., 0], word[..., 0], strict=True):
        assert x == pytest.approx(exact_points(bits, 10.0), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(("period", "size"), [(1, 1.0), (2, 1.0), (7, 0.3), (30, 4.0)])
def test_chains_close(period, size):
    rng = np.random.default_rng(period)
    A, c = size * rng.standard_normal((5, period, 3, 3)), rng.standard_normal((5, period, 3))
    for points, single in (solve_chains(A, c), (ClosedChains(A, c[..., None]).solve()[0][..., 0], np.ones(5, bool))):
        assert single.all()
        assert (A @ points[..., None])[..., 0] + c == pytest.approx(np.roll(points, -1, axis=1), rel=1e-10, abs=1e-10)


def test_multipliers_of_a_product_keep_their_digits_over_thirty_orders():
    rng = np.random.default_rng(0)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    D = np.zeros((4, 4))
    D[0, 0], D[1:3, 1:3], D[3, 3] = -10.0, 0.9 * turn, 0.1
    S = rng.standard_normal((15, 4, 4)) + 2 * np.eye(4)
    maps = np.roll(S, -1, axis=0) @ D @ np.linalg.inv(S)
    found = cycle_multipliers(maps)
    assert found[0] == pytest.approx(-1e15, rel=1e-9) and found[3] == pytest.approx(1e-15, rel=1e-9)
    assert found[1:3] == pytest.approx(0.9**15 * np.exp(1j * np.array([-6.0, 6.0])), rel=1e-9)


def test_the_reduced_equations_keep_the_contracting_directions():
    """K is V W^{lag - 1} (1 - W^k)^-1 U, a sum over the eigenvalues of W."""
    rng, k = np.random.default_rng(0), 11
    rates, S = np.array([10.0, 0.7, -0.6, 0.3]), rng.standard_normal((4, 4))
    inverse, U, V = np.linalg.inv(S), rng.standard_normal((4, 1)), rng.standard_normal((1, 4))
    reduced = reduced_equations(Gates(S @ np.diag(rates) @ inverse, np.ones(4), U, V, np.zeros(1)), k)
    amplitudes = (V @ S)[0] * (inverse @ U)[:, 0]
    exact = [float((amplitudes * rates ** (lag - 1) / (1 - rates**k)).sum()) for lag in range(1, k + 1)]
    assert reduced.K[:, 0] == pytest.approx(np.roll(exact, 1), rel=1e-11, abs=1e-11)
