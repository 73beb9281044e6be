"""Reading files: every format gives the same numbers, times are judged, refusals say what to type."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded_files import DT, TIMES, VALUES, table, text, write

from dsr.errors import DataError
from dsr.reading import load_trajectories
from dsr.series import TimeSeries


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz", ".mat"])
def test_every_format_gives_the_same_numbers_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"data{suffix}")
    (series,) = load_trajectories(path, time_unit="s")
    np.testing.assert_array_equal(series.values, VALUES)
    assert series.dt == DT and series.time_unit == "s"
    assert series.names == (("x1", "x2", "x3") if suffix in (".npz", ".mat") else ("x", "y", "z"))
    assert series.origin == {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "columns": list(series.names),
        "dt_source": "time column time",
        "repairs": [],
    }


def test_npy_of_one_and_of_many_trajectories(tmp_path: Path) -> None:
    stack = np.stack([VALUES, VALUES + 1])
    np.save(tmp_path / "one.npy", VALUES.astype(np.float32))
    np.save(tmp_path / "many.npy", stack)
    np.save(tmp_path / "column.npy", VALUES[:, 0])
    (one,) = load_trajectories(tmp_path / "one.npy", dt=DT)
    np.testing.assert_array_equal(one.values, VALUES.astype(np.float32))
    many = load_trajectories(tmp_path / "many.npy", dt=DT)
    np.testing.assert_array_equal([s.values for s in many], stack)
    assert [s.origin["trajectory"] for s in many] == ["[0]", "[1]"]
    assert TimeSeries.load(tmp_path / "column.npy", dt=DT).values.shape == (40, 1)
    with pytest.raises(DataError, match="holds 2 trajectories"):
        TimeSeries.load(tmp_path / "many.npy", dt=DT)


def test_wrong_axis_order_is_refused_and_transpose_repairs_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES.T)
    text(tmp_path / "a.csv", "\n".join(",".join(map(repr, row.tolist())) for row in VALUES.T))
    for path in (tmp_path / "a.npy", tmp_path / "a.csv"):
        with pytest.raises(DataError, match=r"40 columns and only 3 rows.*--transpose, transpose=True"):
            load_trajectories(path, dt=DT)
        np.testing.assert_array_equal(TimeSeries.load(path, dt=DT, transpose=True).values, VALUES)
    with pytest.raises(DataError, match="has a header and is to be transposed"):
        load_trajectories(write(tmp_path / "b.csv"), transpose=True)


def test_several_arrays_are_trajectories_or_columns_or_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, first=VALUES, second=VALUES[:30])
    both = load_trajectories(path, dt=DT)
    assert [(len(s), s.origin["trajectory"]) for s in both] == [(40, "first"), (30, "second")]
    assert len(TimeSeries.load(path, dt=DT, array="second")) == 30
    with pytest.raises(DataError, match=r"no array 'secnd'.*did you mean 'second'"):
        load_trajectories(path, dt=DT, array="secnd")
    np.savez(path, a=VALUES, b=VALUES[:, :2])
    with pytest.raises(DataError, match=r"different width: a \(40, 3\), b \(40, 2\).*--array"):
        load_trajectories(path, dt=DT)
    np.savez(path, x=VALUES[:, 0], y=VALUES[:, 1], t=TIMES)
    with pytest.raises(DataError, match=r"several one-dimensional arrays: x, y.*--array x,y .*'t' stays the time"):
        load_trajectories(path)
    series = TimeSeries.load(path, array="y,x")
    assert series.names == ("y", "x") and series.dt == DT
    np.testing.assert_array_equal(series.values, VALUES[:, [1, 0]])


def test_a_time_array_of_another_length_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", values=VALUES, t=TIMES[:-1])
    with pytest.raises(DataError, match=r"39 times in 't', 40 rows in 'values'.*--time-column none"):
        load_trajectories(tmp_path / "a.npz")


@pytest.mark.parametrize("columns", [["z", "x"], "z,x", [3, 1], ["3", "1"], ("z", 1)])
def test_columns_by_name_and_by_index_in_the_order_asked(tmp_path: Path, columns: Any) -> None:
    series = TimeSeries.load(write(tmp_path / "a.csv"), columns=columns)
    np.testing.assert_array_equal(series.values, VALUES[:, [2, 0]])
    assert series.names == ("z", "x") and series.origin["columns"] == ["z", "x"]


@pytest.mark.parametrize(
    ("content", "first", "names", "rows"),
    [
        ("1,-2\n3,4\n5,6\n", [1, -2], ("x1", "x2"), 3),
        ("x,y\n1,2\n3,4\n", [1, 2], ("x", "y"), 2),
        ("channel,7\n1,2\n3,4\n", [1, 2], ("channel", "7"), 2),
        ("Na,K\n1,2\n3,4\n", [1, 2], ("Na", "K"), 2),
        ('"x, left";y\n1;2\n3;4\n', [1, 2], ("x, left", "y"), 2),
        ("\ufeffx,y\r\n1,2\r\n3,4\r\n\r\n", [1, 2], ("x", "y"), 2),
        ("# made by hand\n 1.5, +2\n3,4\n", [1.5, 2], ("x1", "x2"), 2),
        ("-1e-3,2\n3,4\n", [-1e-3, 2], ("x1", "x2"), 2),
    ],
)
def test_header_separator_and_spaces_are_seen(
    tmp_path: Path, content: str, first: list[float], names: tuple[str, ...], rows: int
) -> None:
    series = TimeSeries.load(text(tmp_path / "a.csv", content), dt=1)
    assert series.values[0].tolist() == first and series.names == names
    assert len(series) == rows


def test_a_first_row_that_counts_is_a_header_only_if_the_user_says_so(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "0,1\n0.5,2.5\n0.7,2.7\n")
    with pytest.raises(DataError, match="--header or --no-header"):
        load_trajectories(path, dt=1)
    assert len(TimeSeries.load(path, dt=1, header=True)) == 2
    assert len(TimeSeries.load(path, dt=1, header=False)) == 3


def test_a_column_of_row_numbers_is_not_taken_for_data(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", ",x,y\n0,1,2\n1,3,4\n2,4,5\n")
    with pytest.raises(DataError, match=r"counts the rows.*--columns x,y"):
        load_trajectories(path, dt=1)
    assert TimeSeries.load(path, dt=1, columns="x,y").dim == 2


CLOCK_NAMES = ["Time (s)", "time_s", "timestamp", "t [ms]", "t/s", "seconds", "Elapsed", "elapsed_time", "time [a.u.]"]
CLOCK_NAMES += ["Zeit [ms]", "Zeit", "temps (s)", "tiempo", "tid"]


@pytest.mark.parametrize("name", CLOCK_NAMES)
def test_a_time_column_is_seen_by_many_names(tmp_path: Path, name: str) -> None:
    series = TimeSeries.load(text(tmp_path / "a.csv", table(header=f"{name},x,y,z")))
    assert (series.dt, series.names) == (DT, ("x", "y", "z"))


@pytest.mark.parametrize("name", ["T (K)", "T_s", "time_delay", "date", "s", "temperature", "t_1"])
def test_other_names_are_no_time_column(tmp_path: Path, name: str) -> None:
    path = text(tmp_path / "a.csv", f"{name},x\n3,1\n1,2\n2,0\n")
    assert TimeSeries.load(path, dt=1).names == (name, "x")


def test_plain_names_of_time_come_first(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "t,timestamp,x\n0,5,1\n2,3,5\n4,6,2\n")
    assert TimeSeries.load(path).names == ("timestamp", "x")


def test_time_arrays_are_seen_by_many_names(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, values=VALUES, timestamps=TIMES)
    assert TimeSeries.load(path).dt == DT
    np.savez(path, values=VALUES, timestamps=np.array(["monday"] * 40), seconds=np.array(4.0))
    assert TimeSeries.load(path, dt=1).names == ("x1", "x2", "x3")


@pytest.mark.parametrize("scale", [DT, -DT, 1])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_column_that_changes_by_a_constant_step_is_not_taken_for_data(
    tmp_path: Path, scale: float, kind: type
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.c_[7 + scale * np.arange(40), VALUES].astype(kind))
    with pytest.raises(DataError, match=r"column 'x1' .*rises or falls.*--time-column x1 .*--columns x2,x3,x4 "):
        load_trajectories(path, dt=DT)
    assert TimeSeries.load(path, dt=DT, columns="x2,x3,x4").dim == 3
    if scale == DT:
        assert TimeSeries.load(path, time_column="x1").dt == pytest.approx(DT, rel=1e-5)


def test_a_counter_beside_the_times_is_not_taken_for_data(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{0.1 * i!r},{i % 7}" for i in range(20))
    with pytest.raises(DataError, match=r"column 'sample' .*next: name the observed columns: --columns x "):
        load_trajectories(text(tmp_path / "a.csv", "sample,t,x\n" + rows))


def test_monotone_columns_are_data_where_they_are_named_or_short(tmp_path: Path) -> None:
    rows = np.arange(200.0)
    np.save(tmp_path / "a.npy", np.c_[rows + 0.5 * np.sin(rows), np.sin(rows), -np.sqrt(rows)])
    for columns in (None, "0,1,2", [0, 1]):
        says = r"column 'x1' .* rises or falls from every row.*--time-column x1 .*--columns x2 .*observed: name it"
        with pytest.raises(DataError, match=says):
            load_trajectories(tmp_path / "a.npy", dt=1, columns=columns)
    assert TimeSeries.load(tmp_path / "a.npy", dt=1, columns="x1,x2,x3").dim == 3
    np.save(tmp_path / "a.npy", rows[:9])
    assert len(TimeSeries.load(tmp_path / "a.npy", dt=1)) == 9
    np.save(tmp_path / "a.npy", np.stack([np.c_[np.sin(t), np.cos(t)] for t in (rows[:20] / 10, rows[50:70] / 10)]))
    assert len(load_trajectories(tmp_path / "a.npy", dt=1)) == 2, "monotone in one of its trajectories only"


def test_an_irregular_clock_of_any_name_is_not_taken_for_data(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(5).uniform(1, 3, 40))
    times[7] = np.nan
    rows = "\n".join(f"{t},{x}" for t, x in zip(times, VALUES[:, 0], strict=True))
    with pytest.raises(DataError, match=r"column 'Uhr' .*--time-column Uhr"):
        load_trajectories(text(tmp_path / "a.csv", "Uhr,x\n" + rows), dt=2, missing="interpolate")


@pytest.mark.parametrize("columns", ["0,1", [0], "time,x", "x,time"])
def test_the_time_column_is_no_observed_column(tmp_path: Path, columns: Any) -> None:
    path = write(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"names 'time', the time column of .*observed columns, of x, y, z;"):
        load_trajectories(path, columns=columns)
    assert TimeSeries.load(path, columns="time,x", time_column="none", dt=1).names == ("time", "x")


@pytest.mark.parametrize("columns", ["x,x", ["x", 1], [0, 1, 0]])
def test_a_column_is_read_once(tmp_path: Path, columns: Any) -> None:
    path = text(tmp_path / "a.csv", "time,x,y,z\n" + table(header=None))
    with pytest.raises(DataError, match=r"--columns .*names column '(x|time)' twice"):
        load_trajectories(path, columns=columns)
    np.savez(tmp_path / "a.npz", x=VALUES[:, 0], t=TIMES)
    with pytest.raises(DataError, match=r"--array .*names 'x' twice"):
        load_trajectories(tmp_path / "a.npz", array="x,x")


def test_a_name_in_the_header_twice_is_refused(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "x,x,y\n1,2,3\n4,7,6\n7,1,9\n")
    with pytest.raises(DataError, match=r"several columns 'x'.*rename .*by index"):
        load_trajectories(path, dt=1)
    assert TimeSeries.load(path, dt=1, columns="0,2").names == ("x", "y")


def test_values_whose_squares_overflow_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES * [1, 1e300, 1])
    with pytest.raises(DataError, match=r"column x2 .*\(row 0\), the square of which overflows.*rescale the columns"):
        load_trajectories(tmp_path / "a.npy", dt=1)


@pytest.mark.parametrize(
    "content", ["1 2\n3 5\n4 1\n", "# np.savetxt\n 1.0  2\r\n3\t5 \r\n4 1\r\n", "x y\n1 2\n3 5\n4 1"]
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_columns_apart_by_spaces_are_read(tmp_path: Path, content: str, name: str) -> None:
    content = content.replace("\t", "  ")
    series = TimeSeries.load(text(tmp_path / name, content), dt=1)
    assert series.values.tolist() == [[1, 2], [3, 5], [4, 1]]
    assert series.names == (("x", "y") if "x" in content.partition("\n")[0] and "#" not in content else ("x1", "x2"))


def test_an_array_of_a_file_without_arrays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the array 'foo'; .*\.npz or \.mat.*leave out --array"):
        load_trajectories(write(tmp_path / "a.csv"), array="foo")
    np.savez(tmp_path / "a.npz")
    with pytest.raises(DataError, match=r"holds no arrays; .*np\.savez"):
        load_trajectories(tmp_path / "a.npz", dt=1)


@pytest.mark.parametrize("path", [None, 3, ["a.csv"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(DataError, match="the path of a file"):
        TimeSeries.load(path, dt=1)


def test_text_in_a_column_that_is_not_read_does_no_harm(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "day,x\nmonday,1\ntuesday,2\n")
    assert TimeSeries.load(path, dt=1, columns=["x"]).values.tolist() == [[1.0], [2.0]]
    with pytest.raises(DataError, match=r"text 'monday' in column 'day' \(row 0, line 2\)"):
        load_trajectories(path, dt=1)


def test_text_far_behind_the_first_megabyte_is_found(tmp_path: Path) -> None:
    rows = ["1.25,2.5"] * 300_000
    rows[250_000] = "1.25,bad"
    path = text(tmp_path / "a.csv", "\n".join(rows))
    with pytest.raises(DataError, match=r"text 'bad' in column 'x2' \(row 250000, line 250001\)"):
        load_trajectories(path, dt=1)


def test_trajectory_column_separates_and_keeps_order(tmp_path: Path) -> None:
    rows = [f"{mark},{t},{t * t}" for mark in ("b", "a") for t in range(5)]
    path = text(tmp_path / "a.csv", "id,t,x\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"does not increase at row 5.*--trajectory-column"):
        load_trajectories(path, columns=["x"])
    found = load_trajectories(path, trajectory_column="id")
    assert [s.origin["trajectory"] for s in found] == ["id b", "id a"]
    assert all(s.values[:, 0].tolist() == [0, 1, 4, 9, 16] and s.names == ("x",) for s in found)


def test_trajectories_of_different_step_are_refused(tmp_path: Path) -> None:
    rows = [f"{mark},{t * step},{t}" for mark, step in (("a", 1), ("b", 2)) for t in range(5)]
    path = text(tmp_path / "a.csv", "id,t,x\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"of step 1, and of step 2 \(id b\).*--resample --dt 1"):
        load_trajectories(path, trajectory_column="id")
    found = load_trajectories(path, trajectory_column="id", resample=True, dt=1)
    assert [len(s) for s in found] == [5, 9]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\n \n", "is empty"),
        ("a.npy", "", "is empty"),
        ("a.csv", "x,y\n", "a header and no rows"),
        ("a.csv", "1,2\n3,abc\n", r"text 'abc' in column 'x2' \(row 1, line 2\).*--columns"),
        ("a.csv", "1.5,O.4\n3,4\n", r"text 'O.4' in column 'x2' \(row 0, line 1\)"),
        ("a.csv", "x;y\n1,5;2\n", r"text '1,5' in column 'x'.*with a point"),
        ("a.csv", "x,y\n1,2\n3,4,5\n", "3 cells in line 3, 2 in the first"),
        ("a.csv", "x,y\n1,2\n3\n", "1 cells in line 3, 2 in the first"),
        ("a.csv", b"x,\xb0\n1,2\n", r"not UTF-8 text \(byte 2\)"),
        ("a.csv", "t,time,x\n1,2,3\n4,5,6\n", "several time columns: t, time"),
        ("a.xlsx", "1", "unknown extension '.xlsx'.*\\.npy .*\\.mat"),
        ("a.cvs", "1", "unknown extension '.cvs'.*\\.csv"),
        ("data", "1", "unknown extension ''"),
        ("a.npy", b"\x93NUMPY\x01\x00", "cannot be read as NumPy"),
        ("a.npy", pickle.dumps([1, 2]), "can run code when opened"),
        ("a.npz", b"PK\x03\x04junk", "cannot be read as npz"),
        ("a.parquet", b"PAR1junk", "cannot be read as Parquet"),
        ("a.mat", b"MATLAB 5.0 MAT-file", "cannot be read as MAT"),
        ("a.mat", b"MATLAB 7.3 MAT-file, Platform: GLNXA64", r"MATLAB 7.3 file.*save\('.*a.mat', '-v7'\)"),
    ],
)
def test_unusable_files_get_one_sentence(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        load_trajectories(text(tmp_path / name, content), dt=1)
    assert all((caught.value.got, caught.value.accepted, caught.value.next_step))
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path / "lorenz.csv")
    with pytest.raises(DataError, match=r"no file .*did you mean '.*lorenz\.csv'"):
        load_trajectories(tmp_path / "lorentz.csv")
    with pytest.raises(DataError, match="there is no folder"):
        load_trajectories(tmp_path / "nowhere" / "lorenz.csv")
    with pytest.raises(DataError, match="is a folder"):
        load_trajectories(tmp_path)


@pytest.mark.parametrize("column", ["w", 4, "17", -1])
def test_unknown_columns_are_answered_with_those_there_are(tmp_path: Path, column: str | int) -> None:
    with pytest.raises(DataError, match=r"no column .*accepted: time, x, y, z, or an index from 0 to 3"):
        load_trajectories(write(tmp_path / "a.csv"), columns=[column])


def test_object_arrays_are_refused_even_beside_good_ones(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([1, "x", None], dtype=object))
    np.savez(tmp_path / "a.npz", values=VALUES, objects=np.array([{}], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match="can run code when opened"):
            load_trajectories(tmp_path / name, dt=DT)
    assert TimeSeries.load(tmp_path / "a.npz", dt=DT, array="values").dim == 3


@pytest.mark.parametrize("array", [VALUES * 1j, np.array(["a", "b"]), np.zeros((2, 2, 2, 2)), np.array(3.0)])
def test_arrays_that_are_no_trajectories_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=r"real numbers|reshape it"):
        load_trajectories(tmp_path / "a.npy", dt=DT)


def test_published_ecg_record_and_its_delays(shared_data: Path) -> None:
    path = shared_data / "ecg_5d_700hz_test.npy"
    series = TimeSeries.load(path, dt=1 / 700, time_unit="s")
    assert series.values.shape == (100_000, 5) and series.duration == pytest.approx(142.856, abs=1e-3)
    # Column 2 is column 1 shifted by 20 samples: whether rows and columns are kept shows here.
    first, second = series.values[:, 0], series.values[:, 1]
    shift = max((-20, 20), key=lambda s: np.corrcoef(first[100 + s : 90_000 + s], second[100:90_000])[0, 1])
    np.testing.assert_allclose(first[100 + shift : 90_000 + shift], second[100:90_000], atol=1e-5)
