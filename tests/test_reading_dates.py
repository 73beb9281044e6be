"""Reading files with dates: ISO 8601 and typed dates become seconds, other formats are refused with the conversion."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded_files import DT, VALUES, text

from dsr.errors import DataError
from dsr.reading import load_trajectories
from dsr.series import TimeSeries

START = datetime(2024, 3, 31, 1, 30)
DATES = [START + timedelta(seconds=DT * i) for i in range(40)]


def dated(path: Path, cells: list[str], name: str = "timestamp") -> Path:
    rows = [f"{cell};{x!r};{y!r}" for cell, (x, y, _) in zip(cells, VALUES.tolist(), strict=False)]
    return text(path, "\n".join([f"{name};x;y", *rows]))


@pytest.mark.parametrize("name", ["timestamp", "Datum", "t", "Time [local]"])
@pytest.mark.parametrize("form", ["iso", "space", "utc", "comma"])
def test_dates_become_seconds_since_the_first_row(tmp_path: Path, name: str, form: str) -> None:
    aware = [date.replace(tzinfo=timezone(timedelta(hours=i % 3))) for i, date in enumerate(DATES)]
    aware = [date + date.utcoffset() for date in aware]
    cells = {
        "iso": [date.isoformat() for date in DATES],
        "space": [date.isoformat(" ") for date in DATES],
        "utc": [date.isoformat() for date in aware],
        "comma": [date.isoformat().replace(".", ",") for date in DATES],
    }[form]
    series = TimeSeries.load(dated(tmp_path / "a.csv", cells, name))
    assert (series.names, series.dt, series.time_unit) == (("x", "y"), pytest.approx(DT), "s")
    np.testing.assert_array_equal(series.values, VALUES[:, :2])
    assert series.origin["dt_source"] == f"time column {name}"
    assert TimeSeries.load(tmp_path / "a.csv", columns="y").names == ("y",)


def test_the_ordinary_rules_of_times_hold_for_dates(tmp_path: Path) -> None:
    days = dated(tmp_path / "a.csv", [f"2024-01-{i + 1:02d}" for i in range(30)], "date")
    assert TimeSeries.load(days).dt == 86400 and TimeSeries.load(days, time_unit="seconds").time_unit == "seconds"
    with pytest.raises(DataError, match=r"dt = 1, but time column 'date' of .* has the step 86400"):
        load_trajectories(days, dt=1)
    with pytest.raises(DataError, match=r"--time-unit d .* are in s.*--time-column none"):
        load_trajectories(days, time_unit="d")
    how: dict[str, Any] = {"time_column": "none", "columns": "x", "dt": 1, "time_unit": "d"}
    assert TimeSeries.load(days, **how).time_unit == "d"
    months = dated(tmp_path / "a.csv", [f"2024-{i + 1:02d}-01" for i in range(12)])
    with pytest.raises(DataError, match=r"time column 'timestamp' .* is irregular.*--resample"):
        load_trajectories(months)
    assert TimeSeries.load(months, resample=True, dt=86400).dt == 86400
    with pytest.raises(DataError, match="does not increase at row 1"):
        load_trajectories(dated(tmp_path / "a.csv", ["2024-01-02", "2024-01-01"]))


def test_times_in_numbers_come_before_dates(tmp_path: Path) -> None:
    rows = "\n".join(f"{date.isoformat()},{2.0 * i!r},{i % 7}" for i, date in enumerate(DATES))
    path = text(tmp_path / "a.csv", "date,time (ms),x\n" + rows)
    series = TimeSeries.load(path, columns="x")
    assert (series.dt, series.time_unit) == (2, "ms")
    assert TimeSeries.load(path, columns="x", time_column="date").time_unit == "s"


def test_a_table_of_dates_without_a_header_keeps_its_first_row(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "\n".join(f"{date.isoformat()},{i % 7}" for i, date in enumerate(DATES)))
    assert len(TimeSeries.load(path)) == 40


@pytest.mark.parametrize("kind", ["timestamp", "zone", "date", "duration", "index"])
def test_typed_dates_of_parquet(tmp_path: Path, kind: str) -> None:
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    stamps = pa.array(DATES, pa.timestamp("us", "Europe/Berlin" if kind == "zone" else None))
    if kind == "date":
        stamps = pa.array(range(40), pa.date32())
    elif kind == "duration":
        stamps = pa.array([100 * i for i in range(40)], pa.duration("ms"))
    if kind == "index":
        pd.DataFrame({"x": VALUES[:, 0]}, index=pd.DatetimeIndex(DATES)).to_parquet(tmp_path / "a.parquet")
    else:
        parquet.write_table(pa.table({"when": stamps, "x": VALUES[:, 0]}), tmp_path / "a.parquet")
    series = TimeSeries.load(tmp_path / "a.parquet")
    assert (series.names, series.time_unit) == (("x",), "s")
    assert series.dt == pytest.approx(86400 if kind == "date" else DT)


def test_typed_dates_of_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", values=VALUES, time=np.array(DATES, dtype="M8[ms]"))
    series = TimeSeries.load(tmp_path / "a.npz")
    assert (series.dt, series.time_unit) == (pytest.approx(DT), "s")
    np.savez(tmp_path / "a.npz", values=VALUES, time=np.array([*DATES[:39], "NaT"], dtype="M8[ms]"))
    with pytest.raises(DataError, match=r"time column 'time' .* has 1 missing"):
        load_trajectories(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["31.03.2024 01:30:00", "31.03.2024 01:30:01"], r"holds '31\.03\.2024 01:30:00' \(row 0, line 2\).*ISO 8601"),
        (["3/31/2024", "4/1/2024"], r"holds '3/31/2024'.*pandas\.to_datetime.*--time-column none"),
        (["01:30:00", "01:30:01"], r"holds '01:30:00'.*ISO 8601"),
        (["2024-03-31", "", "2024-04-02"], "has 1 missing values"),
        (["2024-03-31", "soon"], r"holds 'soon' \(row 1, line 3\) among dates"),
        (["2024-03-31T00:00Z", "2024-04-01"], "dates with an offset of the time zone and dates without"),
        (["0,02", "0,04"], "write decimals with a point"),
    ],
)
def test_other_times_get_one_sentence(tmp_path: Path, cells: list[str], says: str) -> None:
    if "/" in cells[0]:
        with pytest.raises(DataError, match=says):
            load_trajectories(dated(tmp_path / "a.csv", cells, "Datum"))
    path = dated(tmp_path / "a.csv", cells)
    for how in ({}, {"columns": "x"}, {"columns": "x", "time_column": "timestamp"}):
        with pytest.raises(DataError, match=says):
            load_trajectories(path, **how)
    assert TimeSeries.load(path, columns="x", time_column="none", dt=1).dim == 1
