"""Fixed points and cycles of piecewise-linear maps: closed forms, counts of necklaces, published weights, autograd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import MAKE, members

from dsr.analysis import PeriodicOrbit, basin_fraction, cycles, fixed_points
from dsr.analysis.piecewise_linear.cycle_equations import periodic_orbit
from dsr.analysis.piecewise_linear.gates import find_gates
from dsr.analysis.piecewise_linear.protocol import as_pieces
from dsr.analysis.piecewise_linear.regions import find_regions
from dsr.analysis.piecewise_linear.stability import stability_type
from dsr.analysis.piecewise_linear.surroundings import against_data
from dsr.analysis.piecewise_linear.words import lyndon_words, primitive_necklaces
from dsr.errors import DsrError, SpecError
from dsr.models import ALRNN, ShallowPLRNN, VanillaPLRNN

NECKLACES = [2, 1, 2, 3, 6, 9, 18, 30]


class Tent:
    """The tent map z' = 2 z - 4 relu(z - 1/2), or one that is less steep: one unit, two regions."""

    state_dim = 1

    def __init__(self, slope: float = 2.0, offset: float = 0.0):
        self.slope, self.offset = slope, offset

    def step(self, z):
        return self.slope * (z - 2 * torch.relu(z - 0.5)) + self.offset

    def bits(self, z):
        return z > 0.5

    def affine(self, bits):
        on = bits.double()
        return self.slope * (1 - 2 * on)[..., None], self.slope * on + self.offset


class WithoutGates(Tent):
    """The tent map with a gate that changes nothing, so that no gates can be read off and M x M equations remain."""

    def bits(self, z):
        return torch.cat([z > 0.5, z > 0.2], -1)

    def affine(self, bits):
        return super().affine(bits[..., :1])


def two_units(a: float = 0.5, w: float = 3.0) -> VanillaPLRNN:
    """z_i' = a z_i - w relu(z_other) + 1."""
    model = VanillaPLRNN(1, 2).double()
    with torch.no_grad():
        model.A.fill_(a)
        model.W.fill_(-w)
        model.h.fill_(1.0)
    return model


def folding(units: int, coupling: float = 0.3, seed: int = 0) -> ALRNN:
    """Coupled tent maps z' = 1 - b |z| + coupling: very many cycles."""
    rng = torch.Generator().manual_seed(seed)
    model = ALRNN(1, units, units).double()
    b = 1.6 + 0.3 * torch.rand(units, generator=rng)
    with torch.no_grad():
        model.A.copy_(b)
        model.W.copy_(coupling * torch.randn((units, units), generator=rng))
        model.W -= torch.diag(model.W.diagonal() + 2 * b)
        model.h.fill_(1.0)
    return model


@pytest.fixture(scope="session")
def published(shared_data):
    path = shared_data / "alrnn_lorenz63_m20_p2.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the reference data")
    data = np.load(path)
    return ALRNN.from_weights(*(torch.tensor(data[k]) for k in "AWhB"), 2), data["orbit_first_200"]


@pytest.mark.parametrize("make", [Tent, WithoutGates])
@pytest.mark.parametrize("period", range(1, 9))
def test_the_tent_map_has_one_cycle_for_each_primitive_necklace(make, period):
    found = cycles(make(), period)
    assert len(found) == NECKLACES[period - 1]
    assert found.complete and found.measure.value == found.measure.high == NECKLACES[period - 1]
    for orbit in found:
        assert abs(orbit.multipliers[0]) == pytest.approx(2.0**period)
        assert np.sign(orbit.multipliers[0].real) == (-1) ** sum(int(b[0]) for b in orbit.bits)


def test_words_are_the_primitive_necklaces_in_order():
    assert [primitive_necklaces(2, k) for k in range(1, 9)] == NECKLACES
    words = [tuple(word) for word in lyndon_words(3, 6)]
    assert len(words) == len(set(words)) == primitive_necklaces(3, 6) == 116
    assert words == sorted(words)
    assert all(min(word[i:] + word[:i] for i in range(1, 6)) > word for word in words)


