"""Adaptive and implicit integration: accuracy, stiffness, tangent vectors, and what is said of a step too large."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dsr.errors import DataError, EscapeError, SpecError
from dsr.systems import from_function, from_text, get_system
from dsr.systems.ensemble import parameter_family, simulate_ensemble
from dsr.systems.integration.integrate import compiled, flow_orbit
from dsr.systems.integration.stiff import stiffness

LORENZ = get_system("lorenz63")
START = np.array([-5.0, -6.0, 22.0])
ROBERTSON = {"a": "-0.04*a + 1e4*b*c", "b": "0.04*a - 1e4*b*c - 3e7*b**2", "c": "3e7*b**2"}
VAN_DER_POL = {"x": "y", "y": "mu*(1 - x**2)*y - x"}


def orbit(system, dt, rows=21, start=START):
    return system._orbit(start, rows, dt, 0.0)


def test_the_error_of_adaptive_steps_follows_the_tolerance():
    exact = orbit(LORENZ.with_integrator("dopri5", rtol=1e-13, atol=1e-13), 0.1)
    errors = []
    for tolerance in (1e-5, 1e-7, 1e-9, 1e-11):
        found = orbit(LORENZ.with_integrator("dopri5", rtol=tolerance, atol=tolerance), 0.1)
        errors.append(np.abs(found - exact).max() / 30.0)
    ratios = np.array(errors) / np.array([1e-5, 1e-7, 1e-9, 1e-11])
    assert (0.1 < ratios).all() and (ratios < 100).all()
    independent = orbit(LORENZ.with_integrator("radau", rtol=1e-11, atol=1e-11), 0.1)
    assert np.abs(independent - exact).max() < 1e-8


def test_rows_between_steps_cost_no_steps_and_no_accuracy():
    system = LORENZ.with_integrator("dopri5", rtol=1e-9, atol=1e-9)
    coarse, fine = orbit(system, 0.5, 5), orbit(system, 0.5 / 400, 1601)
    assert np.abs(coarse - fine[::400]).max() < 1e-11
    exact = orbit(dataclasses.replace(LORENZ, max_step=0.5 / 1600), 0.5 / 400, 1601)
    assert np.abs(fine - exact).max() < 3e-6


@pytest.mark.parametrize("name", ["henon_heiles", "double_pendulum"])
def test_tight_tolerances_conserve_the_energy_for_a_thousand_periods(name):
    system = get_system(name).with_integrator("dopri5", rtol=1e-13, atol=1e-13)
    energy = system.energy(system._orbit(system.default_state, 1001, system.period, 0.0))
    assert np.abs(energy / energy[0] - 1).max() < 1e-8


def test_every_integrator_moves_tangent_vectors_alike():
    """Volumes shrink at the constant rate sigma + 1 + beta, and the columns are derivatives of the flow."""
    for name in ("dopri5", "lsoda", "radau"):
        system = LORENZ.with_integrator(name, rtol=1e-11, atol=1e-11)
        step = system.tangent_map(0.3)
        x, Q = step(START[None], np.eye(3)[None])
        assert np.log(np.linalg.det(Q[0])) == pytest.approx(-(10 + 1 + 8 / 3) * 0.3, abs=1e-8)
        ends = [orbit(system, 0.3, 2, START + s * 1e-4 * np.eye(3)[0])[1] for s in (1, -1)]
        np.testing.assert_allclose(Q[0][:, 0], (ends[0] - ends[1]) / 2e-4, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(x[0], orbit(system, 0.3, 2)[1], rtol=1e-8)
        assert {"dopri5": "compiled", "lsoda": "LSODA", "radau": "Radau"}[name] in step.method


def test_the_compiled_stretch_of_adaptive_steps_equals_the_stepwise_one():
    step = LORENZ.with_integrator("dopri5").tangent_map(0.1)
    _, _, growth = step.stretch(START[None], np.eye(3)[None], 3, 2)
    x, Q, logs = START[None], np.eye(3)[None], []
    for _ in range(2):
        for _ in range(3):
            x, Q = step(x, Q)
        Q, R = np.linalg.qr(Q)
        logs.append(np.log(np.abs(np.diagonal(R[0]))))
    np.testing.assert_allclose(growth[:, 0], logs, rtol=1e-5)


def test_stiff_equations_are_found_and_solved_implicitly():
    """Van der Pol's relaxation oscillation: period mu (3 - 2 ln 2) + 7.014 mu^(-1/3), Haag's expansion."""
    system = from_text(VAN_DER_POL, {"mu": 1000.0}, {"initial": [2.0, 0.0], "name": "relaxing"})
    assert system.integrator.name == "lsoda" and system.max_step < 2e-3
    times = 20.0 * np.arange(200)
    found = system._orbit(system.default_state, 200, 20.0, 0.0)
    exact = system.with_integrator("radau", rtol=1e-10, atol=1e-10)._orbit(system.default_state, 200, 20.0, 0.0)
    assert np.abs(found[:, 0] - exact[:, 0]).max() < 1e-5
    upward = np.flatnonzero((found[1:, 0] > 0) & (found[:-1, 0] <= 0))
    assert np.diff(times[upward]) == pytest.approx(1000 * (3 - 2 * np.log(2)) + 0.7, abs=20.0)
    assert system.tangent_map(1.0).method == "variational equation by LSODA"
    assert system.simulate(20, transient=0, seed=0).origin["integrator"].startswith("LSODA")
    mild = from_text(VAN_DER_POL, {"mu": 5.0}, {"initial": [2.0, 0.0]})
    assert mild.integrator.name == "rk4" and mild.period == pytest.approx(11.6, rel=0.05)


def test_robertsons_reaction_has_the_textbook_concentrations():
    """Hairer & Wanner, Solving Ordinary Differential Equations II, doi:10.1007/978-3-642-05221-7, section IV.1."""
    system = from_text(ROBERTSON, {}, {"initial": [1.0, 0.0, 0.0], "period": 40.0})
    assert system.integrator.implicit
    found = system._orbit(system.default_state, 2, 40.0, 0.0)[1]
    assert found == pytest.approx([0.7158, 9.185e-6, 0.2842], rel=2e-4)


def test_functions_that_no_compiler_takes_are_solved_implicitly_too():
    class Target:
        def at(self, t):
            return np.cos(t)

    target = Target()

    def stiff(x, rate=1e5):
        return [rate * (target.at(x[1]) - x[0]), 1.0]

    system = from_function(stiff, (1.0, 0.0), period=2 * np.pi, integrator="radau")
    found = system._orbit(np.array([1.0, 0.0]), 10, 0.5, 0.0)
    np.testing.assert_allclose(found[:, 0], np.cos(found[:, 1]), atol=2e-5)
    _, Q = system.tangent_map(0.1)(found[:1], np.eye(2)[None])
    assert abs(Q[0, 0, 0]) < 1e-8 and Q[0, 1, 1] == pytest.approx(1.0)
    assert system.with_integrator("lsoda").integrator.name == "lsoda"
    with pytest.raises(SpecError, match="not compiled"):
        system.with_integrator("dopri5")


def test_stiffness_asks_for_more_than_fast_decay():
    def jacobian(x):
        return np.broadcast_to(np.array([[-1e6, 0.0], [0.0, -1.0]]), (len(x), 2, 2))

    points = np.zeros((10, 2))
    assert stiffness(jacobian, points, 1.0, 200.0).solver == "lsoda"
    assert stiffness(jacobian, points, 1e-3, 200.0).solver == ""  # 400 steps per period are cheap
    assert stiffness(jacobian, points, 1.0, 1e5).solver == ""  # accuracy asks for as many
    assert stiffness(jacobian, points, 1.0, 200.0).limit == pytest.approx(2.5e-6)

    def turning(x):
        return np.broadcast_to(np.array([[-1e5, 1e6], [-1e6, -1e5]]), (len(x), 2, 2))

    assert stiffness(turning, points, 1.0, 200.0).solver == "radau"


def test_the_stated_limit_of_stability_is_that_of_the_loop():
    @compiled
    def decay(x, out, rate):
        out[0] = -rate * x[0]

    rows = np.empty((50, 1))
    for h, grows in ((2.5, False), (2.9, True)):
        compiled(flow_orbit)(decay, (1.0,), np.ones(1), rows, 1, h)
        assert (rows[-1, 0] > 1) == grows


def test_a_step_too_large_is_said_and_a_real_escape_is_not_blamed_on_it():
    with pytest.raises(
        DataError, match=r"the step max_step = 0\.2 is too large for lorenz63.*step of 0\.05 it stays"
    ) as e:
        LORENZ.with_integrator("rk4", max_step=0.2).simulate(1000, transient=10, seed=0)
    assert 'with_integrator("rk4", max_step=0.05)' in e.value.next_step
    with pytest.raises(DataError, match="too large"):  # the wander before the first row leaves the attractor already
        LORENZ.with_integrator("rk4", max_step=0.2).simulate(1000, 1.0, transient=0, seed=0)
    with pytest.raises(EscapeError, match=r"lorenz63 became infinite .*steps from 0\.0025 down to 3\.9") as e:
        get_system("lorenz63", rho=1e9).simulate(200, transient=1.0, seed=0)
    assert "stay bounded, and steps that keep" in e.value.accepted and "yet smaller steps" in e.value.next_step
    small = get_system("lorenz63", rho=1e9).with_integrator("rk4", max_step=2.44e-6)
    assert np.isfinite(small.simulate(20, transient=1.0, seed=0).values).all()
    halvorsen = get_system("halvorsen")
    with pytest.raises(DataError, match=r"^halvorsen became infinite"):
        halvorsen._orbit(np.full(3, -50.0), 100, 0.1, 0.0)
    found = simulate_ensemble(
        [LORENZ, LORENZ.with_integrator("rk4", max_step=0.4)], 100, 0.4, starts=START, transient=0
    )
    assert found.failed.tolist() == [False, True] and "too large" in found.reasons[1]
    with pytest.raises(DataError, match="became infinite"):
        halvorsen.with_integrator("dopri5")._orbit(np.full(3, -50.0), 100, 0.1, 0.0)


def test_the_integrator_is_kept_and_recorded():
    system = LORENZ.with_integrator("dopri5", rtol=1e-6, atol=1e-8).with_parameters(rho=35.0)
    assert system.parameters["rho"] == 35.0
    origin = system.simulate(10, transient=0, seed=0).origin
    assert origin["integrator"].startswith("Dormand-Prince") and origin["rtol"] == 1e-6
    assert origin["atol_in_scales"] == 1e-8 and "max_step" not in origin


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: LORENZ.with_integrator("dopri"), "did you mean 'dopri5'"),
        (lambda: LORENZ.with_integrator("dopri5", rtol=0.0), "rtol"),
        (lambda: LORENZ.with_integrator("rk4", max_step=-1), "max_step"),
        (lambda: get_system("henon").with_integrator("dopri5"), "map"),
        (lambda: from_text({"x": "0.5*x"}, {}, {"time": "map", "integrator": "rk4"}), "of a map"),
        (lambda: from_text({"x": "-x"}, {}, {"integrator": "rk45"}), "did you mean 'rk4'"),
    ],
)
def test_integrators_that_do_not_exist_are_refused(make, word):
    with pytest.raises(SpecError, match=word):
        make()


def test_a_family_in_torch_has_its_own_parameters():
    family = parameter_family(LORENZ, rho=[25.0, 28.0, 60.0], beta=[2.0, 8 / 3, 2.5])
    on_cpu = simulate_ensemble(family, 30, starts=START, transient=0.3)
    in_torch = simulate_ensemble(family, 30, starts=START, transient=0.3, device="cpu:torch")
    np.testing.assert_allclose(in_torch.values, on_cpu.values, rtol=0, atol=1e-10)
    adaptive = [member.with_integrator("dopri5", rtol=1e-10, atol=1e-10) for member in family]
    found = simulate_ensemble(adaptive, 30, starts=START, transient=0.3, device="cpu:torch")
    alone = simulate_ensemble(adaptive, 30, starts=START, transient=0.3)
    np.testing.assert_allclose(found.values, alone.values, rtol=0, atol=1e-6)
