import numpy as np
import pytest

from dsr.analysis import kaplan_yorke_dimension, lyapunov_spectrum
from dsr.errors import SpecError
from dsr.systems import get_system
from dsr.tangent import TangentSteps, orthonormalise


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
    assert kaplan_yorke_dimension([1.0, -2.0], covariance=joint).high == pytest.approx(1.5 + 0.01 * (0.5 - 0.25))


def test_an_exponent_beyond_two_errors_is_not_neutral():
    assert kaplan_yorke_dimension([0.05, -1.0], [0.02, 0.01]).value == pytest.approx(1.05)
    assert kaplan_yorke_dimension([0.05, -1.0], [0.03, 0.01]).value == 1.0
    # the second is not, although its sum with the first is within two errors
    assert kaplan_yorke_dimension([0.05, -0.06, -1.0], [0.1, 0.02, 0.01]).value == 1.0


def test_one_member_has_an_error_from_stretches_of_its_own():
    s = lyapunov_spectrum(henon, henon_states(1), steps=640, transient=20, dt=1.0)
    assert np.isfinite(s.stderr).all() and (s.stderr > 0).all()


def test_the_time_of_a_block_is_that_of_its_steps():
    """Eight members need four stretches each to come to 32 blocks."""
    s = lyapunov_spectrum(henon, henon_states(8), steps=320, transient=20, dt=0.5, qr_every=5)
    assert s.settings["block_time"] == 320 // 4 * 0.5


def dense(*rates):
    """A symmetric matrix with these eigenvalues, none of its entries zero."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((len(rates), len(rates))))[0]
    return turn @ np.diag(rates) @ turn.T


def plain_and_compiled(matrix):
    """The same map with the loop in numpy, and with a loop of its own."""

    def stretch(x, q, steps, rounds):
        q, growth = np.array(q), np.empty((rounds, *q.shape[::2]))
        for n in range(rounds):
            for _ in range(steps):
                q = matrix @ q
            for b in range(len(q)):
                orthonormalise(q[b], growth[n, b])
        return x, q, growth

    return linear(matrix), TangentSteps(linear(matrix), "test", stretch)


@pytest.mark.parametrize("qr_every", [1, 2, 5, 10])
@pytest.mark.parametrize("smallest", [1e-4, 1e-6, 0.0])
def test_contraction_beyond_rounding_is_resolved_or_minus_infinity(smallest, qr_every):
    """In ten steps 1e-6 becomes 1e-60 of the fastest; 0 is 1e-17 in a matrix without zeros."""
    with np.errstate(divide="ignore"):
        exact = np.log([1.01, 0.5, smallest])
    for step in plain_and_compiled(dense(1.01, 0.5, smallest)):
        with np.errstate(divide="ignore"):
            s = lyapunov_spectrum(step, np.zeros((4, 3)), steps=1000, transient=50, dt=1.0, qr_every=qr_every)
        assert s.exponents == pytest.approx(exact, abs=1e-8)
        assert s.sum.value == pytest.approx(exact.sum(), abs=1e-8)
        if smallest == 0:
            assert "annihilates" in s.measure(3).note and "annihilates" in s.sum.note
            assert s.kaplan_yorke.value == pytest.approx(1 - exact[0] / exact[1], abs=1e-9)


def test_one_region_in_four_that_annihilates_is_enough():
    """A product with one factor of rank 2 has rank 2, however rare that factor is."""
    maps = np.stack([dense(1.0, 0.5, 0.1), dense(1.0, 0.5, 0.2), dense(1.0, 0.5, 0.3), dense(1.0, 0.5, 0.0)])

    def step(x, q):
        return (x + 1) % 4, maps[x[:, 0].astype(int)] @ q

    s = lyapunov_spectrum(step, np.arange(4.0)[:, None] + np.zeros(3), steps=400, transient=40, dt=1.0, kick=0.0)
    assert s.exponents == pytest.approx([0.0, np.log(0.5), -np.inf], abs=1e-9)


def test_one_round_beyond_rounding_is_no_annihilation():
    """Five steps in a hundred contract by 1e-4 each: together beyond rounding, one by one not."""
    common, rare = dense(1.01, 0.5, 0.3), dense(1.01, 0.5, 1e-4)

    def step(x, q):
        return (x + 1) % 100, (rare if x[0, 0] < 5 else common) @ q

    s = lyapunov_spectrum(step, np.zeros((4, 3)), steps=400, transient=100, dt=1.0, kick=0.0)
    exact = np.log([1.01, 0.5, 0.3 ** (95 / 100) * 1e-4 ** (5 / 100)])
    assert s.exponents == pytest.approx(exact, abs=1e-6)


def test_a_torus_has_the_dimension_of_its_frequencies():
    error = [2e-5, 2e-5, 1e-3]
    for exponents in ([1e-6, -3e-6, -0.5], [-1e-6, -2e-6, -0.5], [3e-5, 1e-6, -0.5]):
        d = kaplan_yorke_dimension(exponents, error)
        assert d.value == 2.0 and d.high - d.value < 1e-3
    assert kaplan_yorke_dimension([1e-6, -0.3, -0.5], error).value == 1.0
    assert kaplan_yorke_dimension([1e-6, -2e-6, 3e-6], error).value == 3.0
    # two that turn each other's errors round: their sum is known, and negative, so one of them at most is neutral
    opposite = 1e-5 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert kaplan_yorke_dimension([-2e-3, -3e-3], covariance=opposite).value == 1.0
    assert kaplan_yorke_dimension([2e-3, -2e-3], covariance=opposite).value == 2.0  # an area that is kept
    # with one that is clearly positive nothing is set to zero
    assert kaplan_yorke_dimension([1e-3, -1e-5, -0.5], error).value == 2 + (1e-3 - 1e-5) / 0.5
