import numpy as np
import pytest

from dsr.analysis import kaplan_yorke_dimension, lyapunov_spectrum
from dsr.errors import SpecError
from dsr.systems import get_system


def henon(x, q):
    jacobian = np.zeros((len(x), 2, 2))
    jacobian[:, 0, 0], jacobian[:, 0, 1], jacobian[:, 1, 0] = -2.8 * x[:, 0], 1.0, 0.3
    return np.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], 1), jacobian @ q


def henon_states(count):
    x = 0.1 * np.random.default_rng(0).standard_normal((count, 2))
    for _ in range(200):
        x, _ = henon(x, np.zeros((count, 2, 1)))
    return x


def linear(matrix):
    return lambda x, q: (x @ matrix.T, matrix @ q)


def test_a_linear_map_has_the_logarithms_of_its_eigenvalues():
    basis = np.random.default_rng(3).standard_normal((3, 3))
    matrix = basis @ np.diag([1.05, -0.9, 0.2]) @ np.linalg.inv(basis)
    s = lyapunov_spectrum(linear(matrix), np.zeros((4, 3)), steps=400, transient=400, dt=0.5)
    assert s.exponents == pytest.approx(np.log([1.05, 0.9, 0.2]) / 0.5, abs=1e-6)
    assert s.sum.value == pytest.approx(np.log(abs(np.linalg.det(matrix))) / 0.5, abs=1e-9)
    leading = lyapunov_spectrum(linear(matrix), np.zeros((4, 3)), steps=400, transient=400, dt=0.5, k=1)
    assert leading.exponents == pytest.approx(s.exponents[:1], abs=1e-6)


def test_henon():
    s = lyapunov_spectrum(henon, henon_states(64), steps=4000, transient=100, dt=1.0)
    assert (np.abs(s.exponents - [0.41922, -1.62319]) < 2 * s.stderr).all()
    assert s.stderr.max() < 0.002
    assert s.sum.value == pytest.approx(np.log(0.3), abs=1e-9)  # |det J| = 0.3 everywhere
    assert s.sum.high - s.sum.low < 1e-9  # the errors of the two cancel
    assert s.kaplan_yorke.value == pytest.approx(1.2583, abs=0.002)
    assert s.history[-1] == pytest.approx(s.exponents) and s.history_times[-1] == 4000


@pytest.mark.parametrize(
    "name, dt, literature, dimension",
    [
        ("lorenz63", 0.01, (0.9056, 0.0, -14.572), 2.062),
        ("rossler", 0.1, (0.0714, 0.0, -5.394), 2.013),
    ],
)
def test_flows_against_the_literature(name, dt, literature, dimension):
    system = get_system(name)
    x0 = system.attractor_points(64, transient=50 * system.period, seed=1)
    s = lyapunov_spectrum(system.tangent_map(dt), x0, steps=6000, transient=1000, dt=dt)
    # three standard errors: another processor rounds otherwise, hence follows other chaotic paths
    assert (np.abs(s.exponents - literature) < 3 * s.stderr).all(), (s.exponents, s.stderr)
    assert s.stderr[0] < 0.02 * literature[0]
    assert s.kaplan_yorke.value == pytest.approx(dimension, abs=0.002)
    states = system.attractor_points(4000, transient=50 * system.period, seed=2)
    mean, error = system.divergence(states).mean(), system.divergence(states).std() / np.sqrt(4000)
    assert abs(s.sum.value - mean) < 2 * (error + s.sum.high - s.sum.value) + 1e-6


def test_standard_errors_cover_the_truth():
    """Members on one orbit follow each other; without the kick the spread would not cover."""
    errors = []
    x0 = henon_states(1)
    orbit = []
    for _ in range(16):
        orbit.append(x0[0])
        x0, _ = henon(x0, np.zeros((1, 2, 1)))
    for seed in range(60):
        s = lyapunov_spectrum(henon, np.array(orbit), steps=500, transient=40, dt=1.0, seed=seed)
        errors.append((s.exponents[0] - 0.41922) / s.stderr[0])
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) < 1.5


def test_diverging_members_are_counted_and_left_out():
    x0 = henon_states(40)
    x0[:5] = 50.0
    s = lyapunov_spectrum(henon, x0, steps=2000, transient=50, dt=1.0, kick=0.0)
    assert s.diverged == 5 and s.members == 40
    assert s.exponents[0] == pytest.approx(0.419, abs=0.01)
    lost = lyapunov_spectrum(henon, x0[:5], steps=2000, transient=50, dt=1.0, kick=0.0)
    assert lost.diverged == 5 and np.isnan(lost.exponents).all()
    assert "diverged" in lost.measure(1).note and lost.kaplan_yorke.note


def test_an_annihilated_direction_is_minus_infinity():
    s = lyapunov_spectrum(linear(np.diag([0.5, 0.0])), np.zeros((2, 2)), steps=20, transient=5, dt=1.0)
    assert s.exponents[0] == pytest.approx(np.log(0.5)) and s.exponents[1] == -np.inf
    assert "annihilates" in s.measure(2).note


def test_settings_out_of_range_are_refused():
    for bad in ({"k": 3}, {"qr_every": 0}, {"steps": 2}):
        with pytest.raises(SpecError):
            lyapunov_spectrum(henon, henon_states(2), **{"steps": 10, "transient": 0, "dt": 1.0, **bad})


def test_kaplan_yorke_in_closed_form():
    found = kaplan_yorke_dimension([0.9056, 0.0, -14.5723], [0.01, 0.0, 0.0])
    assert found.value == pytest.approx(2 + 0.9056 / 14.5723)
    assert found.high - found.value == pytest.approx(0.01 / 14.5723)
    unknown = kaplan_yorke_dimension([0.9056, 0.0, -14.5723])
    assert np.isnan(unknown.low) and np.isnan(unknown.high)  # not an error of zero
    assert kaplan_yorke_dimension(1e150 * np.array([0.9056, 0.0, -14.5723])).value == pytest.approx(found.value)
    assert kaplan_yorke_dimension([-0.1, -2.0]).value == 0.0
    assert kaplan_yorke_dimension([-0.001, -2.0], [0.001, 0.01]).value == pytest.approx(1.0)  # limit cycle
    filling = kaplan_yorke_dimension([0.5, 0.1])
    assert filling.value == 2.0 and filling.note
    joint = np.array([[1.0, -1.0], [-1.0, 1.0]]) * 1e-4
    assert kaplan_yorke_dimension([1.0, -2.0], covariance=joint).high == pytest.approx(
        1.5 + 0.01 * (0.5 - 0.25)
    )
