"""The own systems given by equations: Jacobians, steps, bounded orbits, conserved quantities, exact exponents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.errors import SpecError
from dsr.registry import options_of
from dsr.runs import catalogue
from dsr.systems import SYSTEMS, get_system, system_names
from dsr.systems.equations import Equations
from dsr.systems.hamiltonian import Hamiltonian
from dsr.systems.integration.integrate import compiled

EQUATIONS = [name for name in system_names() if isinstance(get_system(name), Equations)]
FLOWS = [name for name in EQUATIONS if get_system(name).time == "flow"]
HAMILTONIANS = [name for name in EQUATIONS if isinstance(get_system(name), Hamiltonian)]


def runge_kutta(system, x, h, steps):
    """States (members, dim) after so many steps, by array operations: no loop to compile for each system."""
    for _ in range(steps):
        k1 = system.rhs(x)
        k2 = system.rhs(x + 0.5 * h * k1)
        k3 = system.rhs(x + 0.5 * h * k2)
        x = x + h / 6 * (k1 + 2 * (k2 + k3) + system.rhs(x + h * k3))
    return x


def advance(system, x, steps):
    if system.time == "flow":
        return runge_kutta(system, x, system.max_step, steps)
    for _ in range(steps):
        x = system.step(x)
    return x


def members(system, count=16, steps=200, seed=0):
    """States (count, dim) `steps` steps after random starts drawn as `simulate` draws them."""
    ball = np.random.default_rng(seed).standard_normal((count, system.dim))
    starts = system.default_state + system.perturbation * system.state_scale() * ball
    return advance(system, np.array([system._admitted(start) for start in starts]), steps)


@pytest.mark.parametrize("name", EQUATIONS)
def test_jacobian_of_every_system_equals_central_differences(name):
    system = get_system(name)
    x = members(system, 5)
    function = system.rhs if system.time == "flow" else system.step
    shift = 1e-5 * np.diag(system.state_scale())
    columns = [(function(x + s) - function(x - s)) / (2 * s.sum()) for s in shift]
    J, scale = system.jacobian(x), system.state_scale()
    error = (J - np.stack(columns, axis=-1)) * scale / scale[:, None]  # in units of the attractor's size
    assert np.abs(error).max() < 1e-6 * max(1.0, np.abs(J * scale / scale[:, None]).max())


UNUSUAL = ["chua_piecewise_linear", "kuramoto", "lozi", "sprott_b", "standard", "thomas"]


@pytest.mark.parametrize(
    "name", [name if name in UNUSUAL else pytest.param(name, marks=pytest.mark.slow) for name in EQUATIONS]
)
def test_compiled_equations_equal_the_vectorised_ones(name):
    system = get_system(name)
    x = members(system, 1)[0]
    out, J = np.empty(system.dim), np.zeros((system.dim, system.dim))
    compiled(system.field)(x, out, *system.numbers)
    compiled(system.derivative)(x, J, *system.numbers)
    function = system.rhs if system.time == "flow" else system.step
    np.testing.assert_allclose(out, function(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(J, system.jacobian(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", FLOWS)
def test_half_the_step_gives_the_same_trajectory(name):
    system = get_system(name)
    x, h = members(system), system.max_step
    error = runge_kutta(system, x, h, 25) - runge_kutta(system, x, h / 2, 50)
    assert np.abs(error / system.state_scale()).max() < 1e-6


@pytest.mark.parametrize("name", EQUATIONS)
def test_random_starts_lead_to_bounded_orbits(name):
    system = get_system(name)
    x = members(system, 32, 1000)
    angles = getattr(system, "angles", ())
    x = np.delete(x, angles, axis=1)
    size = np.delete(system.state_scale(), angles)
    start = np.delete(system.default_state, angles)
    assert np.isfinite(x).all() and (np.abs(x - start) < 40 * size).all()


@pytest.mark.parametrize("name", ["kuramoto_sivashinsky", "henon_heiles", "double_pendulum"])
def test_a_conserved_quantity_that_the_dimension_counts_is_told(name):
    shown = catalogue.system(name)[name]
    assert "conserved" in shown["remark"] and "Kaplan-Yorke dimension" in shown["remark"]
    assert "remark" not in catalogue.system("lorenz63")["lorenz63"]


@pytest.mark.parametrize("name", system_names())
def test_every_entry_can_be_shown_and_says_where_it_comes_from(name):
    system = get_system(name)
    shown = catalogue.system(name)[name]
    assert shown["description"] and shown.get("parameters", {}).keys() == {key for key, *_ in options_of(SYSTEMS[name])}
    assert all(help for *_, help in options_of(SYSTEMS[name]))
    assert any(word in system.citation for word in ("doi:10.", "ISBN", "(Benjamin, 1968)", "ECMWF"))
    assert len(system.names) in (0, system.observed or system.dim)
    assert system.state_scale().shape == system.default_state.shape == (system.dim,)
    assert system.dt <= system.period


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_equations_of_motion_follow_from_the_energy(name):
    """Positions move with dH/dp, momenta with -dH/dq."""
    system = get_system(name)
    x, half, h = members(system), system.dim // 2, 1e-5
    gradient = np.stack([(system.energy(x + s) - system.energy(x - s)) / (2 * h) for s in h * np.eye(4)], axis=-1)
    expected = np.concatenate([gradient[:, half:], -gradient[:, :half]], axis=1)
    np.testing.assert_allclose(system.rhs(x), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "periods"),
    [("henon_heiles", 1000), ("double_pendulum", 100), pytest.param("double_pendulum", 1000, marks=pytest.mark.slow)],
)
def test_energy_is_conserved(name, periods):
    system = get_system(name)
    orbit = system.simulate(periods, system.period, transient=0, seed=0).values
    drift = np.abs(system.energy(orbit) / system.energy(system.default_state) - 1)
    print(name, periods, drift.max())
    assert drift.max() < 1e-8
    assert np.ptp(orbit[:, 0]) > 2 * system.state_scale()[0]


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_every_start_has_the_energy_of_the_default_state(name):
    system = get_system(name)
    energies = system.energy(members(system, 200, 0))
    assert np.ptp(energies) < 1e-12 * abs(energies[0])


def test_pendulums_without_gravity_keep_their_angular_momentum():
    system = get_system("double_pendulum", m2=2.0, l2=0.7, g=1e-300)
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_allclose(system.rhs(x)[:, 2:].sum(axis=1), 0.0, atol=1e-12)
    small = get_system("double_pendulum", m2=1e-9, l2=1.0)
    assert small.rhs(np.array([0.3, 0.3, 0.0, 0.0]))[2] == pytest.approx(-9.81 * np.sin(0.3), rel=1e-6)


def test_area_preserving_maps_have_unit_determinant():
    for name, parameters in (("standard", {}), ("standard", {"k": 1.0}), ("arnold_cat", {"a": 2, "b": 3})):
        system = get_system(name, **parameters)
        np.testing.assert_allclose(np.linalg.det(system.jacobian(members(system))), 1.0, atol=1e-12)
    baker = get_system("baker", cut=0.4, lower=0.4, upper=0.6)
    np.testing.assert_allclose(np.abs(np.linalg.det(baker.jacobian(members(baker)))), 1.0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "tolerance"),
    [
        ("logistic", {}, 2e-3),
        ("tent", {}, 1e-9),
        ("tent", {"slope": 1.5}, 1e-9),
        ("arnold_cat", {}, 1e-3),
        ("baker", {}, 1.5e-3),
        ("baker", {"cut": 0.25, "lower": 0.2, "upper": 0.7}, 2e-3),
    ],
)
def test_maps_have_their_exact_exponents(name, parameters, tolerance):
    """200 orbits of 2000 iterations: mean logarithms of the stretching, by repeated orthonormalisation."""
    system = get_system(name, **parameters)
    x = members(system, 200, 100)
    Q, total = np.tile(np.eye(system.dim), (200, 1, 1)), np.zeros((200, system.dim))
    for _ in range(2000):
        Q, R = np.linalg.qr(system.jacobian(x) @ Q)
        total += np.log(np.abs(np.diagonal(R, axis1=1, axis2=2)))
        x = system.step(x)
    np.testing.assert_allclose(total.mean(axis=0) / 2000, system.reference["lyapunov_spectrum"].value, atol=tolerance)
    assert len(np.unique(x[:, 0])) == 200  # no orbit has collapsed


def test_analytic_values_are_the_textbook_ones():
    assert get_system("logistic").reference["lyapunov_spectrum"].value == (math.log(2),)
    assert get_system("tent").reference["lyapunov_spectrum"].value[0] == pytest.approx(math.log(2), abs=6e-6)
    cat = get_system("arnold_cat").reference["lyapunov_spectrum"].value
    assert cat[0] == pytest.approx(math.log((3 + math.sqrt(5)) / 2)) and cat[1] == -cat[0]
    even = get_system("baker", cut=0.4, lower=0.4, upper=0.6).reference
    assert sum(even["lyapunov_spectrum"].value) == pytest.approx(0.0, abs=1e-15)
    assert even["kaplan_yorke_dimension"].value == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["sprott_b", "chua_piecewise_linear", "duffing", "kuramoto"])
def test_exponents_sum_to_the_mean_divergence(name):
    system = get_system(name)
    h, divergences = system.max_step, []

    def step(x, Q):
        J, y = system.jacobian, x
        slope, Slope, moved, Moved = np.zeros_like(x), np.zeros_like(Q), x, Q
        for offset, weight in ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6)):
            y, W = x + offset * h * slope, Q + offset * h * Slope
            slope, Slope = system.rhs(y), J(y) @ W
            moved, Moved = moved + weight * h * slope, Moved + weight * h * Slope
            divergences.append(weight * system.divergence(y))
        return moved, Moved

    found = lyapunov_spectrum(step, members(system), steps=200, transient=0, dt=h)
    assert found.sum.value == pytest.approx(4 * np.mean(divergences), rel=2e-3, abs=1e-5)


def test_a_ring_of_equal_sites_is_one_site():
    for ring, site in (("lorenz_ring", "lorenz63"), ("rossler_ring", "rossler")):
        x = np.array([1.0, -2.0, 20.0])
        alone = get_system(site).rhs(x)
        np.testing.assert_allclose(get_system(ring, sites=4).rhs(np.tile(x, 4)), np.tile(alone, 4))
    ring = get_system("rossler_ring", sites=4, coupling=0.5)
    x = np.zeros(12)
    x[3] = 1.0  # x of the second site, pulled down by 2 and handed on to both neighbours
    pull = ring.rhs(x) - get_system("rossler_ring", sites=4, coupling=0.0).rhs(x)
    assert pull[::3] == pytest.approx([0.5, -1.0, 0.5, 0.0]) and np.abs(pull).sum() == pytest.approx(2.0)


def test_oscillators_attract_each_other_by_phase_differences_alone():
    system = get_system("kuramoto", oscillators=5, coupling=0.7)
    x = np.random.default_rng(0).uniform(0, 2 * np.pi, 5)
    pairs = np.sin(x[None] - x[:, None]).mean(axis=1)
    np.testing.assert_allclose(system.rhs(x), np.linspace(-0.8, 0.8, 5) + 0.7 * pairs, atol=1e-14)


def test_angles_come_back_within_one_turn():
    system = get_system("duffing")
    series = system.simulate(400, transient=100, seed=0)
    assert series.names == ("x", "v") and series.values.shape == (400, 2)
    points = system.attractor_points(50, transient=50, seed=0)
    assert points[:, 2].min() > -0.01 and points[:, 2].max() < 2 * np.pi + 0.01
    assert np.ptp(points[:, 2]) > 5


def test_a_coefficient_of_a_sprott_case_is_a_parameter():
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(get_system("sprott_l", a=2.0, b=-1.0).rhs(x), [2 + 2 * 3, -1 - 2, 0])
    np.testing.assert_allclose(get_system("sprott_b").rhs(x), [6, -1, -1])
    np.testing.assert_allclose(get_system("sprott_q").rhs(x), [-3, -1, 3.1 + 4 + 1.5])
    with pytest.raises(SpecError, match="no keys at all"):
        get_system("sprott_b", a=1.0)


@pytest.mark.parametrize(
    ("name", "parameters", "word"),
    [
        ("tent", {"slope": 2.0}, "collapses to 0"),
        ("baker", {"cut": 0.5}, "collapse"),
        ("baker", {"lower": 0.6, "upper": 0.6}, "sum is at most 1"),
        ("logistic", {"r": 4.1}, "escape"),
        ("arnold_cat", {"a": 0}, "whole numbers"),
        ("henon_heiles", {"energy": 0.2}, "below 1/6"),
        ("double_pendulum", {"m1": 0.0}, "above 0"),
        ("kuramoto", {"oscillators": 3}, "4 oscillators"),
        ("lorenz_ring", {"sites": 2}, "3 sites"),
        ("coupled_map_lattice", {"coupling": 1.5}, "from 0 to 1"),
    ],
)
def test_parameters_without_a_chaotic_system_are_refused(name, parameters, word):
    with pytest.raises(SpecError, match=word):
        get_system(name, **parameters)


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUATIONS)
def test_long_trajectories_have_the_size_that_is_stated(name):
    """10,000 rows of four members: finite, with the stated standard deviation of each column."""
    system = get_system(name)
    runs = system.simulate_many(10_000, count=4, transient=100 * system.period, seed=0)
    x = np.concatenate([run.values for run in runs])
    assert np.isfinite(x).all()
    assert x.std(axis=0) == pytest.approx(system.state_scale()[: system.observed], rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in FLOWS if "lyapunov_spectrum" in get_system(n).reference])
def test_spectra_of_flows_are_the_published_ones(name):
    system = get_system(name)
    published = system.reference["lyapunov_spectrum"]
    x0 = system.attractor_points(32, transient=50 * system.period, seed=0)
    found = lyapunov_spectrum(system.tangent_map(), x0, steps=20_000, transient=1000, dt=system.dt)
    gap = np.abs(found.exponents - published.value)
    assert (gap < 3 * found.stderr + np.array(published.uncertainty)).all()
