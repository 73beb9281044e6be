"""TimeSeries: immutable, split by time, with provenance, and refusing what it cannot be sure of."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from dsr import analysis
from dsr.errors import DataError, SpecError
from dsr.points import as_columns_that_vary, as_points
from dsr.series import TimeSeries, same_step


def ramp(rows: int = 100, dim: int = 2, **fields: object) -> TimeSeries:
    values = np.arange(rows, dtype=float)[:, None] + 1000.0 * np.arange(dim)
    return TimeSeries(values, **{"dt": 0.5, **fields})  # type: ignore[arg-type]


def test_values_are_a_read_only_float64_copy() -> None:
    source = np.ones((5, 2), dtype=np.float32)
    series = TimeSeries(source, dt=1)
    source[0, 0] = 7
    assert series.values.dtype == np.float64 and series.values[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        series.values[0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        series[1:3].values[0, 0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        series.dt = 2.0  # type: ignore[misc]


def test_origin_is_not_shared_with_the_caller() -> None:
    origin = {"system": "lorenz63"}
    series = ramp(origin=origin)
    origin["system"] = "other"
    assert series.origin == {"system": "lorenz63"}


def test_times_and_duration_count_steps_between_rows() -> None:
    series = ramp(rows=5)
    assert series.duration == 2.0
    assert series.times.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert (len(series), series.dim, series.names) == (5, 2, ("x1", "x2"))


def test_one_dimensional_values_are_one_column() -> None:
    assert TimeSeries([1.0, 2.0, 4.0], dt=1).values.shape == (3, 1)


def test_split_is_in_order_of_time_and_loses_no_row() -> None:
    series = ramp(rows=101, origin={"seed": 3})
    train, validation, test = series.split(0.7, 0.1)
    assert [len(s) for s in (train, validation, test)] == [71, 10, 20]
    np.testing.assert_array_equal(np.concatenate([train.values, validation.values, test.values]), series.values)
    assert [s.origin["rows"] for s in (train, validation, test)] == [[0, 71], [71, 81], [81, 101]]
    assert test.origin["seed"] == 3 and test.dt == series.dt and test.names == series.names


def test_rows_of_a_slice_of_a_slice_count_from_the_first_row_of_the_record() -> None:
    part = ramp()[20:80][10:30]
    assert part.origin["rows"] == [30, 50]
    assert part.values[:, 0].tolist() == list(range(30, 50))
    assert ramp()[-10:].origin["rows"] == [90, 100]


def test_a_slice_may_have_fewer_rows_than_columns() -> None:
    assert ramp(dim=5)[3:4].values.tolist() == [[3.0, 1003.0, 2003.0, 3003.0, 4003.0]]


@pytest.mark.parametrize("index", [3, slice(0, 10, 2), slice(None, None, -1), slice(10, 10), slice(9, 3)])
def test_other_indices_are_refused(index: object) -> None:
    with pytest.raises(DataError, match=r"series\[a:b\]"):
        ramp()[index]  # type: ignore[index]


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.9, 0.2), (0, 0.5), (0.5, 0), (-0.1, 0.5), (1, 0)])
def test_split_leaves_rows_for_each_part_or_refuses(fractions: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="two positive fractions"):
        ramp().split(*fractions)


@pytest.mark.parametrize("fractions", [("a", "b"), (np.nan, 0.1), (0.7, np.inf), (None, 0.1), (0.7, 0.1j)])
def test_split_by_what_is_no_number_is_refused(fractions: tuple[object, object]) -> None:
    with pytest.raises(SpecError, match=r"a fraction between 0 and 1.*split\(0.7, 0.1\)"):
        ramp().split(*fractions)  # type: ignore[arg-type]


@pytest.mark.parametrize("dt", [0, -0.1, np.nan, np.inf, "0.1", None, True, 1j])
def test_a_step_that_is_no_positive_number_is_refused(dt: object) -> None:
    with pytest.raises(DataError, match="a positive number"):
        ramp(dt=dt)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.ones((2, 5)), "time along the rows"),
        (np.ones((2, 3, 4)), r"\(2, 3, 4\)"),
        (np.empty((0, 3)), "at least one row"),
        (3.0, "at least one row"),
        ([["a", "b"], ["c", "d"]], "real numbers"),
        ([["1", "2"], ["3", "4"]], "real numbers"),
        ([[1.0, 2.0], [3.0]], "real numbers"),
        (np.ones((5, 2)) * 1j, "real numbers"),
        ([[1.0, 2.0], [np.nan, np.inf]], r"2 values are missing .* column x1, row 1"),
        ([[1.0, 2.0], [3.0, None]], r"1 values are missing .* column x2, row 1"),
    ],
)
def test_values_that_need_a_guess_are_refused(values: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        TimeSeries(values, dt=1)  # type: ignore[arg-type]


def test_a_data_frame_brings_its_names() -> None:
    import pandas as pd

    frame = pd.DataFrame(np.arange(30.0).reshape(10, 3), columns=["u", "v", "w"])
    assert TimeSeries(frame, dt=1).names == ("u", "v", "w")  # type: ignore[arg-type]
    assert TimeSeries(frame, dt=1, names=("a", "b", "c")).names == ("a", "b", "c")  # type: ignore[arg-type]
    assert TimeSeries(frame.set_axis([0, 1, 2], axis=1), dt=1).names == ("x1", "x2", "x3")  # type: ignore[arg-type]


NUMBERS = np.arange(100.0).reshape(50, 2)
NO_NUMBERS = {
    "complex": NUMBERS + 0j,
    "text": np.array(["1", "2"] * 25),
    "a column of text": np.array([["a", 1], ["b", 2]] * 25, dtype=object),
    "a column of numbers as text": np.array([["1.5", 1], ["2", 2]] * 25, dtype=object),
    "dates": np.datetime64("2020-01-01") + np.arange(50),
    "a tensor with gradient": torch.tensor(NUMBERS, requires_grad=True),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_real_number_is_refused_wherever_arrays_are_taken(kind: str) -> None:
    x = NO_NUMBERS[kind]
    for take in (
        lambda: TimeSeries(x, dt=1),
        lambda: as_points(x),
        lambda: analysis.correlation_dimension(x),
        lambda: analysis.prediction_error(x, NUMBERS),
        lambda: analysis.forecast_metrics(NUMBERS, x),
    ):
        with pytest.raises(DataError, match=r"that are not real numbers.*convert them first.*detach"):
            take()


def test_a_series_in_place_of_its_values_is_told() -> None:
    for take in (np.asarray, as_points, analysis.correlation_dimension, lambda s: analysis.forecast_metrics(s, s)):
        with pytest.raises(DataError, match=r"a TimeSeries; .*series\.values"):
            take(ramp())


def test_names_must_match_the_columns() -> None:
    with pytest.raises(DataError, match="one name per column"):
        ramp(names=("x",))


def test_a_name_for_two_columns_is_refused() -> None:
    with pytest.raises(DataError, match="the column name 'a' twice"):
        ramp(dim=3, names=["a", "a", "b"])


def test_a_column_that_varies_by_rounding_is_numerically_constant() -> None:
    noise = np.random.default_rng(0).standard_normal((1000, 2))
    with pytest.raises(DataError, match="column x2 is numerically constant"):
        TimeSeries(noise * [1, 1e-14] + [0, 5], dt=1).require_variation()
    with pytest.raises(DataError, match="column 2 of x is numerically constant"):
        as_columns_that_vary(noise * [1, 1e-14] + [0, 5])
    TimeSeries(noise * [1e-11, 1e-300] + [5, 0], dt=1).require_variation()


def test_values_whose_squares_overflow_are_refused() -> None:
    values = np.random.default_rng(0).standard_normal((1000, 2)) * [1, 1e300]
    with pytest.raises(DataError, match=r"column x2 .*square of which overflows.*rescale the columns"):
        TimeSeries(values, dt=1).require_variation()


def test_constant_columns_are_named_when_variation_is_required() -> None:
    values = np.stack([np.arange(5.0), np.full(5, 2.0)], axis=1)
    series = TimeSeries(values, dt=1, names=("x", "flat"))
    with pytest.raises(DataError, match="column flat is constant"):
        series.require_variation()
    ramp().require_variation()


def test_masked_entries_are_missing_values() -> None:
    good = np.arange(60).reshape(30, 2)
    for kind in (int, float):
        masked = np.ma.masked_equal(np.where(good == 8, -9999, good).astype(kind), -9999)
        with pytest.raises(DataError, match=r"1 values are missing .*row 4"):
            TimeSeries(masked, dt=0.5)  # type: ignore[arg-type]
        with pytest.raises(DataError, match="not finite from row 4 on"):
            as_points(masked)
        with pytest.raises(DataError, match="inputs"):
            TimeSeries(good, dt=0.5, inputs=masked)  # type: ignore[arg-type]
    whole = np.ma.masked_equal(good, -1)
    assert np.array_equal(TimeSeries(whole, dt=0.5).values, good)  # type: ignore[arg-type]
    assert as_points(whole).dtype == np.float64 and np.array_equal(as_points(whole), good)


@pytest.mark.parametrize(
    "stamps",
    [
        np.datetime64("2020-01-01") + np.arange(50) * np.timedelta64(20, "ms"),
        [str(0.02 * i) for i in range(50)],
        0.02j * np.arange(50),
    ],
)
def test_stamps_that_are_no_numbers_are_refused(stamps: object) -> None:
    with pytest.raises(DataError, match=r"stamps that are not real numbers.*timedelta64"):
        TimeSeries(np.arange(50.0), dt=0.02, stamps=stamps)  # type: ignore[arg-type]


@pytest.mark.parametrize("inputs", [["a"] * 50, ["1"] * 50, np.ones(50) * 1j])
def test_inputs_that_are_no_numbers_are_refused(inputs: object) -> None:
    with pytest.raises(DataError, match="inputs that are not real numbers"):
        TimeSeries(np.arange(50.0), dt=0.02, inputs=inputs)  # type: ignore[arg-type]


@pytest.mark.parametrize(("unit", "says"), [(1000.0, "20 beside dt = 0.02"), (0.05, "0.001 beside dt = 0.02")])
def test_stamps_in_another_unit_than_dt_are_refused(unit: float, says: str) -> None:
    times = 0.02 * (np.arange(50) + 0.3 * np.sin(np.arange(50)))
    assert TimeSeries(np.arange(50.0), dt=0.02, stamps=times).stamps is not None
    with pytest.raises(DataError, match=f"stamps with a median step of {says}"):
        TimeSeries(np.arange(50.0), dt=0.02, stamps=unit * 0.02 * np.arange(50))


@pytest.mark.parametrize("dt", [1e-9, 0.01, 1e6])
def test_steps_are_the_same_but_for_rounding_in_any_unit(dt):
    assert same_step(dt, dt * (1 + 1e-9)) and not same_step(dt, 1.0001 * dt)
