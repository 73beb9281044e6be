import numpy as np
import pytest

from dsr.analysis import gaussian_noise, phase_surrogate, power_spectrum_error
from dsr.errors import DataError
from dsr.spectra import power_spectrum, spectral_hellinger
from dsr.systems import get_system


@pytest.fixture(scope="module")
def lorenz():
    return get_system("lorenz63").simulate(20_000, 0.01, transient=20.0, seed=0).values


def test_a_sine_has_all_its_power_at_its_frequency():
    x = 5.0 + 3.0 * np.sin(2 * np.pi * 12 * np.arange(1000) / 1000)
    spectrum = power_spectrum(x, smoothing=0)
    assert spectrum[12, 0] == pytest.approx(1.0, abs=1e-12)
    smooth = power_spectrum(x, smoothing=2.0)
    assert smooth.sum() == pytest.approx(1.0) and smooth[:, 0].argmax() == 12


def test_distance_ignores_time_reversal_and_scale(lorenz):
    assert spectral_hellinger(lorenz, lorenz[::-1] * 7 + 1).max() < 1e-6


def test_blind_to_phase_surrogates_and_sharp_on_noise(lorenz):
    assert power_spectrum_error(lorenz, phase_surrogate(lorenz, 0), smoothing=20).value < 1e-6
    assert power_spectrum_error(lorenz, gaussian_noise(lorenz, len(lorenz), 0)).value > 0.8


def test_two_sines_apart_have_distance_one():
    t = np.arange(4000) / 4000
    a, b = np.sin(2 * np.pi * 100 * t), np.sin(2 * np.pi * 1500 * t)
    assert spectral_hellinger(a, b, smoothing=5.0)[0] == pytest.approx(1.0, abs=1e-6)


def test_constant_or_decayed_series_score_near_one(lorenz):
    decayed = np.exp(-0.1 * np.arange(400.0, 400.0 + len(lorenz)))[:, None] * np.ones(3)
    for still in (np.ones_like(lorenz), decayed):
        distance = spectral_hellinger(lorenz, still)
        assert np.isfinite(distance).all() and distance.min() > 0.8


def test_unequal_lengths_are_refused(lorenz):
    with pytest.raises(DataError, match="common length"):
        spectral_hellinger(lorenz, lorenz[:-1])
