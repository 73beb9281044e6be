import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dsr.analysis import divergence_curve, gaussian_noise, kantz_curve, max_lyapunov_from_data
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def henon(rows):
    return get_system("henon").simulate(rows, transient=100.0, seed=0).values


def test_the_curve_is_the_mean_log_of_the_mean_distance():
    """Written out over all pairs: no tree, no compiled loop."""
    x, steps, window = henon(900), 6, 3
    curve = kantz_curve(x, 1.0, theiler=window, steps=steps, correlation=0.02, references=10_000)
    points = x / x.std(0)
    usable = len(points) - steps
    near = cdist(points[:usable], points[:usable]) < curve.radius
    near &= np.abs(np.subtract.outer(np.arange(usable), np.arange(usable))) > window
    share = near.sum() / ((usable - window) * (usable - window - 1))
    assert share == pytest.approx(0.02, rel=0.1)
    kept = near.sum(1) >= 5
    expected, other_order = [], []
    for k in range(steps + 1):
        apart = cdist(points[k : usable + k], points[k : usable + k])
        expected.append(np.mean([np.log(apart[i, near[i]].mean()) for i in np.flatnonzero(kept)]))
        other_order.append(np.mean([np.log(apart[i, near[i]]).mean() for i in np.flatnonzero(kept)]))
    assert abs(curve.references - kept.sum()) <= 1  # a pair at the very radius
    assert curve.log_distance == pytest.approx(expected, abs=1e-3)
    assert np.abs(curve.log_distance - other_order).min() > 0.05


def test_maps_within_five_percent_and_the_spread_holds_them():
    x = np.empty(50_000)
    x[0] = 0.3
    for i in range(1, len(x)):
        x[i] = 4 * x[i - 1] * (1 - x[i - 1])
    for series, exponent in ((x, math.log(2)), (henon(50_000), 0.4192)):
        found = max_lyapunov_from_data(series, 1.0, method="kantz", time_unit="iterations")
        assert found.value == pytest.approx(exponent, rel=0.05) and found.low < exponent < found.high
        assert found.settings["radii"] == 3 and found.unit == "per iteration"


def test_lorenz_within_the_documented_bias_and_more_spread_than_rosenstein():
    series = get_system("lorenz63").simulate(50_000, 0.01, transient=50.0, seed=0)
    found = max_lyapunov_from_data(series.values, 0.01, method="kantz")
    assert found.value == pytest.approx(0.9056, rel=0.25) and found.low < found.value < found.high
    nearest = max_lyapunov_from_data(series.values, 0.01)
    assert found.high - found.low > nearest.high - nearest.low


def test_neighbourhoods_start_wider_than_nearest_neighbours():
    x = henon(5000)
    wide, narrow = kantz_curve(x, 1.0, steps=3), divergence_curve(x, 1.0, steps=3)
    assert math.isnan(narrow.radius) and wide.log_distance[0] > narrow.log_distance[0] + 0.5
    assert wide.log_distance[0] < math.log(wide.radius)


def test_noise_has_no_scaling_region_and_a_few_values_are_refused():
    noise = gaussian_noise(np.eye(3)[[0, 1, 2] * 50], 8000, 0)
    assert max_lyapunov_from_data(noise, 1.0, method="kantz").note == "no scaling region"
    with pytest.raises(DataError, match="coincide"):
        max_lyapunov_from_data(np.sign(np.random.default_rng(0).standard_normal(5000)), 1.0, method="kantz")
    with pytest.raises(DataError, match="neighbours at C"):
        max_lyapunov_from_data(henon(300), 1.0, method="kantz")
    with pytest.raises(SpecError, match="rosenstein, kantz"):
        max_lyapunov_from_data(henon(300), 1.0, method="wolf")
