"""Stochastic schemes against solved equations, and systems whose parameter moves."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.errors import DataError, SpecError
from dsr.systems import from_text, get_system
from dsr.systems.making import simulate_drifting, simulate_with_noise
from dsr.systems.making.dynamical_noise import additive, noisy_orbit, proportional_to_state

DECAY, SIZE = 1.5, 0.8


def linear(x, out, a):
    out[:] = a * x


def ends(scheme, gain, substeps, walks, a=-DECAY, b=SIZE):
    """States at time 1 of independent copies (paths,) of dx = a x dt + b g(x) dW along given Brownian paths."""
    fine = walks.shape[0]
    kicks = walks.reshape(substeps, fine // substeps, -1).sum(axis=1) / np.sqrt(fine // substeps)
    orbit = np.empty((1, walks.shape[1]))
    failed = noisy_orbit(
        linear, gain, (a,), np.array([b]), np.ones(walks.shape[1]), kicks[None], 1.0 / substeps, True,
        scheme == "heun", orbit,
    )  # fmt: skip
    assert failed == -1
    return orbit[0]


def order(errors):
    """Exponent of the error in the step, from runs with 2, 4, 8, ... times as many steps."""
    return -np.polyfit(np.arange(len(errors)), np.log2(errors), 1)[0]


@pytest.mark.parametrize(("scheme", "expected"), [("heun", 1.0), ("euler-maruyama", 0.5)])
def test_strong_order_for_noise_that_grows_with_the_state(scheme, expected):
    walks = np.random.default_rng(0).standard_normal((512, 4000))
    w = walks.sum(axis=0) / np.sqrt(512)
    ito = 0.0 if scheme == "heun" else SIZE**2 / 2
    exact = np.exp(-DECAY - ito + SIZE * w)
    errors = [np.abs(ends(scheme, proportional_to_state, n, walks) - exact).mean() for n in (16, 32, 64, 128)]
    assert order(errors) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize(("scheme", "expected"), [("heun", 2.0), ("euler-maruyama", 1.0)])
def test_weak_order_of_mean_and_variance_for_additive_noise(scheme, expected):
    # With additive noise the discrete process is Gaussian; its two moments follow from the step applied to each kick,
    # so the order is seen without the error of sampling.
    def moments(substeps):
        orbit = np.empty((1, substeps + 1))
        kicks = np.zeros((1, substeps, substeps + 1))
        kicks[0, np.arange(substeps), np.arange(substeps)] = 1.0  # copy i is kicked in step i alone; the last never
        start = np.zeros(substeps + 1)
        start[-1] = 1.0
        noisy_orbit(linear, additive, (-DECAY,), np.array([SIZE]), start, kicks, 1.0 / substeps, True,
                    scheme == "heun", orbit)  # fmt: skip
        return orbit[0, -1], (orbit[0, :-1] ** 2).sum()

    exact = np.exp(-DECAY), SIZE**2 * (1 - np.exp(-2 * DECAY)) / (2 * DECAY)
    errors = np.abs(np.array([moments(n) for n in (32, 64, 128, 256)]) - exact)
    assert order(errors[:, 0]) == pytest.approx(expected, abs=0.1)
    assert order(errors[:, 1]) == pytest.approx(expected, abs=0.1)


def test_strong_order_one_of_both_schemes_for_additive_noise():
    walks = np.random.default_rng(1).standard_normal((1024, 2000))
    for scheme in ("heun", "euler-maruyama"):
        fine = ends(scheme, additive, 1024, walks)
        errors = [np.abs(ends(scheme, additive, n, walks) - fine).mean() for n in (8, 16, 32, 64)]
        assert order(errors) == pytest.approx(1.0, abs=0.15), scheme


@pytest.fixture(scope="module")
def ornstein_uhlenbeck():
    return from_text({"x": "-a*x", "y": "-2*a*y"}, {"a": 1.0}, {"max_step": 0.05, "period": 1.0})


def test_ornstein_uhlenbeck_has_its_variance_and_its_correlation_time(ornstein_uhlenbeck):
    series = simulate_with_noise(ornstein_uhlenbeck, 60_000, 0.2, strength=(0.5, 1.0), transient=20.0, seed=3)
    variance = np.array([0.5**2 / 2, 1.0 / 4])
    assert series.values.var(axis=0) == pytest.approx(variance, rel=0.06)  # 3 standard errors of correlated rows
    x = series.values[:, 0]
    assert np.mean(x[1:] * x[:-1]) / np.mean(x * x) == pytest.approx(np.exp(-0.2), abs=0.006)
    assert abs(np.corrcoef(series.values.T)[0, 1]) < 0.04


def test_ito_and_stratonovich_differ_by_the_noise_induced_drift():
    walks = np.random.default_rng(2).standard_normal((64, 40_000))
    means = [ends(s, proportional_to_state, 64, walks).mean() for s in ("euler-maruyama", "heun")]
    assert means[0] == pytest.approx(np.exp(-DECAY), rel=0.05)
    assert means[1] == pytest.approx(np.exp(-DECAY + SIZE**2 / 2), rel=0.05)


def test_compiled_and_plain_stepping_agree_and_the_seed_decides(ornstein_uhlenbeck):
    given = {"transient": 1.0, "seed": 4}
    compiled = simulate_with_noise(ornstein_uhlenbeck, 200, 0.1, strength=0.3, **given)
    plain = simulate_with_noise(ornstein_uhlenbeck, 200, 0.1, strength=lambda x: np.full(2, 0.3), **given)
    assert plain.values == pytest.approx(compiled.values, rel=1e-12)
    again = simulate_with_noise(ornstein_uhlenbeck, 200, 0.1, strength=0.3, **given)
    other = simulate_with_noise(ornstein_uhlenbeck, 200, 0.1, strength=0.3, transient=1.0, seed=5)
    assert compiled.values.tobytes() == again.values.tobytes() != other.values.tobytes()
    assert compiled.origin["dynamical_noise"] == {"strength": [0.3, 0.3], "proportional": False}
    assert "Heun" in compiled.origin["integrator"]
    assert compiled.origin["seed"] == 4


def test_a_map_is_kicked_after_each_iteration():
    logistic = from_text({"x": "r*x*(1 - x)"}, {"r": 3.7}, {"time": "map", "initial": [0.4]})
    series = simulate_with_noise(logistic, 5000, strength=lambda x: np.full(1, 1e-3), transient=10.0, seed=0)
    x = series.values
    assert (x[1:] - logistic.step(x[:-1])).std() == pytest.approx(1e-3, rel=0.05)
    silent = simulate_with_noise(logistic, 50, strength=lambda x: np.zeros(1), transient=10.0, seed=0).values
    assert silent[1:] == pytest.approx(logistic.step(silent[:-1]), rel=1e-14)


def test_noise_that_throws_a_system_out_of_its_basin_is_said():
    with pytest.raises(DataError, match="became infinite"):
        simulate_with_noise(get_system("henon"), 500, strength=lambda x: np.ones(2), transient=0.0, seed=0)


def test_noise_arguments_that_are_refused(ornstein_uhlenbeck):
    given = {"transient": 0.0, "seed": 0}
    for wrong, said in (
        ({"strength": -1.0}, "strength"),
        ({"strength": (1.0, 2.0, 3.0)}, "2 of them"),
        ({"strength": "a"}, "strength"),
        ({"strength": 1.0, "scheme": "huen"}, "did you mean 'heun'"),
        ({"strength": 1.0, "max_step": 0.0}, "max_step"),
    ):
        with pytest.raises(SpecError, match=said):
            simulate_with_noise(ornstein_uhlenbeck, 10, 0.1, **wrong, **given)


def test_a_parameter_that_does_not_move_gives_the_static_system():
    lorenz = get_system("lorenz63")
    still = simulate_drifting(lorenz, 400, 0.01, parameter="rho", path=(35.0, 35.0), transient=10.0, seed=3, noise=0.1)
    static = get_system("lorenz63", rho=35.0).simulate(400, 0.01, transient=10.0, seed=3, noise=0.1)
    assert still.values.tobytes() == static.values.tobytes()


def test_after_the_drift_the_system_is_the_static_one():
    lorenz, rows = get_system("lorenz63"), 300
    rho = np.concatenate([np.linspace(28.0, 45.0, 200), np.full(rows - 200, 45.0)])
    series = simulate_drifting(lorenz, rows, parameter="rho", path=rho, as_input=True, transient=10.0, seed=1)
    at_end = get_system("lorenz63", rho=45.0)
    static = at_end._orbit(series.values[200].copy(), rows - 200, 0.01, 0.0)
    assert np.array_equal(series.values[200:], static)
    assert np.array_equal(series.inputs[:, 0], rho)
    assert series.origin["drift"]["parameter"] == "rho"
    again = simulate_drifting(
        lorenz, rows, parameter="rho", path=series.origin["drift"]["path"], transient=10.0, seed=1
    )
    assert again.values.tobytes() == series.values.tobytes()


def test_a_moving_parameter_is_followed_to_second_order():
    # x' = -x + p(t) with p = t has the solution x = t - 1 + (x0 + 1) exp(-t)
    driven = from_text({"x": "p - x"}, {"p": 0.0}, {"max_step": 0.05, "period": 1.0, "initial": [0.5]})
    errors = []
    for dt in (0.2, 0.1, 0.05):
        x = simulate_drifting(driven, round(2 / dt) + 1, dt, parameter="p", path=lambda t: t, transient=0.0, seed=0)
        t, start = x.times, x.values[0, 0]
        errors.append(np.abs(x.values[:, 0] - (t - 1 + (start + 1) * np.exp(-t))).max())
    assert order(errors) == pytest.approx(2.0, abs=0.1)


def test_drifts_that_are_refused():
    henon = get_system("henon")
    for wrong, said in (
        ({"parameter": "aa", "path": (1.0, 2.0)}, "did you mean 'a'"),
        ({"parameter": "a", "path": (1.0, 2.0, 3.0)}, "20 rows"),
        ({"parameter": "a", "path": "up"}, "20 rows"),
        ({"parameter": "a", "path": lambda t: np.nan}, "finite"),
    ):
        with pytest.raises(SpecError, match=said):
            simulate_drifting(henon, 20, transient=0.0, seed=0, **wrong)
