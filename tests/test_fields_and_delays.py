"""Kuramoto-Sivashinsky and Mackey-Glass: operators, order of the schemes, tangent maps, published exponents."""

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum
from dsr.errors import SpecError
from dsr.systems import get_system
from dsr.systems.kuramoto_sivashinsky import Ring


def test_the_field_equation_on_a_sine():
    """u = sin(q x): u_t = -q sin cos + (q^2 - q^4) sin, exactly representable on the points."""
    ring = get_system("kuramoto_sivashinsky", length=22.0, dim=48)
    q, x = 2 * 2 * np.pi / 22.0, 22.0 * np.arange(48) / 48
    expected = -q * np.sin(q * x) * np.cos(q * x) + (q**2 - q**4) * np.sin(q * x)
    np.testing.assert_allclose(ring.rhs(np.sin(q * x)), expected, atol=1e-12)
    u, v, eps = np.sin(x), np.cos(3 * x), 1e-6
    np.testing.assert_allclose(
        ring.jacobian(u) @ v, (ring.rhs(u + eps * v) - ring.rhs(u - eps * v)) / (2 * eps), atol=1e-6
    )


def test_the_exponential_scheme_converges(monkeypatch):
    """Fourth order in the limit; stiffness takes up to one order away at the steps in use."""
    ring = get_system("kuramoto_sivashinsky")
    start = ring.attractor_points(1, transient=200, seed=0)[0]
    ends = {}
    for step in (1 / 8, 1 / 32, 1 / 64, 1 / 512):
        monkeypatch.setattr("dsr.systems.kuramoto_sivashinsky.MAX_STEP", step)
        ends[step] = ring._orbit(start, 9, 0.25, 0.0)[-1]
    coarse, middle, fine = (np.abs(ends[s] - ends[1 / 512]).max() for s in (1 / 8, 1 / 32, 1 / 64))
    assert 3.2 < np.log2(middle / fine) < 4.2 and coarse < 1e-4


def test_the_mean_is_conserved_and_the_field_stays_bounded():
    ring = get_system("kuramoto_sivashinsky")
    x = ring.simulate(8000, 0.25, transient=100, seed=1).values
    assert np.abs(x.mean(axis=1)).max() < 1e-10 and np.abs(x).max() < 4.0
    assert x.std() == pytest.approx(1.17, abs=0.1)


@pytest.mark.parametrize("name", ["kuramoto_sivashinsky", "mackey_glass"])
def test_the_tangent_map_is_the_derivative_of_the_orbit(name):
    system = get_system(name)
    points = system.attractor_points(3, transient=200, seed=0)
    v, eps = np.random.default_rng(0).standard_normal((3, system.dim, 2)), 1e-6
    if isinstance(system, Ring):
        v -= v.mean(axis=1, keepdims=True)
    moved, tangents = system.tangent_map()(points, v)
    for i, point in enumerate(points):
        end = system._orbit(point, 3, system.dt, 0.0)
        np.testing.assert_allclose(moved[i], end[1], atol=1e-11)
        for k in range(2):
            there, back = (system._orbit(point + s * eps * v[i, :, k], 3, system.dt, 0.0)[1] for s in (1, -1))
            np.testing.assert_allclose(tangents[i, :, k], (there - back) / (2 * eps), rtol=1e-4, atol=1e-5)


def test_rows_of_the_field_lie_as_far_apart_as_asked():
    """Whether or not whole steps of 1/8 fit between them."""
    ring = get_system("kuramoto_sivashinsky")
    rows = ring.simulate(64, dt=1.05, transient=0.0, seed=0).values
    moved, _ = ring.tangent_map(1.05)(rows[:-1], np.zeros((63, ring.dim, 1)))
    np.testing.assert_allclose(moved, rows[1:], atol=1e-10)


def test_the_delay_equation_rests_where_production_and_decay_balance():
    system = get_system("mackey_glass")
    orbit = system._orbit(np.ones(system.dim), 50, 1.0, 0.0)
    np.testing.assert_allclose(orbit, 1.0, atol=1e-13)


def test_the_delay_scheme_is_of_fourth_order(monkeypatch):
    """A smooth past of one frequency, sampled as finely as each step wants it, followed over one delay."""
    ends = {}
    for step in (0.4, 0.2, 0.1, 0.0125):
        monkeypatch.setattr("dsr.systems.mackey_glass.STEP", step)
        system = get_system("mackey_glass", tau=16.0)
        past = 0.9 + 0.2 * np.sin(0.3 * system._h * np.arange(system.dim))
        ends[step] = system._orbit(past, 10, 1.6, 0.0)[-1, 0]
    errors = np.array([abs(ends[s] - ends[0.0125]) for s in (0.4, 0.2, 0.1)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert (orders > 3.3).all() and errors[-1] < 1e-6


def test_published_exponents():
    """Kuramoto-Sivashinsky, L = 22: 0.048 (Cvitanovic et al. 2010), two of its three neutral directions within the
    first four; Mackey-Glass, tau = 17: one positive exponent of 0.005 to 0.006, and Kaplan-Yorke dimension 2.1."""
    found = {}
    for name, steps in (("kuramoto_sivashinsky", 4000), ("mackey_glass", 6000)):
        system = get_system(name)
        points = system.attractor_points(8, transient=500, seed=0)
        found[name] = lyapunov_spectrum(system.tangent_map(), points, steps=steps, transient=500, dt=system.dt, k=5)
    field, delay = found["kuramoto_sivashinsky"], found["mackey_glass"]
    assert field.exponents[0] == pytest.approx(0.048, abs=0.006)
    assert np.abs(field.exponents[1:4]).max() < 0.008
    assert delay.exponents[0] == pytest.approx(0.0055, abs=0.0008)
    assert abs(delay.exponents[1]) < 5e-4 and delay.kaplan_yorke.value == pytest.approx(2.1, abs=0.05)


def test_only_the_present_is_observed():
    series = get_system("mackey_glass").simulate(500, 1.0, transient=300, seed=0, noise=0.1)
    assert series.values.shape == (500, 1) and series.names == ("x",)


def test_settings_out_of_range_are_refused():
    with pytest.raises(SpecError, match="dim=66"):
        get_system("kuramoto_sivashinsky", dim=20)
    with pytest.raises(SpecError, match="multiple of its integration step"):
        get_system("mackey_glass").simulate(400, 0.25, transient=0, seed=0)
    with pytest.raises(SpecError, match="tau from 0"):
        get_system("mackey_glass", tau=0.0)
    with pytest.raises(SpecError, match="a delay equation"):
        get_system("mackey_glass").rhs(np.ones(172))
