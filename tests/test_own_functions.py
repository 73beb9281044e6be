"""Systems from Python functions: the same as built-in ones, with a Jacobian whose method is named and right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsr.analysis import lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.systems import from_function, from_text, get_system
from dsr.systems.own.function_systems import CompiledFunction, PlainFunction

START = (1.0, 1.0, 25.0)
KNOWN = {"dt": 0.01, "period": 0.75, "max_step": 0.0025}


def lorenz(x, sigma=10.0, rho=28.0, beta=8 / 3):
    return [sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]]


def lorenz_jacobian(x, sigma, rho, beta):
    return [[-sigma, sigma, 0.0], [rho - x[2], -1.0, -x[0]], [x[1], x[0], -beta]]


def wrong_jacobian(x, sigma, rho, beta):
    return [[-sigma, rho - x[2], x[1]], [sigma, -1.0, x[0]], [0.0, -x[0], -beta]]


def lorenz_torch(x, sigma=10.0, rho=28.0, beta=8 / 3):
    return torch.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])


def lorenz_of_objects(x, rho=28.0):
    a, b, c = (float(v) for v in x)  # takes one real state, and nothing that numba knows
    numbers = {"sigma": 10.0, "beta": 8 / 3}
    return [numbers["sigma"] * (b - a), a * (rho - c) - b, a * b - numbers["beta"] * c]


def tent(x, mu=1.99):
    return [mu * (0.5 - abs(x[0] - 0.5))]


def duffing(x, t, d=0.3, g=0.5, w=1.2):
    return [x[1], -d * x[1] + x[0] - x[0] ** 3 + g * np.cos(w * t)]


def states(count=50):
    return np.random.default_rng(0).normal(0.0, 15.0, (count, 3))


@pytest.fixture(scope="module")
def compiled():
    return from_function(lorenz, START, names=("x", "y", "z"), **KNOWN)


@pytest.mark.parametrize(
    ("function", "how", "method", "error"),
    [
        (lorenz, {}, "complex step", 1e-12),
        (lorenz, {"jacobian": lorenz_jacobian}, "given", 1e-12),
        (lorenz, {"derivative": "central differences"}, "central differences", 1e-6),
        (lorenz_torch, {}, "torch.func", 1e-12),
        (lorenz_of_objects, {}, "central differences", 1e-6),
    ],
)
def test_every_way_to_a_jacobian_gives_that_of_the_built_in_system(function, how, method, error):
    system = from_function(function, START, **KNOWN, **how)
    built_in, x = get_system("lorenz63"), states()
    assert system.function.method == method
    assert np.abs(system.rhs(x) - built_in.rhs(x)).max() < 1e-12
    assert np.abs(system.jacobian(x) - built_in.jacobian(x)).max() < error
    assert system.jacobian(x[3]) == pytest.approx(system.jacobian(x)[3], rel=1e-12, abs=1e-12)
    plain = function in (lorenz_torch, lorenz_of_objects)
    assert isinstance(system, PlainFunction if plain else CompiledFunction)
    assert method in system._provenance()["jacobian"].lower()
    assert method in system.tangent_map(0.01).method.lower()
    assert system.function.batches == (function is not lorenz_of_objects)


def test_orbit_and_tangent_vectors_are_those_of_the_built_in_system(compiled):
    built_in, plain = get_system("lorenz63"), from_function(lorenz_of_objects, START, **KNOWN)
    start, Q = np.array([[3.0, -2.0, 20.0]]), np.eye(3)[None]
    expected = built_in.tangent_map(0.05)(start, Q)
    for system, close in ((compiled, 1e-11), (plain, 1e-7)):
        x, tangents = system.tangent_map(0.05)(start, Q)
        assert x == pytest.approx(expected[0], rel=1e-12)
        assert tangents == pytest.approx(expected[1], rel=close, abs=close)
    orbit = built_in._orbit(start[0], 40, 0.01, 0.0)
    assert compiled._orbit(start[0], 40, 0.01, 0.0) == pytest.approx(orbit, rel=1e-11)
    assert plain._orbit(start[0], 40, 0.01, 0.0) == pytest.approx(orbit, rel=1e-11)


def test_simulation_is_reproduced_and_tells_how_the_jacobian_was_got(compiled):
    one, two = (compiled.simulate_many(50, count=2, transient=5.0, seed=3) for _ in range(2))
    assert one[1].values.tobytes() == two[1].values.tobytes() != one[0].values.tobytes()
    assert one[0].names == ("x", "y", "z")
    assert one[0].origin["jacobian"] == "Jacobian by complex step"
    assert one[0].origin["parameters"]["rho"] == 28.0
    assert compiled.attractor_points(5, transient=5.0, seed=0).shape == (5, 3)


def test_scales_period_and_step_are_measured():
    system = from_function(lorenz, START)
    assert system.scale == pytest.approx((7.9, 9.0, 8.6), rel=0.1)
    assert system.period == pytest.approx(0.75, rel=0.1)
    assert system.dt == system.period / 100
    assert 0.0005 < system.max_step < 0.01


def test_a_kink_is_seen_and_differentiated_by_differences():
    system = from_function(tent, (0.3,), time="map")
    assert system.function.method == "central differences"
    assert system.jacobian(np.array([[0.2], [0.7]])).ravel() == pytest.approx([1.99, -1.99], rel=1e-6)
    with pytest.raises(SpecError, match="complex step for a function"):
        from_function(tent, (0.3,), time="map", derivative="complex step")


def test_a_function_of_time_is_made_autonomous():
    system = from_function(duffing, (0.1, 0.1), period=2 * np.pi / 1.2, max_step=0.02)
    x = np.array([0.4, -0.2, 3.0])
    assert (system.dim, system.observed) == (3, 2)
    assert system.rhs(x) == pytest.approx([-0.2, 0.06 + 0.4 - 0.064 + 0.5 * np.cos(3.6), 1.0], rel=1e-13)
    assert system.jacobian(x)[1] == pytest.approx([1 - 3 * 0.16, -0.3, -0.6 * np.sin(3.6)], rel=1e-6)
    assert system.jacobian(x)[2] == pytest.approx([0.0, 0.0, 0.0])


def test_parameters_are_changed_by_name(compiled):
    assert compiled.with_parameters(rho=40.0).rhs(np.ones(3))[1] == 38.0
    assert compiled.rhs(np.ones(3))[1] == 26.0
    assert from_function(lorenz, START, {"rho": 40.0}, **KNOWN).rhs(np.ones(3))[1] == 38.0
    with pytest.raises(SpecError, match="did you mean 'rho'"):
        compiled.with_parameters(roh=40.0)


@pytest.mark.parametrize(
    ("function", "how", "said"),
    [
        (lambda x, a: -a * x, {}, "without a value for 'a'"),
        (lambda x, *a: -x, {}, "name every parameter"),
        (lambda x, a=1.0, t=0.0: -a * x, {}, "t as the second"),
        (lambda x, a="one": -x, {}, "a finite number"),
        (lambda x: [x[0]], {}, "returns"),
        (lorenz, {"parameters": {"rh": 1.0}}, "did you mean 'rho'"),
        (lorenz, {"jacobian": wrong_jacobian, **KNOWN}, "differs from central differences"),
        (lorenz, {"derivative": "complex", **KNOWN}, "complex step"),
        (lorenz, {"derivative": "torch.func", **KNOWN}, "written in numpy"),
        (lorenz, {"names": ("x",)}, "one for each"),
        (lorenz, {"time": "flew"}, "flow"),
        (lorenz, {"dt": -1.0}, "positive"),
    ],
)
def test_functions_and_arguments_that_do_not_fit(function, how, said):
    with pytest.raises(SpecError, match=said) as caught:
        from_function(function, START, **how)
    assert all((caught.value.got, caught.value.accepted, caught.value.next_step))


def test_a_function_that_escapes_is_said_to():
    with pytest.raises(DataError, match="leaves every bound"):
        from_function(lambda x: [x[0] ** 2], (1.0,))
    with pytest.raises(SpecError, match="finite numbers"):
        from_function(lorenz, (1.0, np.nan, 2.0))


def cubic(x, a=2.75, b=0.2):
    return [x[1], -b * x[0] + a * x[1] - x[1] ** 3]


@pytest.mark.parametrize("start", [(0.11, 0.21), (0.12, 0.22)])
def test_powers_of_negative_numbers_have_the_right_derivative_in_compiled_loops(start):
    system = from_function(cubic, start, time="map")
    assert isinstance(system, CompiledFunction)
    J = system._pointwise()[1](np.array([0.3, -0.5]))
    assert J == pytest.approx(np.array([[0.0, 1.0], [-0.2, 2.0]]), abs=1e-8)
    found = lyapunov_spectrum(
        system.tangent_map(), system.attractor_points(16, transient=200, seed=0), steps=4000, transient=500, dt=1.0
    )
    assert found.exponents == pytest.approx([0.478, -2.088], abs=0.01)
    asked = from_function(cubic, start, time="map", derivative="complex step")
    assert isinstance(asked, PlainFunction)
    assert asked.function.method == "complex step"


def test_a_difference_in_time_is_as_narrow_late_as_early():
    system = from_function(duffing, (0.1, 0.1), period=2 * np.pi / 1.2, max_step=0.02, derivative="central differences")
    late = np.array([0.4, -0.2, 1e5])
    for J in (system.jacobian(late), system._pointwise()[1](late)):
        assert J[1, 2] == pytest.approx(-0.6 * np.sin(1.2e5), rel=1e-4)


def switched(x, t, a=3.9, b=3.6):
    r = a if t % 2 == 0 else b
    return [r * x[0] * (1 - x[0])]


def test_a_map_sees_whole_times_only():
    text = from_text(
        {"x": "where(t - 2*floor(t/2) < 0.5, a, b)*x*(1 - x)"}, {"a": 3.9, "b": 3.6}, {"time": "map", "initial": [0.3]}
    )
    for system in (from_function(switched, (0.3,), time="map"), text):
        x = system.simulate(20, transient=100, seed=0).values[:, 0]
        r = x[1:] / (x[:-1] * (1 - x[:-1]))
        assert sorted(set(np.round(r, 9))) == [3.6, 3.9]
        assert (np.diff(r) != 0).all()
        points = system.attractor_points(32, transient=1000, seed=0)
        assert (points[:, 1] % 1 == 0).all()
        found = lyapunov_spectrum(system.tangent_map(), points, steps=20_000, transient=100, dt=1.0)
        assert found.exponents == pytest.approx([0.1389, 0.0], abs=0.004)


def test_the_origin_tells_the_time_of_the_first_row():
    system = from_function(lambda x, t: [-50 * (x[0] - t)], (0.0,), period=1.0)
    series = system.simulate(5, 0.1, transient=5.0, seed=1)
    assert series.values[0, 0] + 0.02 == pytest.approx(series.origin["first_time"], abs=1e-6)


def star(x):
    a, b, c, d = x
    return [c, d, -a - 2 * a * b, -b - a * a + b * b]


def test_seeds_of_a_conservative_system_have_one_energy():
    def energy(x):
        return 0.5 * (x**2).sum(-1) + x[..., 0] ** 2 * x[..., 1] - x[..., 1] ** 3 / 3

    start = (0.0, -0.15, 0.49057, 0.0)
    equations = {"a": "c", "b": "d", "c": "-a - 2*a*b", "d": "-b - a*a + b*b"}
    for perturbation in (1e-6, 0):
        for system in (
            from_function(star, start, perturbation=perturbation),
            from_text(equations, about={"initial": list(start), "perturbation": perturbation}),
        ):
            rows = [system.simulate(100, transient=0, seed=seed).values for seed in range(3)]
            assert energy(np.array(rows)) == pytest.approx(energy(np.array(start)), rel=1e-5)
            assert not np.array_equal(rows[0], rows[1])
    with pytest.raises(SpecError, match="perturbation"):
        from_function(star, start, perturbation=-1.0)


@pytest.mark.parametrize("unit", [1e-6, 1e-9])
def test_small_units_change_nothing_but_the_scale(unit):
    def small(x):
        return [10 * (x[1] - x[0]), x[0] * (28 - x[2] / unit) - x[1], x[0] * x[1] / unit - 8 / 3 * x[2]]

    def henon(x):
        return [unit - 1.4 * x[0] ** 2 / unit + x[1], 0.3 * x[0]]

    flow = from_function(small, (unit, unit, 25 * unit))
    assert np.array(flow.scale) / unit == pytest.approx((7.9, 9.0, 8.6), rel=0.1)
    assert flow.period == pytest.approx(0.75, rel=0.05)
    both = from_function(henon, (0.1 * unit, 0.1 * unit), time="map")
    assert np.array(both.scale) / unit == pytest.approx((0.72, 0.216), rel=0.05)
    assert (flow.warning, both.warning) == ("", "")
    assert (both.simulate(1000, transient=100, seed=0).values.std(axis=0) / unit)[0] == pytest.approx(0.72, rel=0.05)


def test_functions_with_side_effects_are_refused():
    rng = np.random.default_rng(0)

    def noisy(x):
        return [3.9 * x[0] * (1 - x[0]) * (1 - 0.01 * rng.random())]

    def changing(x):
        x[0] = 1 - 1.4 * x[0] ** 2 + x[1]
        x[1] = 0.3 * x[0]
        return x

    for function, start, said in ((noisy, (0.3,), "and then"), (changing, (0.1, 0.1), "changes the state")):
        with pytest.raises(SpecError, match=said) as caught:
            from_function(function, start, time="map")
        assert all((caught.value.got, caught.value.accepted, caught.value.next_step))


def test_stiff_equations_are_advised_an_implicit_integrator():
    def van_der_pol(x, mu=100.0):
        return [x[1], mu * (1 - x[0] ** 2) * x[1] - x[0]]

    with pytest.raises(DataError, match='integrator="lsoda"'):
        from_function(van_der_pol, (2.0, 0.0))


def test_a_jump_under_central_differences_is_warned_of():
    def cat(x):
        return [(2 * x[0] + x[1]) % 1.0, (x[0] + x[1]) % 1.0]

    assert "jump" in from_function(cat, (0.31, 0.17), time="map").warning
    exact = from_function(cat, (0.31, 0.17), time="map", jacobian=lambda x: [[2.0, 1.0], [1.0, 1.0]])
    assert exact.warning == from_function(tent, (0.3,), time="map").warning == ""
