"""Manifolds, bifurcations, close returns and exact exponents of piecewise-linear maps, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsr.analysis import (
    bifurcations,
    cycles,
    fixed_points,
    lyapunov_spectrum,
    manifold,
    orbits_from_returns,
    region_tangent_map,
)
from dsr.errors import DsrError, SpecError
from dsr.models import ALRNN, ShallowPLRNN


class Folded:
    """The border-collision normal form x' = left x + mu for x <= 0, right x + mu above."""

    state_dim = 1

    def __init__(self, left, right, mu):
        self.left, self.right, self.mu = left, right, mu

    def step(self, z):
        return self.left * z + (self.right - self.left) * torch.relu(z) + self.mu

    def bits(self, z):
        return z > 0

    def affine(self, bits):
        slope = self.left + (self.right - self.left) * bits.double()
        return slope[..., None], torch.full_like(slope, self.mu)


class Lozi:
    """x' = 1 - a |x| + y, y' = b x: for a = 1.7, b = 0.5 chaotic, with a saddle at x = 1 / (1 + a - b)."""

    state_dim = 2
    a, b = 1.7, 0.5

    def step(self, z):
        x, y = z.unbind(-1)
        return torch.stack([1 - self.a * x.abs() + y, self.b * x], -1)

    def bits(self, z):
        return z[..., :1] > 0

    def affine(self, bits):
        slope = self.a * (1 - 2 * bits[..., 0].double())
        one, zero = torch.ones_like(slope), torch.zeros_like(slope)
        W = torch.stack([torch.stack([slope, one], -1), torch.stack([self.b * one, zero], -1)], -2)
        return W, torch.stack([one, zero], -1)

    def before(self, z):
        x = z[..., 1] / self.b
        return np.stack([x, z[..., 0] - 1 + self.a * np.abs(x)], -1)


@pytest.fixture(scope="session")
def published(shared_data):
    path = shared_data / "alrnn_lorenz63_m20_p2.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the reference data")
    data = np.load(path)
    model = ALRNN.from_weights(*(torch.tensor(data[k]) for k in "AWhB"), 2)
    return model, model.free_run(data["orbit_first_200"][-1:], 12_000).states[0][1000:]


def saddle():
    points = fixed_points(Lozi())
    assert sorted(p.points[0, 0] for p in points) == pytest.approx([1 / (1 - 1.7 - 0.5), 1 / (1 + 1.7 - 0.5)])
    assert all(p.kind == "saddle" for p in points)
    return max(points, key=lambda p: p.points[0, 0])


def test_unstable_manifold_of_the_lozi_saddle_comes_from_the_saddle():
    model, point = Lozi(), saddle()
    found = manifold(model, point, iterations=12)
    assert found.dimension == 1 and len(found.segments) > 20 and not found.truncated
    z = found.segments.mean(1)
    nearest = np.full(len(z), np.inf)
    for _ in range(25):
        z = model.before(z)
        nearest = np.minimum(nearest, np.abs(z - point.points[0]).max(1))
    assert nearest.max() < 1e-3
    run = np.array([0.1, 0.1])
    for _ in range(50):
        run = model.step(torch.from_numpy(run)).numpy()
    between = found.segments[:, None, 0] + np.linspace(0, 1, 50)[:, None] * np.diff(found.segments, axis=1)
    for _ in range(100):  # the attractor is the closure of this manifold (Misiurewicz 1980)
        run = model.step(torch.from_numpy(run)).numpy()
        assert np.abs(between.reshape(-1, 2) - run).max(1).min() < 0.05
    assert np.abs(found.segments).max() < 2


def test_stable_manifold_of_the_lozi_saddle_leads_to_the_saddle():
    model, point = Lozi(), saddle()
    found = manifold(model, point, stable=True, iterations=8, reach=50.0)
    assert found.dimension == 1 and len(found.segments) > 10 and found.singular == 0
    z = torch.from_numpy(found.segments.mean(1))
    nearest = np.full(len(z), np.inf)
    for _ in range(25):
        z = model.step(z)
        nearest = np.minimum(nearest, np.abs(z.numpy() - point.points[0]).max(1))
    assert nearest.max() < 1e-3


