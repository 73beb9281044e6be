"""Own systems: equations, Jacobians, integration, sampling, published values, and answers to bad input."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torchdiffeq import odeint

from dsr.errors import DataError, SpecError
from dsr.systems import SYSTEMS, get_system, system_names

FLOWS = ["lorenz63", "rossler", "lorenz96"]
EQUATIONS = ["henon", *FLOWS]  # the others have tests of their own


def some_states(system, count=5):
    return system.attractor_points(count, transient=20 if system.time == "flow" else 100, seed=3)


def central_jacobian(function, x, h=1e-6):
    shift = h * np.eye(x.shape[-1])
    columns = [(function(x + s) - function(x - s)) / (2 * h) for s in shift]
    return np.stack(columns, axis=-1)


def test_the_registry_holds_the_own_systems():
    expected = {"henon", "kuramoto_sivashinsky", "lorenz63", "lorenz96", "mackey_glass", "rossler"}
    assert expected < set(SYSTEMS) and system_names() == sorted(SYSTEMS)


def test_lorenz_field_at_a_known_state():
    assert get_system("lorenz63", beta=2.0).rhs(np.array([1.0, 2.0, 3.0])) == pytest.approx(
        [10.0, 23.0, -4.0]
    )


def test_rossler_field_at_a_known_state():
    assert get_system("rossler").rhs(np.array([1.0, 2.0, 3.0])) == pytest.approx([-5.0, 1.4, 0.2 - 3 * 4.7])


def test_henon_fixed_point():
    x = (-0.7 + np.sqrt(0.49 + 4 * 1.4)) / 2.8
    point = np.array([x, 0.3 * x])
    assert get_system("henon").step(point) == pytest.approx(point, abs=1e-14)


def test_lorenz96_advection_conserves_energy_and_is_uniform_at_rest():
    system = get_system("lorenz96", dim=7, forcing=8.0)
    x = np.random.default_rng(0).normal(size=7)
    advection = system.rhs(x) + x - 8.0
    assert x @ advection == pytest.approx(0.0, abs=1e-12)
    assert np.abs(advection).max() > 0.1
    assert np.roll(system.rhs(x), 2) == pytest.approx(system.rhs(np.roll(x, 2)))
    assert system.rhs(np.full(7, 8.0)) == pytest.approx(np.zeros(7), abs=1e-12)


def test_lorenz96_neighbours_are_those_of_the_equation():
    x = np.arange(1.0, 7.0)  # x_2 is entry 1: (x_3 - x_0) x_1 - x_2 + F with indices on the ring of six
    assert get_system("lorenz96", dim=6).rhs(x)[1] == pytest.approx((3.0 - 6.0) * 1.0 - 2.0 + 8.0)


@pytest.mark.parametrize("name", EQUATIONS)
def test_jacobian_equals_central_differences(name):
    system = get_system(name)
    x = some_states(system)
    function = system.rhs if system.time == "flow" else system.step
    assert system.jacobian(x) == pytest.approx(central_jacobian(function, x), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations_broadcast_over_leading_axes(name):
    system = get_system(name)
    x = some_states(system, 6).reshape(2, 3, system.dim)
    function = system.rhs if system.time == "flow" else system.step
    assert function(x)[1, 2] == pytest.approx(function(x[1, 2]), rel=1e-15)
    assert system.jacobian(x)[1, 2] == pytest.approx(system.jacobian(x[1, 2]), rel=1e-15)
    assert system.divergence(x).shape == (2, 3)


def test_divergence_is_constant_where_theory_says_so():
    lorenz, henon, ring = get_system("lorenz63", beta=2.0), get_system("henon"), get_system("lorenz96", dim=9)
    assert lorenz.divergence(some_states(lorenz)) == pytest.approx(-13.0)
    assert henon.divergence(some_states(henon)) == pytest.approx(np.log(0.3))
    assert np.linalg.det(henon.jacobian(some_states(henon))) == pytest.approx(-0.3)
    assert ring.divergence(some_states(ring)) == pytest.approx(-9.0)


def test_published_exponents_sum_to_the_divergence():
    for name in ("lorenz63", "henon"):
        system = get_system(name)
        spectrum = system.reference["lyapunov_spectrum"]
        gap = abs(sum(spectrum.value) - system.divergence(some_states(system)).mean())
        assert gap < 1.5 * sum(spectrum.uncertainty)
    assert get_system("lorenz96", dim=11).reference["lyapunov_sum"].value == -11


def test_published_dimension_follows_from_the_published_spectrum():
    for name in ("lorenz63", "rossler", "henon"):
        reference = get_system(name).reference
        positive = np.array(reference["lyapunov_spectrum"].value)
        dimension = len(positive) - 1 + positive[:-1].sum() / -positive[-1]
        assert dimension == pytest.approx(reference["kaplan_yorke_dimension"].value, abs=1e-4)


def test_reference_only_at_the_published_parameters():
    assert "lyapunov_spectrum" in get_system("lorenz63").reference
    assert get_system("lorenz63", rho=29.0).reference == {}
    assert get_system("rossler", c=5.6).reference == {}
    assert get_system("henon", a=1.3).reference == {}
    assert "largest_lyapunov_exponent" not in get_system("lorenz96").reference
    assert get_system("lorenz96", dim=40).reference["largest_lyapunov_exponent"].value == pytest.approx(
        1.65, abs=0.01
    )


def test_runge_kutta_has_order_four():
    system = get_system("lorenz63")
    start = some_states(system, 1)
    no_tangents = np.zeros((1, 3, 0))
    exact = solve_ivp(lambda t, x: system.rhs(x), (0, 0.5), start[0], "DOP853", rtol=1e-13, atol=1e-13).y[
        :, -1
    ]

    def error(steps):
        coarse = dataclasses.replace(system, max_step=0.5 / steps)
        return np.linalg.norm(coarse.tangent_map(0.5)(start, no_tangents)[0][0] - exact)

    order = np.log2(error(100) / error(200))
    assert order == pytest.approx(4.0, abs=0.25)


@pytest.mark.parametrize("name", FLOWS)
def test_trajectory_agrees_with_an_independent_integrator(name):
    system = get_system(name)
    series = system.simulate(501, 0.01, transient=30, seed=1)
    exact = solve_ivp(
        lambda t, x: system.rhs(x), (0, 5.0), series.values[0], "DOP853", series.times, rtol=1e-12, atol=1e-12
    )
    tolerance = {"lorenz63": 1e-4, "rossler": 1e-6, "lorenz96": 0.03}[name]
    assert np.abs(series.values - exact.y.T).max() < tolerance
    assert np.ptp(series.values[:, 0]) > 1


def test_trajectory_agrees_with_torchdiffeq():
    lorenz = get_system("lorenz63")
    series = lorenz.simulate(201, 0.01, transient=30, seed=2)
    field = lambda _, x: torch.from_numpy(lorenz.rhs(x.numpy()))  # noqa: E731
    times = torch.from_numpy(series.times)
    exact = odeint(field, torch.tensor(series.values[0]), times, method="dopri8", rtol=1e-11, atol=1e-11)
    assert np.abs(series.values - exact.numpy()).max() < 1e-5


def test_map_trajectory_is_the_iterated_map():
    henon = get_system("henon")
    x = henon.simulate(50, transient=10, seed=0).values
    assert x[1:] == pytest.approx(henon.step(x[:-1]), rel=1e-12)


@pytest.mark.parametrize("name", EQUATIONS)
def test_tangent_map_is_the_derivative_of_the_step_that_simulate_makes(name):
    system = get_system(name)
    advance = system.tangent_map(system.dt)
    x = some_states(system, 3)
    Q = np.random.default_rng(0).normal(size=(3, system.dim, 2))
    moved, moved_Q = advance(x, Q)
    h = 1e-6
    for c in range(2):
        after = [advance(x + s * h * Q[..., c], Q)[0] for s in (1, -1)]
        assert moved_Q[..., c] == pytest.approx((after[0] - after[1]) / (2 * h), rel=1e-6, abs=1e-6)
    row = system.simulate(20, transient=0, seed=5).values[:4]
    assert advance(row[:-1], Q)[0] == pytest.approx(row[1:], rel=1e-13)
    assert not np.allclose(moved, x)


def test_tangent_map_leaves_its_arguments_alone():
    system = get_system("henon")
    x, Q = np.zeros((1, 2)), np.eye(2)[None]
    system.tangent_map(1)(x, Q)
    assert np.array_equal(x, np.zeros((1, 2))) and np.array_equal(Q, np.eye(2)[None])


@pytest.mark.parametrize("name", [*EQUATIONS, "kuramoto_sivashinsky", "mackey_glass"])
def test_trajectories_stay_on_the_attractor(name):
    system = get_system(name)
    x = system.simulate(20_000, transient=200, seed=0).values
    assert x.std(axis=0) == pytest.approx(system.state_scale()[: system.observed], rel=0.15)


def test_lorenz_z_moments():
    z = get_system("lorenz63").simulate(100_000, 0.05, transient=50, seed=2).values[:, 2]
    assert z.mean() == pytest.approx(23.55, abs=0.05)
    assert z.std() == pytest.approx(8.627, abs=0.04)


def test_seed_decides_every_byte_and_nothing_else_does():
    system = get_system("lorenz63")
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = system.simulate(100, transient=5, seed=7, noise=0.1).values
    again = get_system("lorenz63").simulate(100, transient=5, seed=7, noise=0.1).values
    other = system.simulate(100, transient=5, seed=8, noise=0.1).values
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 1
    system.simulate_many(10, count=2, transient=1, seed=0, noise=0.1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_noise_has_the_size_asked_for_and_leaves_the_trajectory_underneath():
    system = get_system("lorenz63")
    n = 20_000
    clean = system.simulate(n, transient=10, seed=0).values
    errors = system.simulate(n, transient=10, seed=0, noise=0.1).values - clean
    ratio = errors.std(axis=0) / (0.1 * clean.std(axis=0))
    assert np.abs(ratio - 1).max() < 4 / np.sqrt(2 * n)
    assert np.abs(np.corrcoef(errors[1:, 0], errors[:-1, 0])[0, 1]) < 4 / np.sqrt(n)
    assert np.abs(np.corrcoef(errors.T) - np.eye(3)).max() < 4 / np.sqrt(n)


def test_transient_is_discarded_and_counted_in_the_systems_time():
    system = get_system("lorenz63")
    long = system.simulate(301, 0.01, transient=0, seed=4).values
    late = system.simulate(101, 0.01, transient=2.0, seed=4).values
    assert late == pytest.approx(long[200:], abs=1e-5)
    henon = get_system("henon")
    assert np.array_equal(
        henon.simulate(30, transient=20, seed=1).values, henon.simulate(50, transient=0, seed=1).values[20:]
    )
    with pytest.raises(TypeError):
        system.simulate(10, seed=0)


def test_sampling_step_is_exact_and_does_not_change_the_trajectory():
    system = get_system("lorenz63")
    fine = system.simulate(201, 0.01, transient=0, seed=0)
    coarse = system.simulate(101, 0.02, transient=0, seed=0)
    assert (fine.dt, coarse.dt) == (0.01, 0.02)
    assert coarse.values == pytest.approx(fine.values[::2], abs=1e-9)
    assert system.simulate(5, transient=0, seed=0).dt == system.dt
    assert get_system("henon").simulate(5, transient=0, seed=0).time_unit == "iterations"


def test_many_trajectories_are_independent_of_each_other_and_of_simulate():
    system = get_system("rossler")
    members = system.simulate_many(2000, count=12, transient=50, seed=0)
    starts = np.array(
        [m.values[0] for m in members] + [system.simulate(2000, transient=50, seed=0).values[0]]
    )
    gaps = np.linalg.norm(starts[:, None] - starts[None], axis=-1) + 1e9 * np.eye(13)
    assert gaps.min() > 1e-3
    # a phase-coherent attractor: the phases of the members have to be spread over the circle
    phases = np.arctan2(starts[:, 1], starts[:, 0])
    assert abs(np.exp(1j * phases).mean()) < 0.6
    assert [m.origin["member"] for m in members] == list(range(12))


def test_attractor_points_spread_over_the_cycle():
    points = get_system("rossler").attractor_points(200, transient=100, seed=0)
    phases = np.arctan2(points[:, 1], points[:, 0])
    assert abs(np.exp(1j * phases).mean()) < 0.25
    assert points[:, 0].std() == pytest.approx(5.1, rel=0.15)


def test_attractor_points_do_not_follow_each_other():
    system = get_system("henon")
    x = system.attractor_points(2, transient=100, seed=0)
    orbit = [x]
    for _ in range(300):
        orbit.append(system.step(orbit[-1]))
    first, second = np.array(orbit).transpose(1, 0, 2)
    distances = {lag: np.linalg.norm(first[lag:] - second[:-lag], axis=1) for lag in range(1, 12)}
    gaps = min(distances.values(), key=lambda gaps: gaps[0])
    assert gaps[0] < 0.02  # a nudge of 1e-4, grown over the lag
    assert np.median(gaps[100:]) > 0.3


def test_attractor_points_see_every_band_that_a_map_visits_in_turn():
    points = get_system("logistic", r=3.6).attractor_points(400, transient=100, seed=0)[:, 0]
    fixed = 1 - 1 / 3.6  # lies in the gap between the two bands
    assert 0.4 < (points > fixed).mean() < 0.6


def test_origin_says_how_to_make_the_series_again():
    system = get_system("lorenz63", rho=30.0)
    series = system.simulate(50, 0.02, transient=3, seed=9, noise=0.05)
    o = series.origin
    again = get_system(o["system"], **o["parameters"]).simulate(
        o["n"], o["dt"], transient=o["transient"], seed=o["seed"], noise=o["noise"]
    )
    assert again.values.tobytes() == series.values.tobytes()
    assert o["parameters"]["rho"] == 30.0 and o["max_step"] == 0.0025 and "dsr" in o and "integrator" in o


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (dict(n=0), "n = 0"),
        (dict(n=10.5), "n = 10.5"),
        (dict(dt=-0.01), "dt = -0.01"),
        (dict(dt=float("nan")), "dt = nan"),
        (dict(dt="0.1"), "dt = '0.1'"),
        (dict(transient=-1), "transient = -1"),
        (dict(transient=float("inf")), "transient = inf"),
        (dict(noise=-0.1), "noise = -0.1"),
        (dict(seed=-1), "seed = -1"),
        (dict(seed=None), "seed = None"),
    ],
)
def test_bad_arguments_are_named(arguments, word):
    given = dict(n=10, dt=0.01, transient=1.0, seed=0, noise=0.0) | arguments
    with pytest.raises(SpecError) as caught:
        get_system("lorenz63").simulate(**given)
    assert word in caught.value.got and caught.value.accepted and caught.value.next_step


def test_bad_use_of_maps_and_parameters():
    with pytest.raises(SpecError, match=r"dt = 0\.5 for the map"):
        get_system("henon").simulate(10, 0.5, transient=0, seed=0)
    with pytest.raises(SpecError, match="whole number of iterations"):
        get_system("henon").simulate(10, transient=0.5, seed=0)
    with pytest.raises(SpecError, match="step for a map"):
        get_system("henon").rhs(np.zeros(2))
    with pytest.raises(SpecError, match="count = 0"):
        get_system("henon").simulate_many(10, count=0, transient=0, seed=0)
    with pytest.raises(SpecError, match="finite numbers"):
        get_system("lorenz63", rho=float("nan"))
    with pytest.raises(SpecError, match="4 sites"):
        get_system("lorenz96", dim=3)


def test_escape_to_infinity_is_an_error_with_its_time():
    with pytest.raises(DataError, match=r"henon became infinite \d+ iterations after"):
        get_system("henon", a=3.0).simulate(1000, transient=0, seed=0)
    with pytest.raises(DataError, match=r"rossler became infinite [\d.]+ time units after"):
        get_system("rossler", a=2.0).simulate(1000, transient=100, seed=0)
    with pytest.raises(DataError, match="became infinite"):
        get_system("henon").tangent_map(1)(np.full((1, 2), 1e200), np.eye(2)[None])


@pytest.mark.parametrize(
    ("typed", "meant"), [("lorenz36", "lorenz63"), ("Lorenz", "lorenz63"), ("rosler", "rossler")]
)
def test_unknown_names_get_the_nearest_match(typed, meant):
    with pytest.raises(SpecError, match=f"did you mean '{meant}'"):
        get_system(typed)


def test_unknown_parameter_gets_the_nearest_match():
    with pytest.raises(SpecError, match="did you mean 'sigma'"):
        get_system("lorenz63", sigm=1.0)
    with pytest.raises(SpecError, match="rho"):
        get_system("lorenz63", rho="28")


def test_import_needs_neither_compiler_nor_catalogue():
    heavy = ("numba", "scipy", "dysts", "torch")
    code = f"import sys, dsr.systems; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
