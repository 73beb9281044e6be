import numpy as np
import pytest

from dsr.analysis import d_stsp, gaussian_noise, phase_surrogate, power_spectrum_error, state_space_divergence
from dsr.systems import get_system


@pytest.fixture(scope="module")
def lorenz():
    runs = get_system("lorenz63").simulate_many(20_000, 0.01, count=4, transient=20.0, seed=0)
    return [run.values for run in runs]


def test_published_lorenz_data(shared_data):
    """A noisy against a clean trajectory of 100,000 rows: 0.119 and 0.070 by the published definitions."""
    test = np.load(shared_data / "lorenz63_test.npy").astype(float)
    noisy = np.load(shared_data / "lorenz63_noise0.05_train.npy").astype(float)
    measure = state_space_divergence(test, noisy)
    assert measure.value == pytest.approx(0.119, abs=0.001)
    assert measure.settings["bins"] == 30 and measure.settings["length_generated"] == 100_000
    assert power_spectrum_error(test, noisy, smoothing=20).value == pytest.approx(0.070, abs=0.001)
    noise = gaussian_noise(test, 100_000, 0)
    assert state_space_divergence(test, noise).value == pytest.approx(2.27, abs=0.1)
    assert power_spectrum_error(test, noise, smoothing=20).value == pytest.approx(0.876, abs=0.01)
    assert state_space_divergence(test, np.tile(test[:1], (1000, 1))).value > 10  # fixed point


def test_invisible_shuffling_and_visible_surrogates(lorenz):
    truth, *others = lorenz
    shuffled = np.random.default_rng(0).permutation(truth)
    assert d_stsp(truth, shuffled).value == 0.0
    assert power_spectrum_error(truth, shuffled).value > 0.8
    floor = max(d_stsp(truth, other).value for other in others)
    assert 0.05 < floor < 1.5
    surrogate = phase_surrogate(truth, 0)
    assert d_stsp(truth, surrogate).value > 3 * floor
    assert power_spectrum_error(truth, surrogate, smoothing=20).value < 1e-6


def test_leaving_the_box_costs(lorenz):
    truth, other = lorenz[:2]
    half_gone = other.copy()
    half_gone[::2] += 1e6
    stayed, left = d_stsp(truth, other), d_stsp(truth, half_gone)
    assert left.settings["outside_fraction"] == pytest.approx(0.5, abs=0.002)
    assert left.value > stayed.value + np.log(2) - 0.15  # half of the mass is elsewhere: at least ln 2


def test_default_bins_follow_the_dimension():
    x = np.random.default_rng(0).standard_normal((500, 4))
    assert d_stsp(x, x).settings["bins"] == 8 and d_stsp(x[:, :3], x[:, :3]).settings["bins"] == 30
