import numpy as np
import pytest

from dsr.analysis import gaussian_noise, phase_surrogate
from dsr.analysis.surrogates import aaft_surrogate
from dsr.systems import get_system


@pytest.mark.parametrize("length", [4000, 4001])
def test_phase_surrogate_keeps_power_and_cross_spectra(length):
    x = get_system("lorenz63").simulate(length, 0.05, transient=20.0, seed=0).values
    s = phase_surrogate(x, 1)
    a, b = np.fft.rfft(x, axis=0), np.fft.rfft(s, axis=0)
    assert np.allclose(np.abs(a), np.abs(b)) and np.allclose(
        a[:, 0] * a[:, 1].conj(), b[:, 0] * b[:, 1].conj()
    )
    assert np.allclose(np.cov(x.T), np.cov(s.T)) and np.allclose(x.mean(0), s.mean(0))
    assert not np.allclose(x, s)
    # Lorenz z is skewed; a linear surrogate is not
    skewness = [np.mean(((v - v.mean()) / v.std()) ** 3) for v in (np.diff(x[:, 2]), np.diff(s[:, 2]))]
    assert abs(skewness[0]) > 3 * abs(skewness[1])


def test_surrogates_follow_their_seed():
    x = np.random.default_rng(0).standard_normal((100, 2))
    assert np.array_equal(phase_surrogate(x, 3), phase_surrogate(x, 3))
    assert not np.array_equal(phase_surrogate(x, 3), phase_surrogate(x, 4))
    assert np.array_equal(gaussian_noise(x, 50, 3), gaussian_noise(x, 50, 3))


def test_gaussian_noise_has_the_covariance_and_no_memory():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 2)) @ np.array([[2.0, 1.0], [0.0, 0.1]]) + [5.0, -3.0]
    n = gaussian_noise(x, 200_000, 0)
    assert n.mean(0) == pytest.approx(x.mean(0), abs=0.02)
    assert np.cov(n.T) == pytest.approx(np.cov(x.T), rel=0.02)
    assert abs(np.corrcoef(n[1:, 0], n[:-1, 0])[0, 1]) < 0.01


def test_amplitude_adjusted_surrogates_keep_the_values_and_nearly_the_spectrum():
    x = get_system("lorenz63").simulate(8000, 0.05, transient=20.0, seed=0).values
    s = aaft_surrogate(x, 1)
    assert np.array_equal(np.sort(s, axis=0), np.sort(x, axis=0)) and not np.array_equal(s, x)
    for a, b in zip(x.T, s.T, strict=True):
        correlations = [np.corrcoef(c[:-2], c[2:])[0, 1] for c in (a, b)]
        assert abs(correlations[0] - correlations[1]) < 0.1 < abs(correlations[0])
