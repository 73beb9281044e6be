"""Sections, maxima and return maps against closed forms and the Lorenz system."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.geometry.return_map import return_map, return_map_distance
from dsr.analysis.geometry.sections import poincare_section
from dsr.analysis.geometry.successive_maxima import successive_maxima
from dsr.errors import DataError, SpecError
from dsr.systems import get_system


def lorenz_field(s: np.ndarray) -> np.ndarray:
    x, y, z = s.T
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)


def lorenz(rows: int, dt: float, seed: int) -> np.ndarray:
    return get_system("lorenz63").simulate(rows, dt, transient=20, seed=seed).values


def circle(dt: float, turns: float) -> np.ndarray:
    t = dt * np.arange(int(turns * 2 * np.pi / dt))
    return np.stack([np.cos(t + 0.3), np.sin(t + 0.3)], axis=1)


@pytest.mark.parametrize(("method", "order"), [("hermite", 4), ("henon", 5)])
def test_crossings_of_a_circle_converge_with_the_stated_order(method: str, order: int) -> None:
    """y = 0 upwards at t = 2 pi k - 0.3, at (1, 0)."""
    field = (lambda s: np.stack([-s[:, 1], s[:, 0]], axis=1)) if method == "henon" else None
    errors = []
    for dt in (0.2, 0.1):
        found = poincare_section(circle(dt, 30.5), dt=dt, normal=1, field=field)
        assert found.settings["method"] == method and found.times.size == 30
        exact = 2 * np.pi * np.arange(1, 31) - 0.3
        errors.append(np.abs(found.times - exact).max())
        assert np.abs(found.points - [1.0, 0.0]).max() < 10 * errors[-1] + 1e-15
    assert errors[1] < 1e-5
    assert math.log2(errors[0] / errors[1]) > order - 0.7


def test_directions_and_oblique_planes() -> None:
    x = circle(0.05, 20.2)
    both = poincare_section(x, dt=0.05, normal=[1.0, 1.0], offset=0.5, direction=0)
    assert both.points @ [1.0, 1.0] == pytest.approx(0.5, abs=1e-12)
    assert (both.directions[1:] == -both.directions[:-1]).all()
    up, down = (poincare_section(x, dt=0.05, normal=[1.0, 1.0], offset=0.5, direction=d) for d in (1, -1))
    assert sorted([*up.times, *down.times]) == both.times.tolist()
    assert up.measure.value == pytest.approx(2 * np.pi, abs=1e-6) and up.measure.unit == "time units"


def test_both_methods_agree_on_the_lorenz_system_and_henons_is_on_the_plane() -> None:
    x = lorenz(10_000, 0.005, 0)
    hermite = poincare_section(x, dt=0.005, normal=2, offset=27.0)
    henon = poincare_section(x, dt=0.005, normal=2, offset=27.0, field=lorenz_field)
    assert np.abs(hermite.points - henon.points).max() < 2e-5
    assert np.abs(henon.points[:, 2] - 27.0).max() < 1e-13
    assert henon.measure.value == pytest.approx(0.7515, abs=0.04)


def test_no_crossing_has_no_return_time() -> None:
    found = poincare_section(circle(0.1, 3), dt=0.1, normal=0, offset=5.0)
    assert math.isnan(found.measure.value) and found.measure.note == "0 crossings of the plane"
    assert found.points.shape == (0, 2)
    with pytest.raises(SpecError):
        poincare_section(circle(0.1, 3), dt=0.1, normal=2)
    with pytest.raises(DataError, match="along the plane"):
        poincare_section(circle(0.1, 3), dt=0.1, normal=0, field=np.zeros_like)


def test_maxima_of_a_sine_are_exact_to_fourth_order() -> None:
    errors = []
    for dt in (0.2, 0.1):
        found = successive_maxima(1e150 * np.sin(dt * np.arange(int(100 / dt))), dt=dt)
        errors.append(np.abs(found.values / 1e150 - 1).max())
        assert found.times == pytest.approx(np.pi / 2 + 2 * np.pi * np.arange(16), abs=dt**3)
        assert found.measure.value == pytest.approx(16 / 100, rel=0.01)
    assert errors[0] < 1e-4 and errors[0] / errors[1] > 10


def test_lorenz_maxima_lie_on_a_tent() -> None:
    """Lorenz 1963: one curve with a cusp; steeper than 1 everywhere; maxima from 29 to 47."""
    pairs = return_map(lorenz(100_000, 0.01, 0)[:, 2], dt=0.01).pairs
    order = np.argsort(pairs[:, 0])
    first, second = pairs[order].T
    cusp = int(np.argmax(second))
    assert first[cusp] == pytest.approx(38.5, abs=0.3)
    for branch, sign in ((slice(0, cusp), 1), (slice(cusp + 1, None), -1)):
        x, y = first[branch], second[branch]
        assert (y - np.polynomial.Polynomial.fit(x, y, 9)(x)).std() < 0.25
        far = x[20:] - x[:-20] > 0.05
        assert (sign * (y[20:] - y[:-20])[far] / (x[20:] - x[:-20])[far]).min() > 0.9


def test_parabola_makes_the_map_thinner() -> None:
    """Maxima taken at the rows scatter about the curve far more than refined ones."""
    z = lorenz(40_000, 0.02, 1)[:, 2]
    rows = z[1:-1][(z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])]

    def width(pairs: np.ndarray) -> float:
        left = pairs[(pairs[:, 0] < 37.5) & (pairs[:, 0] > 32)]
        return float((left[:, 1] - np.polynomial.Polynomial.fit(*left.T, 6)(left[:, 0])).std())

    assert width(return_map(z, dt=0.02).pairs) < 0.3 * width(np.stack([rows[:-1], rows[1:]], axis=1))


def test_distance_ranks_failures_of_the_lorenz_system() -> None:
    truth, second = (lorenz(60_000, 0.01, seed)[:, 2] for seed in (0, 1))
    floor = return_map_distance(truth, second, dt=0.01)
    assert floor.value < 0.15
    rho = get_system("lorenz63", rho=30.0).simulate(60_000, 0.01, transient=20, seed=2).values[:, 2]
    assert return_map_distance(truth, rho, dt=0.01).value > 5 * floor.value
    assert return_map_distance(truth, second[::-1], dt=0.01).value > 2 * floor.value
    shuffled = np.random.default_rng(0).permutation(second)
    assert return_map_distance(truth, shuffled, dt=0.01).value > 10 * floor.value


def test_noise_is_seen_by_the_number_of_maxima_and_removed_by_equal_smoothing() -> None:
    truth, second = (lorenz(60_000, 0.01, seed)[:, 2] for seed in (0, 1))
    noisy = second + 0.02 * second.std() * np.random.default_rng(0).standard_normal(second.size)
    raw = return_map_distance(truth, noisy, dt=0.01)
    assert raw.settings["maxima_per_time_generated"] > 3 * raw.settings["maxima_per_time_true"]
    smooth = return_map_distance(truth, noisy, dt=0.01, smoothing=0.05)
    assert smooth.settings["maxima_per_time_generated"] == pytest.approx(
        smooth.settings["maxima_per_time_true"], rel=0.05
    )
    assert smooth.value < 0.15 < 3.0 < raw.value


def test_a_model_at_rest_is_far_away_and_said_to_rest() -> None:
    truth = lorenz(20_000, 0.01, 0)[:, 2]
    found = return_map_distance(truth, np.full(500, 23.6), dt=0.01)
    assert found.value > 3 and "resting at its last value" in found.note
    with pytest.raises(DataError, match="maxima in the truth"):
        return_map_distance(np.arange(100.0), truth, dt=0.01)
    with pytest.raises(SpecError):
        successive_maxima(truth, dt=0.01, smoothing=-1.0)


def test_the_rate_of_maxima_has_the_error_it_states() -> None:
    found = [successive_maxima(lorenz(10_000, 0.01, seed)[:, 2], dt=0.01).measure for seed in range(30)]
    scatter = np.std([m.value for m in found], ddof=1)
    stated = np.sqrt(np.mean([(m.high - m.value) ** 2 for m in found]))
    assert 0.5 < stated / scatter < 3.0


def test_a_flat_shoulder_is_no_maximum_and_a_flat_top_is_one() -> None:
    assert successive_maxima([0, 1, 1, 2, 2, 3, 3, 4, 5, 6], dt=1.0).values.size == 0
    assert successive_maxima([6, 5, 5, 4, 3, 3, 0], dt=1.0).values.size == 0
    assert successive_maxima([0, 1, 2, 2], dt=1.0).values.size == 0  # what follows a flat end is not known
    found = successive_maxima([0, 1, 1, 2, 2, 2, 1, 1, 3, 0], dt=1.0)
    assert found.values.tolist() == pytest.approx([2.125, 3.025]) and found.times.tolist() == pytest.approx([3.5, 7.9])


def test_eight_bits_of_the_lorenz_system_have_its_maxima() -> None:
    z = lorenz(40_000, 0.01, 0)[:, 2]
    fine = successive_maxima(z, dt=0.01)
    step = np.ptp(z) / 255
    coarse = successive_maxima(np.round(z / step) * step, dt=0.01)
    assert coarse.values.size == fine.values.size
    assert np.abs(coarse.times - fine.times).max() < 0.05 and np.abs(coarse.values - fine.values).max() < step
    assert return_map_distance(z, np.round(z / step) * step, dt=0.01).value < 0.02


def test_the_rate_of_a_sine_is_known_but_for_the_ends() -> None:
    found = successive_maxima(np.sin(2 * np.pi * np.arange(20_000) * 0.01 / 1.37), dt=0.01).measure
    error = found.high - found.value
    assert abs(found.value - 1 / 1.37) < 2 * error
    assert error == pytest.approx(math.sqrt(1 / 6) / 199.99, rel=1e-3)  # a count between two ends, nothing else


def test_wandering_within_bounds_hardly_blurs_the_mean_return_time() -> None:
    """A phase that keeps within 0.5 of t: n returns take 2 pi n, give or take 1."""
    t = 0.05 * np.arange(40_000)
    phase = t + 0.5 * np.sin(math.sqrt(2) * t)
    found = poincare_section(np.stack([np.cos(phase), np.sin(phase)], axis=1), dt=0.05, normal=1).measure
    error = found.high - found.value
    assert abs(found.value - 2 * np.pi) < 2 * error < 4 / 300
    returns = [poincare_section(lorenz(10_000, 0.02, s), dt=0.02, normal=2, offset=27.0).measure for s in range(30)]
    stated = np.sqrt(np.mean([(m.high - m.value) ** 2 for m in returns]))
    assert 0.7 < stated / np.std([m.value for m in returns], ddof=1) < 1.45
