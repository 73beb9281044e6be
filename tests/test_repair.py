"""Repairs give back what was removed where the signal is smooth, and refuse what would be an invention."""

from __future__ import annotations

import numpy as np
import pytest

from dsr.errors import DataError
from dsr.repair import interpolate_missing, resample


def test_gaps_of_a_straight_line_are_filled_exactly() -> None:
    line = np.stack([np.arange(20.0), -2 * np.arange(20.0)], axis=1)
    broken = line.copy()
    broken[3:6, 0] = np.nan
    broken[10, 1] = np.inf
    np.testing.assert_allclose(interpolate_missing(broken), line, rtol=0, atol=1e-12)
    masked = np.ma.masked_invalid(broken)
    masked.data[masked.mask] = -9999.0
    np.testing.assert_allclose(interpolate_missing(masked), line, rtol=0, atol=1e-12)
    assert np.isnan(broken[3, 0])


def test_irregular_times_are_heeded() -> None:
    times = np.array([0.0, 1.0, 4.0, 5.0])
    filled = interpolate_missing([0.0, np.nan, 4.0, 5.0], times=times)
    np.testing.assert_allclose(filled, times)


def test_the_error_of_a_filled_gap_is_that_of_a_chord() -> None:
    # A chord over a gap h deviates by at most h**2 max|x''| / 8.
    dt = 0.05
    wave = np.sin(dt * np.arange(200))
    broken = wave.copy()
    broken[50:59] = np.nan
    error = np.abs(interpolate_missing(broken) - wave).max()
    assert 0.5 * (10 * dt) ** 2 / 8 * np.abs(wave[49:60]).min() < error <= (10 * dt) ** 2 / 8


def test_a_long_gap_is_refused_unless_allowed() -> None:
    values = np.arange(30.0)
    values[5:16] = np.nan
    with pytest.raises(DataError, match=r"gap of 11 rows at row 5.*max_gap=11"):
        interpolate_missing(values)
    np.testing.assert_allclose(interpolate_missing(values, max_gap=11), np.arange(30.0))


@pytest.mark.parametrize(("row", "edge"), [(0, "first"), (-1, "last")])
def test_missing_edges_are_refused(row: int, edge: str) -> None:
    values = np.arange(30.0)
    values[row] = np.nan
    with pytest.raises(DataError, match=f"the {edge} value of column 0"):
        interpolate_missing(values)


def test_jittered_samples_of_a_sine_return_to_the_grid_at_fourth_order() -> None:
    rng = np.random.default_rng(0)

    def error(rows: int) -> float:
        dt = 10 / rows
        times = dt * (np.arange(rows) + rng.uniform(-0.2, 0.2, rows))
        values, step = resample(times, np.sin(times), dt)
        assert step == dt
        grid = times[0] + dt * np.arange(len(values))
        return float(np.abs(values[10:-10, 0] - np.sin(grid[10:-10])).max())

    coarse, fine = error(200), error(800)
    assert coarse < 1e-5
    assert fine < coarse / 60  # h**4 would give 256


def test_the_median_step_is_taken_and_the_grid_ends_within_the_record() -> None:
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.5, 5.5])
    values, step = resample(times, 2 * times)
    assert step == 1.0
    np.testing.assert_allclose(values[:, 0], 2 * np.arange(6.0))


def test_regular_samples_are_kept_to_the_last() -> None:
    times = 0.1 * np.arange(101)
    values, step = resample(times, np.cos(times), 0.1)
    assert step == 0.1
    np.testing.assert_allclose(values[:, 0], np.cos(times), atol=1e-12)


def with_gap(missing: int) -> np.ndarray:
    return 0.1 * np.delete(np.arange(200), np.arange(100, 100 + missing))


def test_a_spline_across_a_long_gap_is_refused_unless_allowed() -> None:
    times = with_gap(11)
    with pytest.raises(DataError, match=r"gap of 1.2 \(11 missing rows\) after row 99 \(time 9.9\).*max_gap=11"):
        resample(times, np.sin(times))
    assert len(resample(times, np.sin(times), max_gap=11)[0]) == 200


@pytest.mark.parametrize(("missing", "dt"), [(10, None), (10, 0.01), (30, 0.5)])
def test_gaps_of_few_rows_of_the_record_or_of_the_grid_are_bridged(missing: int, dt: float | None) -> None:
    times = with_gap(missing)
    values, step = resample(times, np.sin(times), dt)
    assert len(values) == int(19.9 / step + 1e-9) + 1


@pytest.mark.parametrize(
    ("times", "dt", "says"),
    [
        ([0, 1, 1, 2, 3], None, "do not increase: 1 in row 2"),
        ([0, 2, 1, 3, 4], None, "do not increase: 1 in row 2"),
        ([0, 1, 2, np.nan, 4], None, "finite numbers"),
        ([0, 1, 2, 3], None, "one time for each row"),
        ([0, 1, 2, 3, 4], 0, "positive dt"),
        ([0, 1, 2, 3, 4], 5, "below the duration"),
    ],
)
def test_times_that_cannot_be_resampled_are_refused(times: list[float], dt: float | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        resample(times, np.arange(5.0), dt)
