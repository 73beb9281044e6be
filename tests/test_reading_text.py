"""Reading text tables: decimal commas are never taken for separators, empty columns are called that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recorded_files import text

from dsr.errors import DataError
from dsr.reading import load_trajectories
from dsr.series import TimeSeries

DECIMALS = np.random.default_rng(2).normal(size=(60, 2)) * 3


def with_commas(form: str, separator: str) -> str:
    return "\n".join(separator.join(format(v, form).replace(".", ",") for v in row) for row in DECIMALS)


@pytest.mark.parametrize("form", [".4f", ".6g", ".3e"])
def test_one_column_with_decimal_commas_is_not_read_as_two(tmp_path: Path, form: str) -> None:
    column = with_commas(form, "\n")
    path = text(tmp_path / "a.csv", column)
    for header in (None, False):
        with pytest.raises(DataError, match=r"in line 1: whole numbers .* or decimals;.*write points;.*such as x,y"):
            load_trajectories(path, dt=1, header=header)
    with pytest.raises(DataError, match=r"'-?\d,\S+' in column 'x' .*write decimals with a point"):
        load_trajectories(text(path, "x\n" + column), dt=1)
    assert TimeSeries.load(text(path, column.replace(",", ".")), dt=1).dim == 1


@pytest.mark.parametrize("separator", [";", "\t", " "])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_decimal_commas_beside_a_separator_are_called_that(tmp_path: Path, separator: str, name: str) -> None:
    path = text(tmp_path / name, with_commas(".6g", separator))
    with pytest.raises(DataError, match=r"in line 1, numbers with decimal commas;.*write decimals with a point"):
        load_trajectories(path, dt=1)


@pytest.mark.parametrize("form", [".1f", ".4f"])
def test_decimal_commas_apart_by_commas_are_refused(tmp_path: Path, form: str) -> None:
    path = text(tmp_path / "a.csv", with_commas(form, ","))
    with pytest.raises(DataError, match=r"whole numbers apart by commas, or decimals"):
        load_trajectories(path, dt=1)
    with pytest.raises(DataError, match=r"4 cells in line 2, 2 in the first.*points in decimals"):
        load_trajectories(text(path, "x,y\n" + with_commas(form, ",")), dt=1)


@pytest.mark.parametrize(
    ("content", "first"),
    [
        ("x,y\n4,3704\n4,4609\n3,5\n", [4, 3704]),
        ("x,y\n4,05\n4,07\n", [4, 5]),
        ("4,3704\n4,-609\n", [4, 3704]),
        ("4, 3704\n4, 609\n", [4, 3704]),
        ("4,3704\n4.5,609\n", [4, 3704]),
        ("4,3704,7\n4,609,8\n4,2,9\n", [4, 3704, 7]),
        ("4,3704,7,1\n4,609,8,2\n4,2,2,2\n4,2,2,1\n", [4, 3704, 7, 1]),
        ("4;3704\n4;609\n", [4, 3704]),
    ],
)
def test_whole_numbers_that_can_be_no_decimals_are_read(tmp_path: Path, content: str, first: list[float]) -> None:
    assert TimeSeries.load(text(tmp_path / "a.csv", content), dt=1).values[0].tolist() == first


@pytest.mark.parametrize("header", ["t;x;z;\n", ""])
@pytest.mark.parametrize("missing", ["refuse", "interpolate"])
def test_a_separator_at_the_end_of_each_line_is_called_that(tmp_path: Path, header: str, missing: str) -> None:
    rows = "\n".join(f"{i};{x!r};{z!r};" for i, (x, z) in enumerate(DECIMALS.tolist()))
    path = text(tmp_path / "a.csv", header + rows)
    how = {} if header else {"time_column": "x1"}
    left = "x,z" if header else "x2,x3"
    says = rf"column '(3|x4)' of .* is empty, as after a separator.*--columns {left} "
    with pytest.raises(DataError, match=says):
        load_trajectories(path, missing=missing, **how)
    assert TimeSeries.load(path, columns=left, **how).dim == 2
