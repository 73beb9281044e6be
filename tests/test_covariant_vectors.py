import numpy as np
import pytest

from dsr.analysis import CovariantVectors, covariant_vectors, lyapunov_spectrum
from dsr.errors import DataError, SpecError
from dsr.systems import get_system

BASIS = np.array([[1.0, 1.0, 0.2], [0.0, 1.0, -0.5], [0.0, 0.3, 1.0]])
BASIS = BASIS / np.linalg.norm(BASIS, axis=0)
MATRIX = BASIS @ np.diag([1.5, 0.9, -0.4]) @ np.linalg.inv(BASIS)


def linear(x, q):
    return x @ MATRIX.T, MATRIX @ q


def cat(x, q):
    matrix = np.array([[2.0, 1.0], [1.0, 1.0]])
    return (x @ matrix.T) % 1.0, matrix @ q


def test_of_a_linear_map_they_are_the_eigenvectors_not_the_orthonormal_ones():
    found = covariant_vectors(linear, np.zeros((2, 3)), steps=20, transient=200, dt=0.5, qr_every=2)
    assert np.abs(np.einsum("pmdk,dk->pmk", found.vectors, BASIS)) == pytest.approx(1.0, abs=1e-10)
    assert found.exponents == pytest.approx(np.log([1.5, 0.9, 0.4]) / 0.5, abs=1e-9)
    for i, j in ((1, 2), (1, 3), (2, 3)):
        angle = np.arccos(abs(BASIS[:, i - 1] @ BASIS[:, j - 1]))
        assert found.angle(i, j) == pytest.approx(angle, abs=1e-8)
    normal = np.cross(BASIS[:, 1], BASIS[:, 2])
    expected = np.arcsin(abs(normal @ BASIS[:, 0]) / np.linalg.norm(normal))
    assert found.subspace_angle(1) == pytest.approx(expected, abs=1e-8)


def test_the_cat_map_is_hyperbolic_and_its_directions_are_orthogonal():
    found = covariant_vectors(cat, np.random.default_rng(0).random((3, 2)), steps=100, transient=50, dt=1.0)
    assert found.angle(1, 2) == pytest.approx(np.pi / 2, abs=1e-9)
    golden = (1 + np.sqrt(5)) / 2
    assert found.exponents == pytest.approx([2 * np.log(golden), -2 * np.log(golden)], abs=1e-9)
    assert found.measure.value == pytest.approx(np.pi / 2)


def test_the_map_carries_each_vector_into_itself():
    system = get_system("henon")
    x0 = system.attractor_points(4, transient=1000.0, seed=1)
    step = system.tangent_map()
    found = covariant_vectors(step, x0, steps=300, transient=100, dt=1.0, qr_every=1)
    for n in range(0, 299, 13):
        x, moved = step(found.states[n], found.vectors[n])
        assert x == pytest.approx(found.states[n + 1], abs=1e-12)
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        assert np.abs((moved * found.vectors[n + 1]).sum(1)) == pytest.approx(1.0, abs=1e-9)
    spectrum = lyapunov_spectrum(step, x0, steps=300, transient=100, dt=1.0, qr_every=1)
    assert found.exponents == pytest.approx(spectrum.exponents, abs=0.05)  # the same but for the two ends


def test_the_neutral_direction_of_a_flow_is_its_velocity_and_tangencies_are_found():
    lorenz = get_system("lorenz63")
    x0 = lorenz.attractor_points(4, transient=50.0, seed=2)
    found = covariant_vectors(lorenz.tangent_map(0.01), x0, steps=2000, transient=3000, dt=0.01)
    velocity = lorenz.rhs(found.states)
    velocity /= np.linalg.norm(velocity, axis=-1, keepdims=True)
    along = np.abs((velocity * found.vectors[..., 1]).sum(-1))
    assert along.min() > 1 - 1e-6
    henon = get_system("henon")
    x0 = henon.attractor_points(10, transient=1000.0, seed=1)
    angles = covariant_vectors(henon.tangent_map(), x0, steps=2000, transient=100, dt=1.0, qr_every=1).angle(1, 2)
    assert angles.min() < 0.01  # homoclinic tangencies: the map is not hyperbolic


def test_the_measure_holds_the_middle_90_percent_of_the_angles():
    angles = np.linspace(0, np.pi / 2, 101)
    vectors = np.stack([np.array([np.ones(101), np.zeros(101)]), np.array([np.cos(angles), np.sin(angles)])], -1)
    found = CovariantVectors(vectors.swapaxes(0, 1)[:, None], np.zeros((101, 1, 2)), np.arange(101), np.zeros(2), 0, {})
    assert found.angle(1, 2)[:, 0] == pytest.approx(angles)
    measure = found.measure
    assert (measure.low, measure.value, measure.high) == pytest.approx(np.pi / 2 * np.array([0.05, 0.5, 0.95]))


def test_an_annihilated_direction_has_no_way_back():
    def flat(x, q):
        return x, np.diag([1.5, 0.0]) @ q

    with pytest.raises(DataError, match="annihilates"):
        covariant_vectors(flat, np.zeros((1, 2)), steps=10, transient=10, dt=1.0)
    assert covariant_vectors(flat, np.zeros((1, 2)), steps=10, transient=10, dt=1.0, k=1).exponents == pytest.approx(
        np.log(1.5)
    )


def test_members_that_diverge_are_left_out_and_vectors_are_counted_from_one():
    def escaping(x, q):
        with np.errstate(over="ignore"):
            return np.where(x[:, :1] > 1, x**2, x), MATRIX @ q

    starts = np.array([[0.5, 0.0, 0.0], [7.0, 1.0, 1.0]])
    found = covariant_vectors(escaping, starts, steps=100, transient=100, dt=1.0, kick=0.0)
    assert found.diverged == 1 and found.vectors.shape == (20, 1, 3, 3)
    lost = covariant_vectors(escaping, starts[1:], steps=100, transient=100, dt=1.0, kick=0.0)
    assert np.isnan(lost.measure.value) and lost.measure.note
    with pytest.raises(SpecError, match="1 to 3"):
        found.angle(0, 1)


@pytest.mark.parametrize("qr_every", [1, 5])
def test_a_direction_annihilated_but_for_rounding_has_no_way_back_either(qr_every):
    left, right = (np.linalg.qr(np.random.default_rng(s).standard_normal((3, 3)))[0] for s in (0, 1))
    flat = left @ np.diag([1.05, 0.6, 0.0]) @ right

    def step(x, q):
        return x, flat @ q

    settings = {"steps": 100, "transient": 50, "dt": 1.0, "qr_every": qr_every}
    with pytest.raises(DataError, match="annihilates"):
        covariant_vectors(step, np.zeros((2, 3)), **settings)
    assert covariant_vectors(step, np.zeros((2, 3)), k=2, **settings).exponents == pytest.approx(
        np.sort(np.log(np.abs(np.linalg.eigvals(flat))))[::-1][:2].real, abs=1e-2
    )