def test_two_units_in_closed_form():
    points = fixed_points(two_units())
    found = {orbit.word[0]: orbit for orbit in points}
    assert set(found) == {0b11, 0b01, 0b10} and points.virtual == 1
    assert found[0b11].points[0] == pytest.approx([2 / 7, 2 / 7])
    assert found[0b01].points[0] == pytest.approx([2, -10])
    assert found[0b10].points[0] == pytest.approx([-10, 2])
    assert found[0b11].multipliers == pytest.approx([3.5, -2.5]) and found[0b11].kind == "unstable node"
    assert found[0b01].multipliers == pytest.approx([0.5, 0.5]) and found[0b01].kind == "stable node"
    (cycle,) = cycles(two_units(), 2)
    assert cycle.points == pytest.approx(np.array([[-2 / 3] * 2, [2 / 3] * 2]))
    assert cycle.multipliers == pytest.approx([1.75, -1.25])
    assert cycle.floquet_exponents(0.5) == pytest.approx([math.log(1.75), math.log(1.25)])


def test_published_weights_have_four_unstable_fixed_points_and_visit_three_regions(published):
    model, orbit = published
    points = fixed_points(model)
    assert len(points) == 4 and points.method == "reduced" and points.virtual == 0
    assert all(p.unstable > 0 and p.residual < 1e-13 for p in points)
    wings = [p for p in points if p.kind == "saddle focus" and p.unstable == 2]
    assert sorted(abs(p.multipliers[0]) for p in wings) == pytest.approx([1.0009, 1.0023], abs=5e-5)
    assert [abs(np.angle(p.multipliers[0])) for p in wings] == pytest.approx([0.095, 0.095], abs=5e-4)
    states = model.free_run(orbit[-1:], 20_000).states[0]
    assert len(np.unique(model.bits(torch.from_numpy(states)).numpy(), axis=0)) == 3
    places = against_data(points, states[:, :3], columns=range(3))
    outside = sorted(place.outside_by for place in places)
    assert outside[:2] == [0, 0] and outside[2] < 1 and outside[3] > 3  # wings, the saddle below them, one far away


@pytest.mark.parametrize("kind", MAKE)
def test_gates_of_every_family_rebuild_its_step(kind):
    model = members(kind, 2, 3, 3, "identity", 1)[0]
    pieces = as_pieces(model)
    gates = find_gates(pieces)
    assert gates is not None
    z = 2 * np.random.default_rng(1).standard_normal((200, 3))
    y = gates.values(z)
    assert ((y > 0) == pieces.bits(z)).all()
    step = z @ gates.W.T + gates.b + np.maximum(y, 0) @ gates.U.T
    assert step == pytest.approx(pieces.step(z), abs=1e-12)


@pytest.mark.parametrize("kind", MAKE)
def test_fixed_points_of_every_family_are_all_there(kind):
    model = members(kind, 2, 2, 3, "identity", 1)[0]
    points = fixed_points(model)
    assert points.complete
    z = np.random.default_rng(0).uniform(-30, 30, (4000, 2))
    for _ in range(30):  # the linear equation of the region that a state is in, again and again
        W, b = (a.detach().numpy() for a in model.affine(model.bits(torch.from_numpy(z))))
        z = np.linalg.solve(np.eye(2) - W, b[..., None])[..., 0]
    at_rest = z[np.abs(model.step(torch.from_numpy(z)).detach().numpy() - z).max(1) < 1e-9]
    known = np.array([orbit.points[0] for orbit in points]).reshape(-1, 2)
    assert all(np.abs(known - point).max(1).min() < 1e-7 for point in at_rest)


def test_cells_of_an_arrangement_are_counted_by_zaslavskys_formula():
    model = ShallowPLRNN(3, 3, 9, seed=1).double()
    with torch.no_grad():
        model.h2.copy_(torch.randn(9, generator=torch.Generator().manual_seed(0)))
    pieces = as_pieces(model)
    gates = find_gates(pieces)
    found = find_regions(pieces, gates, most=1e7, states=None, samples=0, seed=0)
    assert found.complete and found.count == sum(math.comb(9, i) for i in range(4))
    seen = np.unique(pieces.bits(5 * np.random.default_rng(0).standard_normal((20_000, 3))), axis=0)
    known = {row.tobytes() for row in found.bits}
    assert len(seen) > 80 and all(row.tobytes() in known for row in seen)


