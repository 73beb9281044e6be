"""Ensembles over starts and parameters: equal to single runs bit for bit, failures marked and never raised."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dsr.errors import DataError, SpecError
from dsr.systems import get_system
from dsr.systems.ensemble import parameter_family, simulate_ensemble
from dsr.systems.ensemble_tangent import ensemble_tangent_map

HENON = get_system("henon")
LORENZ = get_system("lorenz63")


@pytest.mark.parametrize(
    "name, parameter, values", [("lorenz63", "rho", [28.0, 35.0, 60.0]), ("henon", "a", [1.2, 1.4])]
)
def test_every_member_has_the_rows_it_has_alone(name, parameter, values):
    family = parameter_family(get_system(name), **{parameter: values})
    starts = np.array([member.default_state for member in family])
    found = simulate_ensemble(family, 200, starts=starts, transient=7)
    assert not found.failed.any() and set(found.reasons) == {""}
    for b, member in enumerate(family):
        begun = member._orbit(starts[b], 2, 7.0, 0.0)[1]
        assert np.array_equal(found.values[b], member._orbit(begun, 200, member.dt, 0.0))
        assert np.array_equal(found.last[b], found.values[b, -1])
        series = found.series(b)
        assert series.origin["parameters"][parameter] == values[b] and np.array_equal(series.values, found.values[b])


def test_drawn_starts_are_those_of_many_trajectories():
    many = LORENZ.simulate_many(50, count=3, transient=5.0, seed=4)
    found = simulate_ensemble(LORENZ, 50, count=3, transient=5.0, seed=4)
    assert all(np.array_equal(one.values, rows) for one, rows in zip(many, found.values, strict=True))


def test_angles_and_observed_coordinates_are_those_of_single_runs():
    duffing = get_system("duffing")
    found = simulate_ensemble(duffing, 60, count=2, transient=100.0, seed=1)
    alone = duffing.simulate_many(60, count=2, transient=100.0, seed=1)
    assert found.values.shape == (2, 60, 2) and found.names == ("x", "v") and found.last.shape == (2, 3)
    assert np.array_equal(found.values[1], alone[1].values)
    assert (0 <= found.last[:, 2]).all() and (found.last[:, 2] < 2 * np.pi).all()


def test_a_member_that_fails_is_a_row_with_a_reason():
    starts = np.array([[0.0, 0.0], [100.0, 0.0], [0.1, 0.1]])
    found = simulate_ensemble(HENON, 30, starts=starts)
    assert found.failed.tolist() == [False, True, False]
    assert found.reasons[1].startswith("became infinite ") and found.reasons[1].endswith(" iterations after its start")
    finite = np.isfinite(found.values).all(axis=2)
    until = int(finite[1].sum())
    assert finite[[0, 2]].all() and 2 < until < 30 and finite[1, :until].all()
    assert f"infinite {until} iterations" in found.reasons[1]
    with pytest.raises(DataError, match="member 1 of henon became infinite"):
        found.series(1)
    settled = simulate_ensemble(HENON, 30, starts=starts, transient=50)
    assert settled.failed.tolist() == [False, True, False] and np.isnan(settled.values[1]).all()


def test_delay_systems_run_one_after_the_other():
    family = parameter_family(get_system("mackey_glass"), n=[9.0, 10.0])
    found = simulate_ensemble(family, 20, 1.0, transient=0.0, seed=0)
    start, began = family[1]._start(np.random.default_rng(np.random.SeedSequence(0).spawn(2)[1].spawn(2)[0]), 0.0)
    assert np.array_equal(found.values[1], family[1]._orbit(start, 20, 1.0, began)[:, :1])


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: parameter_family(LORENZ, roh=[1.0]), "did you mean 'rho'"),
        (lambda: parameter_family(LORENZ, rho=[1.0, 2.0], sigma=[10.0]), "equal length"),
        (lambda: parameter_family(LORENZ), "no parameter"),
        (lambda: parameter_family(LORENZ, rho=28.0), "a list"),
        (lambda: simulate_ensemble([LORENZ, HENON], 10, seed=0), "same equations"),
        (lambda: simulate_ensemble(LORENZ, 10), "seed"),
        (lambda: simulate_ensemble(LORENZ, 10, starts=np.zeros((2, 2))), r"shape \(2, 3\)"),
        (lambda: simulate_ensemble([], 10, seed=0), "without systems"),
        (lambda: simulate_ensemble([LORENZ] * 2, 10, count=3, seed=0), "leave count out"),
        (lambda: ensemble_tangent_map([LORENZ] * 2)(np.zeros((3, 3)), np.zeros((3, 3, 1))), "one of each"),
    ],
)
def test_what_does_not_fit_is_refused(make, word):
    with pytest.raises(SpecError, match=word):
        make()


def test_each_member_moves_under_its_own_parameters():
    family = parameter_family(HENON, a=[1.1, 1.4, 1.3])
    x = np.array([[0.1, 0.1], [0.2, -0.1], [1e200, 0.0]])
    Q = np.tile(np.eye(2), (3, 1, 1))
    step = ensemble_tangent_map(family)
    moved, turned = step(*step(x, Q))
    for b in (0, 1):
        alone = family[b].tangent_map()
        expected = alone(*alone(x[b : b + 1], Q[b : b + 1]))
        assert np.array_equal(moved[b], expected[0][0]) and np.array_equal(turned[b], expected[1][0])
    assert np.isnan(moved[2]).all() and np.isnan(turned[2]).all()
    moved, turned, growth = step.stretch(x, Q, 3, 4)
    for b in (0, 1):
        alone = family[b].tangent_map().stretch(x[b : b + 1], Q[b : b + 1], 3, 4)
        assert np.array_equal(moved[b], alone[0][0]) and np.array_equal(growth[:, b], alone[2][:, 0])
    assert np.isnan(moved[2]).all() and np.isnan(growth[:, 2]).all()
    again = step.stretch(moved, turned, 3, 1)
    assert np.isnan(again[0][2]).all() and np.isfinite(again[2][:, :2]).all()


def test_systems_without_a_compiled_loop_are_stretched_step_by_step():
    plain = [dataclasses.replace(step, stretch=None) for step in (HENON.tangent_map(),) * 2]

    class Stepwise:
        def __init__(self, step):
            self.step = step

        def tangent_map(self, dt):
            return self.step

    x, Q = np.array([[0.1, 0.1], [1e200, 0.0]]), np.tile(np.eye(2), (2, 1, 1))
    slow = ensemble_tangent_map([Stepwise(step) for step in plain]).stretch(x, Q, 2, 3)
    fast = ensemble_tangent_map([HENON, HENON]).stretch(x, Q, 2, 3)
    for a, b in zip(slow, fast, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
