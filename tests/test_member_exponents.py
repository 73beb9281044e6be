"""Exponents of single members: exact where they are known, the same alone as together, errors that cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis import lyapunov_spectrum, member_exponents
from dsr.errors import DataError, SpecError
from dsr.systems import get_system
from dsr.systems.ensemble import parameter_family
from dsr.systems.ensemble_tangent import ensemble_tangent_map

TENT = get_system("tent")
SLOPES = [1.1, 1.3, 1.5, 1.7, 1.9]


def linear(rates):
    """Each member is multiplied by numbers of its own."""
    return lambda x, q: (x * np.exp(rates), np.exp(rates)[:, :, None] * q)


def test_every_member_has_the_rates_of_its_own_map():
    rates = np.array([[0.3, -0.1], [-0.5, -2.0], [0.0, -0.7]])
    found = member_exponents(linear(rates), np.ones((3, 2)), steps=200, transient=200, dt=0.5)
    assert found.exponents == pytest.approx(rates / 0.5, abs=1e-12)
    assert found.stderr == pytest.approx(0.0, abs=1e-9) and not found.diverged.any()
    assert found.kaplan_yorke(0).value == 2.0 and found.kaplan_yorke(1).value == 0.0
    with pytest.raises(DataError, match="member 3"):
        found.kaplan_yorke(3)


def test_the_tent_maps_exponents_are_the_logarithms_of_their_slopes():
    family = parameter_family(TENT, slope=SLOPES)
    x0 = np.full((len(family), 1), 0.4)
    found = member_exponents(ensemble_tangent_map(family), x0, steps=3000, transient=50, dt=1, qr_every=1)
    assert found.exponents[:, 0] == pytest.approx(np.log(SLOPES), abs=1e-12)


def test_together_is_alone_bit_for_bit():
    family = parameter_family(get_system("henon"), a=[1.0, 1.2, 1.4])
    run = {"steps": 500, "transient": 0, "dt": 1.0, "qr_every": 2, "seed": 3}  # the first vectors count
    together = member_exponents(ensemble_tangent_map(family), np.zeros((3, 2)), **run)
    for i, member in enumerate(family):
        alone = member_exponents(ensemble_tangent_map([member]), np.zeros((1, 2)), **run)
        assert np.array_equal(alone.exponents[0], together.exponents[i])
        assert np.array_equal(alone.covariance[0], together.covariance[i])
    assert together.exponents.sum(axis=1) == pytest.approx(math.log(0.3), abs=1e-12)  # areas shrink by b


def test_errors_cover_the_truth_as_often_as_they_should():
    """The skewed baker's map stretches by 1 / cut or 1 / (1 - cut), independently at each iteration."""
    cut = 0.3
    exact = -cut * math.log(cut) - (1 - cut) * math.log(1 - cut)
    system = get_system("baker", cut=cut)
    starts = np.random.default_rng(0).random((200, 2))
    run = {"steps": 1000, "transient": 100, "dt": 1, "qr_every": 1, "k": 1}
    found = member_exponents(ensemble_tangent_map([system] * 200), starts, **run)
    z = (found.exponents[:, 0] - exact) / found.stderr[:, 0]
    assert z.std() == pytest.approx(1.0, abs=0.2) and (np.abs(z) < 3).mean() > 0.97


def test_one_system_agrees_with_the_spectrum_of_all_members():
    system = get_system("henon")
    x0 = system.attractor_points(8, transient=100, seed=0)
    whole = lyapunov_spectrum(system.tangent_map(), x0, steps=4000, transient=100, dt=1.0, kick=0.0)
    found = member_exponents(system.tangent_map(), x0, steps=4000, transient=100, dt=1.0)
    assert found.exponents.mean(axis=0) == pytest.approx(whole.exponents, abs=4 * whole.stderr[0])
    assert found.settings["method"] == whole.settings["method"]


def test_a_member_that_escapes_is_marked_and_the_others_are_as_without_it():
    family = parameter_family(get_system("henon"), a=[1.2, 1.6, 1.4])
    run = {"steps": 300, "transient": 50, "dt": 1.0}
    found = member_exponents(ensemble_tangent_map(family), np.zeros((3, 2)), **run)
    assert found.diverged.tolist() == [False, True, False]
    assert np.isnan(found.exponents[1]).all() and np.isnan(found.stderr[1]).all()
    without = member_exponents(ensemble_tangent_map(family[::2]), np.zeros((2, 2)), **run)
    assert np.array_equal(without.exponents, found.exponents[[0, 2]])


def test_a_superstable_cycle_has_minus_infinity():
    found = member_exponents(get_system("logistic", r=2.0).tangent_map(), [[0.5]], steps=100, transient=0, dt=1)
    assert found.exponents[0, 0] == -math.inf and not found.diverged[0]


def test_settings_out_of_range_are_refused():
    with pytest.raises(SpecError, match="k = 3"):
        member_exponents(linear(np.zeros((1, 2))), np.ones((1, 2)), steps=10, transient=0, dt=1.0, k=3)
    with pytest.raises(DataError, match="x0 of shape"):
        member_exponents(linear(np.zeros((1, 2))), np.ones(2), steps=10, transient=0, dt=1.0)


def test_the_errors_of_a_flow_are_those_of_its_members():
    """Fluctuations of a flow's exponents are bounded in part, those of the neutral one altogether: blocks taken as
    independent state 3 and 6 times the error."""
    system = get_system("lorenz63")
    x0 = system.attractor_points(40, transient=100.0, seed=0)
    found = member_exponents(system.tangent_map(0.01), x0, steps=40_000, transient=2000, dt=0.01)
    ratio = np.sqrt((found.stderr**2).mean(0)) / found.exponents.std(0, ddof=1)
    assert (ratio > 0.8).all() and (ratio[[0, 2]] < 2.1).all() and ratio[1] < 4.2
    sums = found.covariance.sum((1, 2))
    assert np.abs(sums).max() < 1e-6 * (found.stderr**2).min()  # the divergence is constant


def test_what_one_member_annihilates_leaves_the_others_as_they_are():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    rates = np.array([[1.0, 0.5, 0.0], [1.1, 0.5, 0.1], [1.0, 0.2, 1e-5]])
    maps = np.stack([turn @ np.diag(r) @ turn.T for r in rates])

    def of(chosen):
        return lambda x, q: (x, maps[chosen] @ q)

    run = {"steps": 200, "transient": 50, "dt": 1.0}
    found = member_exponents(of([0, 1, 2]), np.ones((3, 3)), **run)
    assert found.exponents[0] == pytest.approx([0.0, np.log(0.5), -np.inf], abs=1e-12)
    assert found.exponents[2] == pytest.approx(np.log(rates[2]), abs=1e-9)
    for i in range(3):
        assert np.array_equal(member_exponents(of([i]), np.ones((1, 3)), **run).exponents[0], found.exponents[i])


def test_growth_within_bounds_has_hardly_an_error():
    """The mean of 640 differences of independent numbers is (last - first) / 640; blocks taken as independent state
    eight times its error."""
    bounded = np.random.default_rng(0).standard_normal((641, 20))

    def step(x, q):
        n = int(x[0, 0])
        return x + 1, np.exp(bounded[n + 1] - bounded[n])[:, None, None] * q

    found = member_exponents(step, np.zeros((20, 1)), steps=640, transient=0, dt=1.0)
    assert found.exponents[:, 0] == pytest.approx((bounded[-1] - bounded[0]) / 640, abs=1e-12)
    assert np.median(found.stderr) < 3 * math.sqrt(2) / 640