@pytest.mark.parametrize(("units", "period"), [(2, 6), (3, 4)])
def test_exhaustive_enumeration_contains_what_the_search_finds(units, period):
    model = folding(units)
    everything = cycles(model, period)
    search = cycles(model, period, method="search", batches=10, words_per_batch=200)
    known = {orbit.bits.tobytes() for orbit in everything}
    found = {orbit.bits.tobytes() for orbit in search}
    assert found <= known and len(found) > 0.9 * len(known) > 50
    assert not search.complete and math.isnan(search.measure.high)
    assert (np.diff(search.saturation) >= 0).all() and search.saturation[-1] == len(found)


def test_both_eliminations_find_the_same_cycles():
    model, core = ALRNN(1, 12, 3, seed=2).double(), folding(3)
    with torch.no_grad():
        model.W.copy_(0.1 * torch.randn((12, 12), generator=torch.Generator().manual_seed(5)))
        for mine, theirs in ((model.A[9:], core.A), (model.W[9:, 9:], core.W), (model.h[9:], core.h)):
            mine.copy_(theirs)
    reduced = cycles(model, 3)
    full = cycles(Padded(model), 3)
    assert (reduced.method, full.method) == ("reduced", "full") and len(reduced) == len(full) > 10
    for orbit in reduced:
        assert min(np.abs(orbit.points[0] - other.points).max(1).min() for other in full) < 1e-10


class Padded:
    """A model with one more gate, which changes nothing."""

    def __init__(self, model):
        self.model, self.state_dim = model, model.state_dim

    def step(self, z):
        return self.model.step(z)

    def bits(self, z):
        return torch.cat([self.model.bits(z), z[..., :1] > 1e9], -1)

    def affine(self, bits):
        return self.model.affine(bits[..., :-1])


def test_residuals_and_multipliers_are_those_of_the_step():
    model = folding(3)
    found = cycles(model, 4)
    for orbit in [found[i] for i in range(0, len(found), 25)]:
        assert orbit.residual < 1e-9 * (1 + np.abs(orbit.points).max())

        def four(z):
            for _ in range(4):
                z = model.step(z)
            return z

        jacobian = torch.func.jacrev(four)(torch.from_numpy(orbit.points[0])).detach().numpy()
        values = np.linalg.eigvals(jacobian)
        assert np.sort_complex(orbit.multipliers) == pytest.approx(np.sort_complex(values), rel=1e-9)


def test_a_fixed_point_on_every_border_is_named_once():
    (orbit,) = fixed_points(ALRNN(2, 6, 4, seed=1))  # no bias: the origin lies on all four gates
    assert orbit.border and orbit.points == pytest.approx(np.zeros((1, 6)))
    (orbit,) = fixed_points(Tent(1.5, -0.25))  # rises to 1/2, where it folds
    assert orbit.border and orbit.points[0, 0] == 0.5


def test_a_line_of_fixed_points_is_marginal():
    found = fixed_points(Tent(1.0))  # the identity below 1/2
    assert len(found.marginal) == 1 and not found.marginal[0].bits.any()
    assert found.marginal[0].point[0] <= -0.4 and abs(found.marginal[0].directions[0, 0]) == 1
    assert len(found) == 0 or all(orbit.border for orbit in found)
    found = fixed_points(Tent(1.0, 0.1))  # parallel to it
    assert not found.marginal and len(found) == 1


def test_a_line_of_fixed_points_is_seen_through_rounding():
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((4, 4))
    W = basis @ np.diag([1.0, 0.5, 0.3, -0.2]) @ np.linalg.inv(basis)
    assert 0 < np.linalg.svd(np.eye(4) - W)[1][-1] < 1e-12  # not exactly singular
    model = ALRNN(1, 4, 1).double()
    with torch.no_grad():
        model.A.zero_()
        model.W.copy_(torch.from_numpy(W))
    found = fixed_points(model)
    on = [line for line in found.marginal if line.bits.all()]
    assert len(on) == 1 and abs(on[0].directions[:, 0] @ basis[:, 0]) == pytest.approx(np.linalg.norm(basis[:, 0]))
    assert all(orbit.border for orbit in found)


def test_a_word_is_real_only_in_its_own_regions_or_on_their_border():
    pieces = as_pieces(two_units())
    gates = find_gates(pieces)
    assert periodic_orbit(pieces, gates, np.array([[False, False]])) is None  # its solution (2, 2) lies elsewhere
    for known in (gates, None):
        real = periodic_orbit(pieces, known, np.array([[True, True]]))
        assert isinstance(real, PeriodicOrbit) and not real.border
        edge = as_pieces(Tent(1.5, -0.25))  # its fixed point 1/2 is the fold, which counts as off
        beside = periodic_orbit(edge, known and find_gates(edge), np.array([[True]]))
        assert isinstance(beside, PeriodicOrbit) and beside.border and not beside.bits.any()