class FoldedSaddle:
    """x' = c |x - 1|, y' = 2 y: the x axis is the stable manifold of the fixed point below x = 1, if c < 1."""

    state_dim = 2

    def __init__(self, c):
        self.c = c

    def step(self, z):
        return torch.stack([self.c * (z[..., 0] - 1).abs(), 2 * z[..., 1]], -1)

    def bits(self, z):
        return z[..., :1] > 1

    def affine(self, bits):
        slope = self.c * (2 * bits[..., 0].double() - 1)
        zero = torch.zeros_like(slope)
        W = torch.stack([torch.stack([slope, zero], -1), torch.stack([zero, zero + 2], -1)], -2)
        return W, torch.stack([-slope, zero], -1)


@pytest.mark.parametrize("c", [0.3, 0.4, 0.5, 0.8])
def test_the_stable_manifold_of_a_fold_has_no_holes_and_no_piece_twice(c):
    model = FoldedSaddle(c)
    (point,) = [p for p in fixed_points(model) if p.points[0, 0] > 0]
    found = manifold(model, point, stable=True, iterations=25, reach=10.0)
    assert np.abs(found.segments[..., 1]).max() == 0
    ends = np.sort(found.segments[..., 0], axis=1)
    ends = ends[np.argsort(ends[:, 0])]
    assert ends[0, 0] < -9 and ends[:, 1].max() > 9
    assert ends[1:, 0] == pytest.approx(ends[:-1, 1], abs=1e-9)  # each piece begins where the one before it ends


def test_a_piece_whose_ends_are_both_out_of_reach_is_kept_where_it_passes():
    """x' = 50 - 100 |x|: the second image of the domain on its far side is one piece from below -2000 to 50."""
    model = Folded(100.0, -100.0, 50.0)
    (point,) = [p for p in fixed_points(model) if p.points[0, 0] > 0]
    ends = np.sort(manifold(model, point, iterations=2, reach=5.0).segments[..., 0], axis=1)
    assert ((ends[:, 0] < -2000) & (ends[:, 1] == 50)).any()


def test_a_spiral_manifold_of_two_dimensions_is_a_cloud_of_its_points():
    turn = torch.tensor([[0.9, -0.6, 0.0], [0.6, 0.9, 0.0], [0.0, 0.0, 0.3]], dtype=torch.float64)
    model = ALRNN(1, 3, 1).double()
    with torch.no_grad():
        model.A.zero_()
        model.W.copy_(turn)
        model.h.copy_(torch.tensor([0.0, 0.0, 0.7]))
    (point,) = fixed_points(model)
    assert point.kind == "saddle focus" and point.unstable == 2
    found = manifold(model, point, iterations=5, starts=50)
    assert found.dimension == 2 and not len(found.segments)
    assert found.points[:, 2] == pytest.approx(np.ones(len(found.points)))  # the plane z_3 = 1
    with pytest.raises(SpecError, match="regions"):
        manifold(ALRNN_wide(), fixed_points(ALRNN_wide())[0], stable=True, most_regions=4)


def ALRNN_wide():
    model = ALRNN(1, 4, 4).double()
    with torch.no_grad():
        model.W.zero_()
        model.A.fill_(0.5)
        model.h.fill_(1.0)
        model.W += 0.1
    return model


def names(found):
    return [(event.index, event.period, event.name, event.how) for event in found.events]


def test_a_fixed_point_that_crosses_the_border_gives_birth_to_a_cycle():
    mu = [-0.2, -0.1, 0.1, 0.2]
    found = bifurcations([Folded(0.5, -2.5, m) for m in mu], mu, periods=(1, 2))
    assert names(found) == [
        (1, 1, "border collision", "border collision"),
        (1, 1, "changes stability", "border collision"),
        (1, 2, "appears", "border collision"),
    ]
    (point,) = [b for b in found.branches if b.orbits[0].period == 1]
    assert [o.points[0, 0] for o in point.orbits] == pytest.approx([-0.4, -0.2, 0.1 / 3.5, 0.2 / 3.5])
    assert found.complete


def test_two_fixed_points_annihilate_at_the_border():
    found = bifurcations([Folded(0.5, 2.0, m) for m in (-0.2, -0.1, 0.1)], periods=(1,))
    assert names(found) == [(1, 1, "vanishes", "border collision")] * 2


@pytest.mark.parametrize("backwards", [False, True])
def test_a_fixed_point_from_infinity_comes_with_a_multiplier_one(backwards):
    """0.2 / (1 - left) is at 20 for a slope of 0.99, above the border, and at -20 for 1.01."""
    slopes = [0.95, 0.99, 1.01, 1.05]
    found = bifurcations([Folded(left, 0.5, 0.2) for left in (slopes[::-1] if backwards else slopes)])
    assert names(found) == [(1, 1, "vanishes" if backwards else "appears", "multiplier +1")]


