"""HiPPO matrices: the memory they promise, their normal-plus-low-rank form, and the diagonal initialisations."""

import numpy as np
import pytest
from numpy.polynomial.legendre import legvander

from dsr.errors import DsrError
from dsr.models.state_space import hippo

OMEGA = np.array([0.0, 0.7, 2.0])


def responses(name, order):
    """Coefficients (frequency, order) of exp(i omega t) at t = 0 in the steady state."""
    a, b = hippo.hippo(name, order)
    return np.stack([np.linalg.solve(1j * w * np.eye(order) - a, b) for w in OMEGA])


def test_legt_coefficients_give_back_the_past_window():
    """Over a window of length 2, u(t - 1 + r) = sum_n c_n sqrt(2n + 1) P_n(r) with r in (-1, 1)."""
    r = np.array([-0.5, 0.0, 0.8])
    basis = legvander(r, 23) * np.sqrt(2 * np.arange(24) + 1)
    recalled = responses("legt", 24) @ basis.T
    np.testing.assert_allclose(recalled, np.exp(1j * np.outer(OMEGA, r - 1)), atol=1e-4)


def test_legs_coefficients_give_back_the_past_in_warped_time():
    """Legendre polynomials in 2 exp(-s) - 1, with s the time that has passed."""
    s = np.array([0.2, 0.7, 1.5])
    basis = legvander(2 * np.exp(-s) - 1, 39) * np.sqrt(2 * np.arange(40) + 1)
    recalled = responses("legs", 40) @ basis.T
    np.testing.assert_allclose(recalled, np.exp(-1j * np.outer(OMEGA, s)), atol=0.02)


def test_lagt_is_a_chain_of_all_pass_filters():
    s = 1j * OMEGA[:, None]
    chain = ((s - 0.5) / (s + 0.5)) ** np.arange(6) / (s + 0.5)
    np.testing.assert_allclose(responses("lagt", 6), chain, rtol=1e-13)


def test_fout_coefficients_give_back_the_middle_of_the_window():
    """Where all sines are 0 and the cosines alternate; the window has length 2."""
    a, b = hippo.hippo("fout", 200)
    n = np.arange(100)
    middle = np.where(n == 0, 1.0, np.sqrt(2) * (-1.0) ** n)
    for omega in OMEGA[1:]:
        recalled = np.linalg.solve(1j * omega * np.eye(200) - a, b)[::2] @ middle
        assert recalled == pytest.approx(np.exp(-1j * omega), abs=5e-3)


def test_fout_turns_at_the_harmonics_of_its_window():
    form = hippo.diagonal_plus_low_rank("fout", 10)
    np.testing.assert_allclose(form.eigenvalues, 1j * np.pi * np.arange(5), atol=1e-13)


def test_legs_forgets_at_whole_rates():
    a, _ = hippo.hippo("legs", 5)
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(a).real), [-5, -4, -3, -2, -1], rtol=1e-10)


@pytest.mark.parametrize("order", [8, 16, 64, 256])
@pytest.mark.parametrize("name", hippo.HIPPO)
def test_diagonal_plus_low_rank_is_the_same_system(name, order):
    form = hippo.diagonal_plus_low_rank(name, order)
    a, b = hippo.hippo(name, order)
    again, input_again = form.dense()
    limit = 1.5e-14 if order <= 64 else 6e-14
    assert np.abs(again - a).max() <= limit * np.abs(a).max()
    assert np.abs(input_again - b).max() <= limit * np.abs(b).max()
    gram = form.V.conj().T @ form.V
    np.testing.assert_allclose(gram, np.eye(order // 2), atol=1e-11)
    np.testing.assert_allclose(form.V.T @ form.V, 0, atol=1e-11)  # orthogonal to the conjugate half
    expected = -0.5 if name == "legs" else 0.0
    np.testing.assert_allclose(form.eigenvalues.real, expected, atol=1e-11)


@pytest.mark.parametrize("name", hippo.HIPPO)
def test_the_low_rank_part_leaves_a_normal_matrix(name):
    p = hippo.low_rank(name, 12)
    s = hippo.hippo(name, 12)[0] + p @ p.T
    np.testing.assert_allclose(s + s.T, 2 * s[0, 0] * np.eye(12), atol=1e-12)
    assert p.shape[1] == (2 if name == "legt" else 1)


def test_diagonal_initialisations():
    n = np.arange(32)
    np.testing.assert_allclose(hippo.diagonal("lin", 64)[0], -0.5 + 1j * np.pi * n)
    np.testing.assert_allclose(hippo.diagonal("real", 64)[0], -(n + 1))
    assert hippo.diagonal("legs", 64)[0].imag.max() == pytest.approx(64**2 / np.pi, rel=1e-3)
    # "inv" imitates the spectrum of LegS, which thins out upwards
    inverse, legs = (np.sort(hippo.diagonal(name, 256)[0].imag)[-4:] for name in ("inv", "legs"))
    np.testing.assert_allclose(inverse, legs, rtol=0.06)


def test_what_does_not_exist_is_refused():
    with pytest.raises(DsrError, match="did you mean 'legs'"):
        hippo.hippo("leggs", 4)
    with pytest.raises(DsrError, match="order = 5"):
        hippo.diagonal_plus_low_rank("legs", 5)
    with pytest.raises(DsrError, match="no diagonal initialisation 'linear'"):
        hippo.diagonal("linear", 4)