@pytest.mark.parametrize(
    ("multipliers", "kind"),
    [
        ([0.5, 0.2], "stable node"),
        ([2.0, -1.5], "unstable node"),
        ([2.0, 0.5], "saddle"),
        ([0.5 + 0.3j, 0.5 - 0.3j], "stable focus"),
        ([1.1 + 0.3j, 1.1 - 0.3j], "unstable focus"),
        ([1.1 + 0.3j, 1.1 - 0.3j, 0.2], "saddle focus"),
        ([0.9, 0.1 + 0.1j, 0.1 - 0.1j], "stable node"),  # the multiplier nearest to the circle leads
        ([1.0, 0.2], "marginal"),
    ],
)
def test_names_of_stability(multipliers, kind):
    assert stability_type(np.array(multipliers, dtype=complex)) == kind


def test_basin_of_a_stable_and_an_unstable_point():
    model = two_units()
    found = {orbit.word[0]: orbit for orbit in fixed_points(model)}
    sure = basin_fraction(model, found[0b01], scale=0.1, starts=100, steps=100)
    assert sure.value == sure.high == 1.0 and 0.98 < sure.low < 1.0
    never = basin_fraction(model, found[0b11], scale=0.1, starts=100, steps=100)
    assert never.value == never.low == 0.0 < never.high < 0.02
    # by symmetry, half of all starts around the symmetric point go to either side
    halves = basin_fraction(model, found[0b01], scale=1000.0, starts=400, steps=200)
    assert halves.low - 0.05 < 0.5 < halves.high + 0.05


def test_shallow_networks_with_too_many_cells_are_searched():
    model = ShallowPLRNN(3, 3, 14, seed=3)
    assert fixed_points(model, most=1e3, samples=500).method == "search"
    everything = fixed_points(model)
    assert everything.complete and everything.method == "full"


@given(
    fill=st.sampled_from([0.0, 1.0, -1.0, 1e150, math.nan, math.inf]),
    which=st.sampled_from(["A", "W", "h"]),
    period=st.integers(0, 2),
)
@settings(max_examples=30, deadline=None)
def test_any_weights_give_orbits_or_a_sentence(fill, which, period):
    model = ALRNN(1, 3, 2, seed=0).double()
    with torch.no_grad():
        getattr(model, which).fill_(fill)
    try:
        found = cycles(model, period)
    except DsrError as problem:
        assert "accepted" in str(problem)
    else:
        assert all(np.isfinite(o.points).all() and o.residual < 1e-9 * (1 + np.abs(o.points).max()) for o in found)


def test_wrong_requests_are_named():
    with pytest.raises(SpecError, match="period"):
        cycles(Tent(), 0)
    with pytest.raises(SpecError, match="search"):
        cycles(Tent(), 30, method="exhaustive")
    with pytest.raises(SpecError, match="without"):
        fixed_points(object())
    with pytest.raises(SpecError, match="scale"):
        basin_fraction(Tent(), fixed_points(Tent())[0], scale=math.nan)
    with pytest.raises(DsrError, match="columns"):
        against_data(fixed_points(Tent()), np.random.default_rng(0).standard_normal((10, 2)))


@pytest.mark.parametrize("method", ["auto", "exhaustive", "search"])
def test_a_linear_map_has_its_one_fixed_point_and_no_cycles(method):
    """An AL-RNN without rectified units has one region."""
    model = ALRNN(3, 5, 0, seed=0).double()
    with torch.no_grad():
        model.h.copy_(torch.arange(1.0, 6.0))
    jacobian = (torch.diag(model.A) + model.W).detach().numpy()
    (orbit,) = cycles(model, 1, method=method).orbits
    np.testing.assert_allclose(orbit.points[0], np.linalg.solve(np.eye(5) - jacobian, np.arange(1.0, 6.0)), rtol=1e-9)
    np.testing.assert_allclose(np.sort_complex(orbit.multipliers), np.sort_complex(np.linalg.eigvals(jacobian)))
    assert not cycles(model, 2, method=method).orbits