def test_a_cycle_from_infinity_comes_with_a_multiplier_one():
    """Its point above the border is -1 / (1 - left right), and left right passes one."""
    found = bifurcations([Folded(-2.0, right, 1.0) for right in (-0.45, -0.49, -0.51, -0.55)], periods=(2,))
    assert names(found) == [(1, 2, "appears", "multiplier +1")]


def test_a_multiplier_that_passes_minus_one_inside_a_region():
    found = bifurcations([Folded(0.5, right, 1.0) for right in (-0.8, -0.9, -1.1)])
    assert names(found) == [(1, 1, "changes stability", "multiplier -1")]
    assert found.events[0].after.multipliers[0] == pytest.approx(-1.1)


def test_close_returns_lead_to_all_short_cycles_of_a_chaotic_map():
    model = Folded(1.7, -1.9, 0.4)
    z = [torch.tensor([0.1], dtype=torch.float64)]
    for _ in range(3000):
        z.append(model.step(z[-1]))
    found = orbits_from_returns(model, torch.stack(z).numpy(), shortest=2, longest=6, seeds=400, every=1)
    known = {o.bits.tobytes() for k in range(1, 8) for o in cycles(model, k)}
    mine = {o.bits.tobytes() for o in found}
    assert mine <= known and {o.bits.tobytes() for k in (2, 3, 4, 5) for o in cycles(model, k)} <= mine
    assert not found.complete and found.saturation[-1] == len(found)


def test_orbits_of_a_model_of_lorenz_close_and_have_the_multipliers_of_the_long_map(published):
    model, states = published
    found = orbits_from_returns(model, states, shortest=200, longest=230, seeds=60)
    assert len(found) >= 1
    for orbit in found[:2]:
        assert orbit.residual < 1e-10 and orbit.unstable >= 1
        assert 0.1 < orbit.floquet_exponents(0.01)[0] < 2

        def around(z, steps=orbit.period):
            for _ in range(steps):
                z = model.step(z)
            return z

        z = torch.from_numpy(orbit.points[0])
        assert around(z).detach().numpy() == pytest.approx(orbit.points[0], abs=1e-9)
        exact = np.linalg.eigvals(torch.func.jacfwd(around)(z).detach().numpy())
        assert abs(orbit.multipliers[0]) == pytest.approx(np.abs(exact).max(), rel=1e-8)


@pytest.mark.parametrize("members", [1, 16])
def test_region_matrices_give_the_exponents_of_the_models_own_tangent_map(published, members):
    model, states = published
    start = states[:: len(states) // members][:members]
    arguments = {"steps": 300, "transient": 0, "dt": 0.01, "k": 4}
    exact = lyapunov_spectrum(region_tangent_map(model), start, **arguments)
    theirs = lyapunov_spectrum(model.tangent_map(), start, **arguments)
    assert exact.exponents == pytest.approx(theirs.exponents, rel=1e-12, abs=1e-12)


def test_region_matrices_of_a_shallow_network_are_its_jacobians():
    model = ShallowPLRNN(3, 3, 20, clipped=True, seed=1).double()
    rng = np.random.default_rng(0)
    x, q = rng.standard_normal((40, 3)), rng.standard_normal((40, 3, 2))
    mine, theirs = region_tangent_map(model)(x, q), model.tangent_map()(x, q)
    assert mine[0] == pytest.approx(theirs[0], abs=1e-13) and mine[1] == pytest.approx(theirs[1], abs=1e-13)


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 12), st.integers(1, 2)),
        elements=st.sampled_from([0.0, 1.0, -0.3, 1e150, -1e200, np.nan, np.inf]),
    )
)
@settings(max_examples=40, deadline=None)
def test_any_states_give_orbits_or_a_sentence(states):
    try:
        found = orbits_from_returns(Folded(1.7, -1.9, 0.4), states, shortest=1, longest=3)
    except DsrError as problem:
        assert "accepted" in str(problem)
    else:
        assert all(np.isfinite(o.points).all() for o in found)


def test_wrong_requests_are_named():
    with pytest.raises(SpecError, match="two or more models"):
        bifurcations([Lozi()])
    with pytest.raises(SpecError, match="stable"):
        manifold(Folded(0.5, -0.5, 1.0), fixed_points(Folded(0.5, -0.5, 1.0))[0])
    with pytest.raises(SpecError, match="shortest"):
        orbits_from_returns(Lozi(), np.zeros((50, 2)), shortest=9, longest=3)
