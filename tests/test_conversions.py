"""Forms of one linear system agree as far as they claim to, and say where they stop."""

import numpy as np
import pytest
from scipy import signal
from scipy.linalg import expm

from dsr.errors import SpecError
from dsr.models.state_space import hippo
from dsr.models.state_space.conversions import (
    Sections,
    StateSpace,
    after_update,
    frequency_response,
    from_arma,
    from_kernel,
    from_second_order_sections,
    kernel_of,
    modes,
    poles,
    simulate,
    time_constants,
    to_arma,
    to_second_order_sections,
)

LENGTH = 4096


def impulse(length=LENGTH):
    u = np.zeros(length)
    u[0] = 1.0
    return u


def off(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def diagonal_and_dense(init, order, step, seed=0):
    """An S4D system as one of each conjugate pair, and the same as a dense real matrix, both read after the update."""
    rng = np.random.default_rng(seed)
    eigenvalues, b = hippo.diagonal(init, order)
    p = np.exp(step * eigenvalues)
    b, c = (p - 1) / eigenvalues * b, 2 * (rng.standard_normal(len(p)) + 1j * rng.standard_normal(len(p)))
    turn = np.block([[np.diag(p.real), -np.diag(p.imag)], [np.diag(p.imag), np.diag(p.real)]])
    dense = after_update(turn, np.concatenate([b.real, b.imag]), np.concatenate([c.real, -c.imag]), 0.3)
    return after_update(p, b, c, 0.3), dense


def legs(order, step=0.01, seed=0):
    a, b = hippo.hippo("legs", order)
    both = expm(step * np.block([[a, b[:, None]], [np.zeros((1, order + 1))]]))
    c = np.random.default_rng(seed).standard_normal(order)
    return StateSpace(both[:order, :order], both[:order, order], c, 0.0, step)


def random_system(order=4, inputs=2, outputs=3, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((order, order))
    a *= 0.9 / np.abs(np.linalg.eigvals(a)).max()
    b, c, d = (rng.standard_normal(s) for s in ((order, inputs), (outputs, order), (outputs, inputs)))
    return StateSpace(a, b, c, d, 0.1)


def test_simulation_kernel_and_frequency_response_are_those_of_scipy():
    s, rng = random_system(), np.random.default_rng(1)
    u = rng.standard_normal((200, 2))
    library = signal.dlti(s.A, s.B, s.C, s.D, dt=s.dt)
    y, x = simulate(s, u)
    assert off(y, signal.dlsim(library, u)[1]) < 1e-13
    convolved = sum(signal.fftconvolve(kernel_of(s, 200)[:, :, i], u[:, i : i + 1], axes=0)[:200] for i in range(2))
    assert off(y, convolved) < 1e-13
    first, half = simulate(s, u[:90])
    second, end = simulate(s, u[90:], half)
    assert np.array_equal(np.concatenate([first, second]), y) and np.array_equal(end, x)  # the state carries the past
    one, w = s.pair(2, 1), np.linspace(0, np.pi / 0.1, 50, endpoint=False)
    assert frequency_response(one, w)[:, 0, 0] == pytest.approx(
        signal.dfreqresp(signal.dlti(one.A, one.B, one.C, one.D, dt=0.1), w * 0.1)[1], abs=1e-12
    )


def test_half_of_the_conjugate_pairs_is_the_whole_system():
    half, dense = diagonal_and_dense("inv", 16, 0.05)
    p, b, c = half.A, half.B[:, 0], half.C[0]
    whole = StateSpace(np.r_[p, p.conj()], np.r_[b, b.conj()], np.r_[c, c.conj()] / 2, half.D)
    expected = kernel_of(dense, 500)
    w = np.linspace(0, 3, 40)
    for s in (half, whole):
        assert off(kernel_of(s, 500), expected) < 1e-14
        assert frequency_response(s, w) == pytest.approx(frequency_response(dense, w), abs=1e-10)
        assert np.sort_complex(poles(s)) == pytest.approx(np.sort_complex(poles(dense)), abs=1e-12)
        found = np.full(500, s.D[0, 0])
        p, residues = modes(s)
        found[1:] = (residues[:, 0, 0] * p ** np.arange(499)[:, None]).sum(1).real
        assert off(found, expected) < 1e-12
    assert len(modes(whole)[0]) == len(modes(half)[0])


def test_reading_after_the_update():
    rng = np.random.default_rng(2)
    s = random_system()
    u, x, seen = rng.standard_normal((50, 2)), np.zeros(4), []
    for now in u:
        x = s.A @ x + s.B @ now
        seen.append(s.C @ x + s.D @ now)
    assert off(simulate(after_update(s.A, s.B, s.C, s.D), u)[0], np.array(seen)) < 1e-14


@pytest.mark.parametrize("init", ["lin", "legs"])
@pytest.mark.parametrize("step", [0.01, 0.1])
def test_second_order_sections_at_order_64(init, step):
    diagonal, dense = diagonal_and_dense(init, 64, step)
    expected = kernel_of(dense, LENGTH)
    sections = to_second_order_sections(diagonal)
    assert sections.coefficients.shape == (32, 6)
    assert off(sections.run(impulse()), expected) < 1.5e-13
    assert off(kernel_of(from_second_order_sections(sections), LENGTH), expected) < 1.5e-13
    if init == "lin":
        # one double precision section cannot place poles this close to 1 better
        worse, dense = diagonal_and_dense("lin", 64, 0.001)
        assert 1.5e-13 < off(to_second_order_sections(worse).run(impulse()), kernel_of(dense, LENGTH)) < 3e-12


def test_sections_of_a_library_filter():
    """A Butterworth cascade section, which has a numerator of full degree, as a system."""
    section = signal.butter(2, 0.2, output="sos")
    s = from_second_order_sections(Sections(section, 0.5))
    u = np.random.default_rng(0).standard_normal(300)
    assert off(simulate(s, u)[0][:, 0], signal.sosfilt(section, u) + 0.5 * u) < 1e-13


def test_modes_of_a_matrix_that_is_far_from_normal_are_refused():
    """Before the refusal, what comes out is right."""
    found = to_second_order_sections(legs(6)).run(impulse())
    assert off(found, kernel_of(legs(6), LENGTH)) < 1e-12
    with pytest.raises(SpecError, match="condition number of 8e\\+10"):
        to_second_order_sections(legs(16))


@pytest.mark.parametrize("order, error", [(2, 1e-12), (4, 1e-9), (6, 1e-5)])
def test_one_quotient_of_polynomials(order, error):
    s = legs(order)
    numerator, denominator = to_arma(s)
    expected = kernel_of(s, LENGTH)
    assert off(signal.lfilter(numerator, denominator, impulse()), expected) < error
    assert off(kernel_of(from_arma(numerator, denominator), LENGTH), expected) < error


def test_from_arma_with_a_leading_coefficient_and_a_longer_numerator():
    numerator, denominator = [1.0, 2.0, 0.5, -0.3], [2.0, -0.6]
    expected = signal.lfilter(numerator, denominator, impulse(30))
    assert kernel_of(from_arma(numerator, denominator), 30) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("system", [legs(8), diagonal_and_dense("inv", 8, 0.1)[0]])
def test_a_quotient_above_order_six_is_refused(system):
    with pytest.raises(SpecError, match=r"ARMA form of order 8.*rounded coefficients.*to_second_order_sections"):
        to_arma(system)


@pytest.mark.parametrize("order", [2, 4, 8, 16])
def test_ho_kalman_holds_inside_its_window(order):
    kernel = kernel_of(legs(order), 129)
    found = from_kernel(kernel)
    own = kernel_of(found.system, found.window)
    assert found.window == 129 and off(own, kernel) == found.error < 2e-10
    assert (len(found.system.A) == order) == (order <= 8)


def test_ho_kalman_knows_nothing_beyond_its_window():
    """Slow modes are invisible in it."""
    kernel = kernel_of(legs(16), LENGTH)
    found = from_kernel(kernel[:33])
    assert found.error < 2e-10
    assert off(kernel_of(found.system, LENGTH), kernel) > 0.02


def test_ho_kalman_with_several_inputs_and_outputs():
    s = random_system()
    found = from_kernel(kernel_of(s, 40), s.dt)
    assert found.window == 39 and found.error < 1e-12 and len(found.system.A) == 4
    assert off(kernel_of(found.system, 400), kernel_of(s, 400)) < 1e-11  # all modes were visible
    assert np.sort_complex(poles(found.system)) == pytest.approx(np.sort_complex(poles(s)), abs=1e-10)


def test_time_constants():
    s = StateSpace(np.exp([-0.1 / 3.0, -0.1 / 0.5]), np.ones(2), np.ones(2), 0.0, dt=0.1)
    assert np.sort(time_constants(s)) == pytest.approx([0.5, 3.0])
    edge = StateSpace(np.array([0.0, 1.0, 2.0]), np.ones(3), np.ones(3), 0.0)
    assert np.sort(time_constants(edge)) == pytest.approx([-1 / np.log(2), 0.0, np.inf])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match="shapes"):
        StateSpace(np.eye(2), np.ones(3), np.ones(2), 0.0)
    with pytest.raises(SpecError, match=r"2 inputs and 3 outputs.*ss\.pair"):
        to_second_order_sections(random_system())
    with pytest.raises(SpecError, match="3 or more values"):
        from_kernel(np.ones(2))
