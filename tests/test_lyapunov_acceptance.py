"""Spectra and estimates against the literature: the numbers this package promises. Long runs are marked slow."""

import dataclasses
import math

import numpy as np
import pytest

from dsr.analysis import check_spectrum, lyapunov_spectrum, max_lyapunov_from_data
from dsr.systems import get_system

LORENZ = (0.9056, 0.0, -14.5723)


def lorenz_spectrum(members, duration):
    system = dataclasses.replace(get_system("lorenz63"), max_step=0.01)
    x0 = system.attractor_points(members, transient=50.0, seed=1)
    steps = round(duration / members / 0.01)
    return lyapunov_spectrum(system.tangent_map(0.01), x0, steps=steps, transient=2000, dt=0.01, qr_every=10)


def test_lorenz_in_a_short_run():
    s = lorenz_spectrum(16, 8000.0)
    assert s.exponents == pytest.approx(LORENZ, abs=0.008)
    assert s.sum.value == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-3)
    assert s.stderr[0] < 0.004
    assert s.kaplan_yorke.value == pytest.approx(2.06215, abs=1e-3)
    entropy = s.pesin_entropy  # the zero exponent creates none
    assert entropy.value == s.exponents[0] and entropy.high - entropy.value == pytest.approx(s.stderr[0])


@pytest.mark.slow
def test_lorenz_to_the_promised_digits():
    """T = 1e4 for each of 16 members."""
    s = lorenz_spectrum(16, 160_000.0)
    assert (np.abs(s.exponents - LORENZ) < (0.002, 0.001, 0.003)).all(), s.exponents
    assert s.sum.value == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-3)


def rossler_difference(duration):
    """Sum of the exponents, and a - c + <x> over the very same orbit by the trapezoidal rule."""
    system, dt = get_system("rossler"), 0.1
    visited, step = [], system.tangent_map(dt)

    def recorded(x, q):
        x, q = step(x, q)
        visited.append(x[0, 0])
        return x, q

    x0 = system.attractor_points(1, transient=500.0, seed=1)
    steps, before = round(duration / dt), 500
    s = lyapunov_spectrum(recorded, x0, steps=steps, transient=before, dt=dt, kick=0.0)
    x = np.array(visited[before - 1 :])
    mean = (x.sum() - (x[0] + x[-1]) / 2) / steps
    return s.sum.value - (0.2 - 5.7 + mean), s


def test_rossler_sum_is_its_divergence():
    assert abs(rossler_difference(2000.0)[0]) < 1e-4


@pytest.mark.slow
def test_rossler_sum_to_the_promised_digits():
    difference, s = rossler_difference(20_000.0)
    assert abs(difference) < 1e-4
    assert s.exponents == pytest.approx((0.0714, 0.0, -5.3943), abs=0.003)


@pytest.mark.parametrize("steps, tolerance", [(200_000, 2e-3), pytest.param(10**7, 5e-4, marks=pytest.mark.slow)])
def test_henon(steps, tolerance):
    system = get_system("henon")
    x0 = system.attractor_points(10, transient=1000.0, seed=1)
    s = lyapunov_spectrum(system.tangent_map(), x0, steps=steps // 10, transient=1000, dt=1.0)
    assert s.exponents == pytest.approx((0.41922, -1.62319), abs=tolerance)


def test_rosenstein_on_maps_at_fifty_thousand_rows():
    x = np.empty(50_000)
    x[0] = 0.3
    for i in range(1, len(x)):
        x[i] = 4 * x[i - 1] * (1 - x[i - 1])
    assert max_lyapunov_from_data(x, 1.0).value == pytest.approx(math.log(2), abs=0.005)
    henon = get_system("henon").simulate(50_000, transient=100.0, seed=0).values
    assert max_lyapunov_from_data(henon, 1.0).value == pytest.approx(0.4192, abs=0.005)


def test_the_checks_pass_for_equations_and_fail_for_a_wrong_jacobian():
    system = get_system("lorenz63")
    x0 = system.attractor_points(16, transient=50.0, seed=1)
    states = system.simulate(20_000, 0.05, transient=50.0, seed=2).values
    settings = {"steps": 6000, "transient": 500, "dt": 0.01}
    good = lyapunov_spectrum(system.tangent_map(0.01), x0, **settings)
    checks = check_spectrum(good, divergence=system.divergence, states=states, flow=True)
    assert [c.passed for c in checks] == [True, True], [str(c) for c in checks]
    assert checks[0].difference.value == pytest.approx(0.0, abs=1e-3)

    step = system.tangent_map(0.01)

    def first_order(x, q):
        """The implicit Euler step for the tangents, whose sum of exponents is known to be wrong."""
        return step(x, q)[0], np.linalg.solve(np.eye(3) - 0.01 * system.jacobian(x), q)

    bad = lyapunov_spectrum(first_order, x0, **settings)
    sum_check, zero_check = check_spectrum(bad, divergence=system.divergence, states=states, flow=True)
    assert sum_check.passed is False and sum_check.difference.value > 0.2
    assert zero_check.passed is False
    leading = lyapunov_spectrum(system.tangent_map(0.01), x0, k=2, **settings)
    unknown = check_spectrum(leading, divergence=system.divergence, states=states)[0]
    assert unknown.passed is None and unknown.difference.note == "2 of 3 exponents"
