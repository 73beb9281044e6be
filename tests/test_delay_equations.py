"""Delay equations: order of the scheme on a known solution, tangent map, exponents of Mackey-Glass and Ikeda."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.systems import delay, get_system
from dsr.systems.delay import Delayed
from dsr.systems.ikeda_delay import IkedaDelay

OMEGA, TAU = 1.3, 2.0


def rotation(y, out, p):
    """x' = omega J R(omega tau) x(t - tau), solved by x = (cos omega t, sin omega t)."""
    c, s = p[0] * np.cos(p[0] * p[1]), p[0] * np.sin(p[0] * p[1])
    out[0] = -s * y[2] - c * y[3]
    out[1] = c * y[2] - s * y[3]


def rotation_derivative(y, J, p):
    c, s = p[0] * np.cos(p[0] * p[1]), p[0] * np.sin(p[0] * p[1])
    J[0, 2], J[0, 3], J[1, 2], J[1, 3] = -s, -c, c, -s


def _rotating(points):
    return Delayed(
        name="rotation", time="flow", dim=2 * (points + 2), dt=TAU, period=2 * np.pi / OMEGA,
        parameters={"tau": TAU}, default_state=np.zeros(2 * (points + 2)), names=("x", "y"), observed=2,
        field=rotation, derivative=rotation_derivative, numbers=(OMEGA, TAU), points=points, scale=(0.7, 0.7),
    )  # fmt: skip


def _circle(points, t):
    times = OMEGA * (t - TAU / points * np.arange(points + 2))
    return np.stack([np.cos(times), np.sin(times)], axis=1).ravel()


def test_the_scheme_is_of_fourth_order_on_a_known_solution():
    errors = []
    for points in (20, 40, 80):
        orbit = _rotating(points)._orbit(_circle(points, 0.0), 4, TAU, 0.0)
        errors.append(np.abs(orbit[-1] - _circle(points, 3 * TAU)).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (np.abs(orders - 4) < 0.4).all() and errors[-1] < 1e-5


def test_the_tangent_map_of_a_linear_equation_is_its_orbit():
    system, points = _rotating(20), 20
    start = _circle(points, 0.4)
    moved, tangents = system.tangent_map()(start[None], start[None, :, None])
    end = system._orbit(start, 2, TAU, 0.0)[1]
    np.testing.assert_allclose(moved[0], end, rtol=1e-12)
    np.testing.assert_allclose(tangents[0, :, 0], end, rtol=1e-10, atol=1e-12)


def test_a_stretch_is_its_steps_one_by_one():
    system = get_system("mackey_glass", tau=30.0)
    tangents = system.tangent_map()
    x, Q = system.attractor_points(2, transient=300, seed=0), np.zeros((2, system.dim, 2))
    Q[:, 0, 0], Q[:, 5, 1] = 1.0, 1.0
    end, _, growth = tangents.stretch(x, Q, 3, 4)
    for _ in range(12):
        x, Q = tangents(x, Q)
    np.testing.assert_allclose(end, x, rtol=1e-12)
    volume = 0.5 * np.linalg.slogdet(np.swapaxes(Q, 1, 2) @ Q)[1]
    np.testing.assert_allclose(growth.sum(axis=(0, 2)), volume, rtol=1e-9)


def test_ikeda_tangent_map_against_differences():
    system = IkedaDelay().build()
    points = system.attractor_points(2, transient=100, seed=0)
    v, eps = np.random.default_rng(0).standard_normal((2, system.dim, 1)), 1e-6
    _, tangents = system.tangent_map()(points, v)
    for i, point in enumerate(points):
        there, back = (system._orbit(point + sign * eps * v[i, :, 0], 2, system.dt, 0.0)[1] for sign in (1, -1))
        np.testing.assert_allclose(tangents[i, :, 0], (there - back) / (2 * eps), rtol=1e-4, atol=1e-5)


def test_ikeda_is_hyperchaotic_and_symmetric():
    """With x0 = 0 the equation is odd: the mean is 0. A phase of pi and the other sign of mu are the same equation."""
    system = IkedaDelay().build()
    points = system.attractor_points(6, transient=100, seed=0)
    found = lyapunov_spectrum(system.tangent_map(0.2), points, steps=600, transient=100, dt=0.2, k=4)
    assert (found.exponents > 0.15).all() and found.exponents[0] == pytest.approx(0.45, abs=0.05)
    x = system.simulate(20_000, 0.1, transient=100, seed=0).values
    assert abs(x.mean()) < 0.3 and x.std() == pytest.approx(3.6, abs=0.2)
    other = IkedaDelay(mu=20.0, x0=np.pi).build()
    np.testing.assert_allclose(other._orbit(points[0], 2, 1.0, 0.0), system._orbit(points[0], 2, 1.0, 0.0), atol=1e-9)


def test_ikeda_at_rest_decays_without_light():
    """x' = -x forgets its past: x(t) = exp(-t)."""
    system = IkedaDelay(mu=0.0).build()
    orbit = system._orbit(np.ones(system.dim), 5, 1.0, 0.0)
    np.testing.assert_allclose(orbit[:, 0], np.exp(-np.arange(5.0)), rtol=1e-8)


def test_any_delay_has_a_grid_and_a_spacing_of_starts():
    system = get_system("mackey_glass", tau=16.95)
    assert system.simulate(200, transient=10, seed=0).dt == pytest.approx(1.0, abs=0.05)
    assert system.attractor_points(3, transient=10, seed=0).shape == (3, system.dim)


def test_a_long_time_between_rows_is_passed_without_remembering_it(monkeypatch):
    system = get_system("mackey_glass")
    whole = system.simulate(200, 150.0, transient=333.3, seed=4).values
    monkeypatch.setattr(delay, "LONGEST", 400)  # steps; 150 units of time are more of them
    assert 150.0 / system._h > 1000
    assert system.simulate(200, 150.0, transient=333.3, seed=4).values.tobytes() == whole.tobytes()
    monkeypatch.setattr(delay, "LONGEST", 10_000)
    tracemalloc.start()
    system.simulate(200, transient=1e5, seed=4)
    assert tracemalloc.get_traced_memory()[1] < 4e6  # the past of such a transient has 8 MB
    tracemalloc.stop()


def test_escape_and_wrong_settings():
    with pytest.raises(SpecError, match="tau from 0"):
        IkedaDelay(tau=0.0).build()
    with pytest.raises(SpecError, match="multiple of its integration step"):
        IkedaDelay().build().tangent_map(0.0123)
    grown = get_system("mackey_glass", gamma=1e-3, beta=0.2)
    with pytest.raises(DataError, match="became infinite"):
        grown._orbit(np.full(grown.dim, np.nan), 3, 1.0, 0.0)


@pytest.mark.slow
def test_mackey_glass_exponents_over_the_delay():
    """One positive exponent at 17, two at 30, and a dimension that grows with the delay, as Farmer (1982) found,
    doi:10.1016/0167-2789(82)90042-2."""
    found = {}
    for tau in (17.0, 23.0, 30.0):
        system = get_system("mackey_glass", tau=tau)
        points = system.attractor_points(8, transient=1000, seed=0)
        found[tau] = lyapunov_spectrum(system.tangent_map(), points, steps=20_000, transient=1000, dt=1.0, k=6)
    assert 0.005 < found[17.0].exponents[0] < 0.007
    assert (found[30.0].exponents > 1e-3).sum() == 2
    dimensions = [spectrum.kaplan_yorke.value for spectrum in found.values()]
    assert dimensions[0] == pytest.approx(2.1, abs=0.05) and dimensions[0] < dimensions[1] < dimensions[2] < 4
