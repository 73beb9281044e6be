"""Reading files: times and gaps are judged, missing values counted and repaired only where that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded_files import DT, TIMES, VALUES, table, text, write

from dsr.errors import DataError
from dsr.reading import load_trajectories
from dsr.series import TimeSeries


class TestTime:
    def load(self, tmp_path: Path, times: Any, **how: Any) -> TimeSeries:
        cells = [t if isinstance(t, str) else repr(float(t)) for t in times]
        rows = "\n".join(f"{t},{float(np.sin(float(t)))!r}" for t in cells)
        return TimeSeries.load(text(tmp_path / "a.csv", "t,x\n" + rows), **how)

    @pytest.mark.parametrize(
        ("name", "unit"),
        [
            ("Time (s)", "s"), ("t [ms]", "ms"), ("t (s)", "s"), ("Time (Seconds)", "seconds"), ("time (h)", "h"),
            ("t (iterations)", "iterations"), ("t", "time units"), ("time (a.u.)", "time units"), ("t_ms", "ms"),
            ("seconds", "seconds"), ("t/s", "s"), ("Zeit [min]", "min"), ("timestamp", "time units"),
        ],
    )  # fmt: skip
    def test_the_unit_in_the_name_of_the_time_is_believed(self, tmp_path: Path, name: str, unit: str) -> None:
        rows = "\n".join(f"{t!r},{v!r}" for t, v in zip(TIMES.tolist(), VALUES[:, 0].tolist(), strict=True))
        path = text(tmp_path / "a.csv", f"{name},x\n{rows}")
        assert TimeSeries.load(path).time_unit == unit
        assert TimeSeries.load(path, time_unit="Lyapunov times").time_unit == "Lyapunov times"

    @pytest.mark.parametrize(
        ("name", "unit"), [("time (s)", "ms"), ("t [ms]", "s"), ("t_s", "minutes"), ("t (h)", "d")]
    )
    def test_another_unit_than_that_of_the_times_is_refused(self, tmp_path: Path, name: str, unit: str) -> None:
        path = text(tmp_path / "a.csv", table(header=f"{name},x,y,z"))
        with pytest.raises(DataError, match=rf"--time-unit {unit} .*, but the times of .* are in .*leave out"):
            load_trajectories(path, time_unit=unit)
        how = {"time_column": "none", "columns": "x,y,z", "dt": 3}
        assert TimeSeries.load(path, time_unit=unit, **how).time_unit == unit

    @pytest.mark.parametrize(("name", "unit"), [("time (s)", "seconds"), ("t [ms]", "msec"), ("t (iterations)", "s")])
    def test_the_same_unit_in_other_words_is_taken(self, tmp_path: Path, name: str, unit: str) -> None:
        path = text(tmp_path / "a.csv", table(header=f"{name},x,y,z"))
        assert TimeSeries.load(path, time_unit=unit).time_unit == unit

    def test_a_step_is_needed(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", VALUES)
        with pytest.raises(DataError, match=r"no time column.*--dt 0.01 \(dt=0.01\)"):
            load_trajectories(tmp_path / "a.npy")

    @pytest.mark.parametrize("dt", [-0.1, 0, float("nan")])
    def test_a_step_must_be_positive(self, tmp_path: Path, dt: float) -> None:
        with pytest.raises(DataError, match="a positive number"):
            self.load(tmp_path, TIMES, dt=dt)

    @pytest.mark.parametrize("rate", [360, 128])
    def test_times_rounded_to_milliseconds_are_regular(self, tmp_path: Path, rate: int) -> None:
        series = self.load(tmp_path, [f"{i / rate:.3f}" for i in range(3000)])
        assert series.dt == pytest.approx(1 / rate, rel=1e-7)

    def test_times_too_coarse_for_their_step_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="irregular"):
            self.load(tmp_path, [f"{i / 700:.3f}" for i in range(3000)])

    def test_a_missing_sample_among_rounded_times_is_found(self, tmp_path: Path) -> None:
        times = [f"{i / 360:.3f}" for i in range(3000) if i != 1500]
        with pytest.raises(DataError, match="irregular"):
            self.load(tmp_path, times)

    def test_times_far_from_zero_are_regular_to_their_precision(self, tmp_path: Path) -> None:
        assert self.load(tmp_path, 1.7e9 + 0.001 * np.arange(500), columns="x").dt == pytest.approx(0.001, rel=1e-6)

    def test_single_precision_times_in_an_array(self, tmp_path: Path) -> None:
        times = (1000 + 0.01 * np.arange(40)).astype(np.float32)
        np.savez(tmp_path / "a.npz", values=VALUES, t=times)
        assert TimeSeries.load(tmp_path / "a.npz").dt == pytest.approx(0.01, rel=1e-4)
        assert TimeSeries.load(tmp_path / "a.npz", dt=0.01).dt == 0.01

    def test_jitter_above_the_tolerance_is_refused_with_the_repair(self, tmp_path: Path) -> None:
        times = TIMES.copy()
        times[20] += 3e-6 * DT
        with pytest.raises(DataError, match=r"irregular.*--resample \(resample=True\).*dsr\.repair"):
            self.load(tmp_path, times)
        times[20] = TIMES[20] + 0.3e-6 * DT
        assert self.load(tmp_path, times).dt == pytest.approx(DT, rel=1e-6)

    def test_whole_numbers_are_irregular_not_rounded(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="irregular"):
            self.load(tmp_path, [0, 1, 3, 4, 6, 7, 9])

    def test_resampling_is_done_when_asked_and_written_down(self, tmp_path: Path) -> None:
        times = 0.01 * np.arange(500) + np.random.default_rng(1).uniform(-0.002, 0.002, 500)
        series = self.load(tmp_path, times, resample=True, dt=0.01)
        np.testing.assert_allclose(series.values[5:-5, 0], np.sin(times[0] + series.times)[5:-5], atol=1e-8)
        assert series.dt == 0.01
        assert series.origin["repairs"] == ["resampled by a cubic spline to dt = 0.01"]
        assert self.load(tmp_path, TIMES, resample=True).origin["repairs"] == []

    @pytest.mark.parametrize("resample", [False, True])
    def test_a_long_gap_is_named_and_never_filled(self, tmp_path: Path, resample: bool) -> None:
        times = np.delete(0.01 * np.arange(6000), np.arange(1500, 4500))
        says = r"time column 't' .* gap of 30\.01 after row 1499 \(time 14\.99, line 1501\), 3000 missing rows"
        with pytest.raises(DataError, match=says + ".*two trajectories.*--trajectory-column"):
            self.load(tmp_path, times, resample=resample)

    def test_a_short_gap_is_named_and_filled_when_asked(self, tmp_path: Path) -> None:
        times = np.delete(0.01 * np.arange(600), np.arange(150, 160))
        with pytest.raises(DataError, match=r"median step is 0\.01, the longest is 0\.11 after row 149 .*--resample"):
            self.load(tmp_path, times)
        assert len(self.load(tmp_path, times, resample=True)) == 600

    def test_a_record_cut_at_its_gap_is_two_trajectories(self, tmp_path: Path) -> None:
        times = np.delete(0.01 * np.arange(600), np.arange(150, 450))
        rows = "\n".join(f"{t!r},{float(np.sin(t))!r},{int(t > 3)}" for t in times.tolist())
        found = load_trajectories(text(tmp_path / "a.csv", "t,x,part\n" + rows), trajectory_column="part")
        assert [len(s) for s in found] == [150, 150]

    def test_a_single_row_is_called_that(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="has a single row; accepted: at least two rows"):
            self.load(tmp_path, [0.0])

    def test_a_step_in_conflict_with_the_times_is_refused(self, tmp_path: Path) -> None:
        assert self.load(tmp_path, TIMES, dt=DT).dt == DT
        with pytest.raises(DataError, match=r"dt = 0.2, but time column 't' of .* has the step 0.1"):
            self.load(tmp_path, TIMES, dt=0.2)
        assert self.load(tmp_path, TIMES, dt=0.2, resample=True).duration == pytest.approx(3.8)
        assert self.load(tmp_path, TIMES, dt=0.2, time_column="none", columns="x").dt == 0.2

    def test_resampling_needs_times(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", VALUES)
        with pytest.raises(DataError, match=r"no time column to resample by.*--time-column"):
            load_trajectories(tmp_path / "a.npy", dt=DT, resample=True)

    def test_a_time_column_by_name_and_by_index(self, tmp_path: Path) -> None:
        path = text(tmp_path / "a.csv", table(header="clock,x,y,z"))
        for column in ("clock", 0, "0"):
            series = TimeSeries.load(path, time_column=column)
            assert (series.dt, series.names) == (DT, ("x", "y", "z"))
        with pytest.raises(DataError, match=r"no column 'clok'.*did you mean 'clock'.*--time-column"):
            load_trajectories(path, time_column="clok")

    def test_missing_times_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"time column 't' of .* has 1 missing"):
            self.load(tmp_path, ["0", "nan", "2"], missing="interpolate")


class TestMissing:
    def test_counted_and_placed(self, tmp_path: Path) -> None:
        path = text(tmp_path / "a.csv", "x,y\n1,2\n3,\nNA,4\n5,6\n")
        says = r"2 missing or infinite .* first in column 'y' \(row 1, line 3\).*--missing interpolate"
        with pytest.raises(DataError, match=says):
            load_trajectories(path, dt=1)

    def test_interpolated_when_asked_and_written_down(self, tmp_path: Path) -> None:
        path = text(tmp_path / "a.csv", "x,y\n1,2\n3,\nNaN,4\n5,6\n")
        series = TimeSeries.load(path, dt=1, missing="interpolate")
        assert series.values.tolist() == [[1, 2], [3, 3], [4, 4], [5, 6]]
        assert series.origin["repairs"] == ["interpolated 2 missing values"]

    def test_a_blank_line_in_a_single_column_is_a_missing_sample(self, tmp_path: Path) -> None:
        path = text(tmp_path / "a.csv", "x\n1\n\n3\n4\n\n")
        with pytest.raises(DataError, match=r"1 missing.*row 1"):
            load_trajectories(path, dt=1)
        filled = TimeSeries.load(path, dt=1, missing="interpolate")
        assert filled.values[:, 0].tolist() == [1, 2, 3, 4]

    def test_arrow_nulls_are_missing(self, tmp_path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"x": [1, None, 3], "y": [1, 2, 3]}), tmp_path / "a.parquet")
        with pytest.raises(DataError, match=r"1 missing .* first in column 'x' \(row 1\)"):
            load_trajectories(tmp_path / "a.parquet", dt=1)

    def test_gaps_between_irregular_times_are_filled_in_time(self, tmp_path: Path) -> None:
        path = text(tmp_path / "a.csv", "t,x\n0,0\n1,\n4,4\n5,5\n6.5,6.5\n")
        series = TimeSeries.load(path, missing="interpolate", resample=True, dt=0.5)
        np.testing.assert_allclose(series.values[:, 0], series.times, atol=1e-12)
        assert len(series.origin["repairs"]) == 2

    def test_another_word_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="refuse or interpolate"):
            load_trajectories(write(tmp_path / "a.csv"), missing="drop")  # type: ignore[arg-type]
