import numpy as np
import pytest

from dsr.analysis import choose_embedding, delay_embed, false_nearest_neighbours
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def test_a_spiky_signal_gets_a_delay_within_its_spikes(shared_data):
    """An ECG at 700 Hz: published delay embeddings use lags of 10 to 20 samples and 5 dimensions; the first minimum of
    the mutual information is at 46 samples, and the share of false neighbours stays above 1 %."""
    ecg = np.load(shared_data / "ecg_5d_700hz_train.npy", allow_pickle=False)[:40000, 0]
    found = choose_embedding(ecg)
    assert 10 <= found.delay <= 20 and found.dimension in (4, 5)
    assert "no dimension up to 8" in found.note


def test_delay_embedding_lays_shifts_side_by_side():
    rows = delay_embed(np.arange(10.0), 3, 2)
    assert (
        rows.shape == (6, 3) and rows[0].tolist() == [0.0, 2.0, 4.0] and rows[-1].tolist() == [5.0, 7.0, 9.0]
    )
    with pytest.raises(SpecError):
        delay_embed(np.arange(10.0), 5, 3)
    with pytest.raises(DataError):
        delay_embed(np.random.default_rng(0).standard_normal((10, 2)), 2, 1)


def test_lorenz_x_needs_three_dimensions():
    x = get_system("lorenz63").simulate(20_000, 0.01, transient=20.0, seed=0).values[:, 0]
    found = choose_embedding(x)
    assert found.dimension == 3 and found.delay == pytest.approx(16, abs=3) and not found.note
    assert found.false_neighbours[1] > 0.03
    assert found.apply(x).shape == (20_000 - 2 * found.delay, 3)


def test_henon_x_needs_two_dimensions_at_delay_one():
    x = get_system("henon").simulate(4000, transient=100.0, seed=0).values[:, 0]
    found = choose_embedding(x)
    assert (found.dimension, found.delay) == (2, 1)


def test_noise_has_no_dimension():
    x = np.random.default_rng(0).standard_normal(4000)
    found = choose_embedding(x)
    assert found.false_neighbours.min() > 0.05 and "false neighbours" in found.note


def test_quantised_data_are_embedded():
    x = get_system("lorenz63").simulate(10_000, 0.01, transient=20.0, seed=0).values[:, 0]
    shares = false_nearest_neighbours(np.round(x, 2), 16, 4)
    assert shares[0] > 0.5 and shares[2] < 0.05
