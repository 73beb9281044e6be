import math

import numpy as np
import pytest

from dsr.analysis import delay_embed, divergence_curve, gaussian_noise, max_lyapunov_from_data
from dsr.errors import DataError
from dsr.systems import get_system


def logistic(length):
    x = np.empty(length)
    x[0] = 0.3
    for i in range(1, length):
        x[i] = 4 * x[i - 1] * (1 - x[i - 1])
    return x


def test_maps_within_two_percent():
    found = max_lyapunov_from_data(logistic(20_000), 1.0, time_unit="iterations")
    assert found.value == pytest.approx(math.log(2), rel=0.02) and found.unit == "per iteration"
    henon = get_system("henon").simulate(20_000, transient=100.0, seed=0).values
    assert max_lyapunov_from_data(henon, 1.0).value == pytest.approx(0.4192, rel=0.02)


def test_lorenz_within_the_documented_bias_from_states_and_from_one_observable():
    series = get_system("lorenz63").simulate(50_000, 0.01, transient=20.0, seed=0)
    full = max_lyapunov_from_data(series.values, 0.01)
    assert full.value == pytest.approx(0.9056, rel=0.15) and full.low <= full.value <= full.high
    embedded = max_lyapunov_from_data(delay_embed(series.values[:, 0], 3, 16), 0.01)
    assert embedded.value == pytest.approx(0.9056, rel=0.2)


def test_the_unit_of_time_scales_the_exponent():
    x = logistic(5000)
    assert max_lyapunov_from_data(x, 0.1).value == pytest.approx(10 * max_lyapunov_from_data(x, 1.0).value)


def test_a_circle_does_not_diverge_and_noise_has_no_scaling_region():
    t = 0.1 * np.arange(4000)
    assert abs(max_lyapunov_from_data(np.stack([np.cos(t), np.sin(t)], 1), 0.1).value) < 1e-6
    noise = max_lyapunov_from_data(gaussian_noise(np.eye(3)[[0, 1, 2] * 50], 4000, 0), 1.0)
    assert math.isnan(noise.value) and noise.note == "no scaling region"


def test_neighbours_in_time_are_not_used():
    series = get_system("lorenz63").simulate(10_000, 0.002, transient=20.0, seed=0)
    with_window = divergence_curve(series.values, 0.002, steps=5)
    without = divergence_curve(series.values, 0.002, theiler=0, steps=5)
    # without a window the next row is nearer than any return of the orbit
    assert without.log_distance[0] < with_window.log_distance[0] - 1.0


def test_a_series_too_short_for_its_time_scale_is_refused():
    with pytest.raises(DataError, match="Theiler window"):
        max_lyapunov_from_data(np.arange(300.0), 1.0)


@pytest.mark.filterwarnings("ignore")
def test_agrees_with_nolds():
    try:
        import nolds
    except (ImportError, OSError) as problem:
        pytest.skip(f"nolds does not import here: {problem}")
    henon = get_system("henon").simulate(3000, transient=100.0, seed=0).values
    theirs = nolds.lyap_r(henon[:, 0], emb_dim=2, lag=1, min_tsep=3, trajectory_len=8, fit="poly")
    ours = max_lyapunov_from_data(delay_embed(henon[:, 0], 2, 1), 1.0)
    assert ours.value == pytest.approx(theirs, rel=0.06)


def test_a_drifting_or_two_valued_series_ends_quickly_with_a_name():
    rng = np.random.default_rng(0)
    drift = np.linspace(0, 20, 20_000)[:, None] + rng.standard_normal((20_000, 2))
    with pytest.raises(DataError, match="remove a trend"):
        max_lyapunov_from_data(drift, 1.0)
    with pytest.raises(DataError, match="no two distinct states"):
        max_lyapunov_from_data(np.sign(rng.standard_normal(5000)), 1.0)


def test_a_long_window_thins_the_candidates_without_moving_the_answer():
    """Ten times oversampled, the window is above 127 steps; the exponent must not notice."""
    series = get_system("lorenz63").simulate(50_000, 0.002, transient=20.0, seed=0)
    curve = divergence_curve(series.values, 0.002)
    assert curve.theiler > 250 and curve.references == 5000
    fine, coarse = (max_lyapunov_from_data(series.values[::k], 0.002 * k).value for k in (1, 5))
    assert fine == pytest.approx(coarse, rel=0.1)
