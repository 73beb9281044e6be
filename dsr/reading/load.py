"""`load_trajectories`: a file of measured or simulated data as a list of `TimeSeries`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

from ..errors import DataError, nearest
from ..series import TimeSeries, positive_step
from .border import Border
from .clock import TOLERANCE
from .formats import reader_of
from .tables import Layout, same_unit

UNKNOWN = "time units"  # the unit of time where nobody says another


def load_trajectories(
    path: str | Path,
    *,
    dt: float | None = None,
    time_unit: str = UNKNOWN,
    columns: str | Sequence[str | int] | None = None,
    time_column: str | int | None = None,
    trajectory_column: str | int | None = None,
    transpose: bool = False,
    missing: Literal["refuse", "interpolate"] = "refuse",
    resample: bool = False,
    array: str | Sequence[str] | None = None,
    header: bool | None = None,
) -> list[TimeSeries]:
    """The trajectories in a .npy, .npz, .csv, .tsv, .parquet or .mat (version 5 to 7) file.

    Parameters
    ----------
    dt : time between two rows, in `time_unit`. Left out where there is a time column, and for an .npz file of
        `dsr simulate`, which tells it; a different value is refused.
    time_unit : unit of time. Such a file tells it too, as does a time column "Time (s)" or "t (iterations)", and is
        believed where nothing is said here; s is refused where it tells ms.
    columns : names or indices (from 0) of the observed columns in the wanted order, as a list or with commas
        between; all but time without it.
    time_column : name or index; a column named `t`, `time`, or such as "Time (s)" or timestamp, is found without
        it. "none": there is none, and what the file tells of the time is disregarded. Dates (ISO 8601, or of that type)
        become seconds since the first row.
    trajectory_column : name or index of the column that tells trajectories apart.
    transpose : the file has time along its last axis.
    missing : what to do with NaN, infinite or empty cells (`dsr.repair.interpolate_missing`).
    resample : put irregular times, or another `dt`, on a regular grid (`dsr.repair.resample`).
    array : key or keys inside an .npz or .mat file; several one-dimensional arrays become columns.
    header : whether the first line of a text file holds names; seen from its content if not given.

    A three-dimensional array is (trajectory, time, dim); several arrays of one width are several
    trajectories. `origin` holds file name, sha256, columns, source of dt and the repairs made.

    Raises `DataError` for whatever cannot be read without a guess. Misleads when the file joins several
    recordings without saying so: a jump between two rows then counts as dynamics.
    """
    if missing not in ("refuse", "interpolate"):
        raise DataError(
            f"missing='{missing}'",
            "refuse or interpolate",
            "type --missing interpolate (missing='interpolate')",
        )
    if dt is not None:
        dt = positive_step(dt)
    if isinstance(columns, str):
        columns = columns.split(",")
    if not isinstance(path, str | PathLike):
        raise DataError(f"the path {path!r}", "the path of a file", "give it as a text or a pathlib.Path")
    path = Path(path)
    data = read_bytes(path)
    read = reader_of(path.name)
    if array is not None and path.suffix.lower() not in (".npz", ".mat"):
        raise DataError(
            f"'{path}' and the array '{array}'",
            "an array of an .npz or .mat file, which hold several",
            "leave out --array (array=), or choose columns with --columns (columns=[...])",
        )
    if not data.strip():
        raise DataError(f"'{path}' is empty", "a file with at least one row of numbers", "export the data again")
    stored = read(data, Layout(array, transpose, header, time_column), str(path))
    border = Border(str(path), dt, columns, time_column, trajectory_column, missing == "interpolate", resample)
    origin = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}
    parts = [part for table in stored for part in border.trajectories(table)]
    found = [border.judge(part, parts) for part in parts]
    step = found[0][1]
    for _, other, *_, about in found:
        if abs(other - step) > TOLERANCE * step:
            raise DataError(
                f"'{path}' has trajectories of step {step:g}, and of step {other:g} ({about['trajectory']})",
                "one step for all trajectories",
                f"put all on one grid with --resample --dt {step:g} (resample=True, dt={step:g})",
            )
    for _, _, told, *_ in found:
        if told and not same_unit(told, time_unit):
            raise DataError(
                f"--time-unit {time_unit} (time_unit='{time_unit}'), but the times of '{path}' are in {told}",
                "the unit of the file",
                "leave out --time-unit, or give the step in that unit and disregard the times: --time-column none "
                "--columns ... --dt 0.01 (time_column='none', columns=[...], dt=0.01)",
            )
    return [
        TimeSeries(values, step, told if told and time_unit == UNKNOWN else time_unit, names, {**origin, **about})
        for values, _, told, names, about in found
    ]


def read_bytes(path: Path) -> bytes:
    """The content of a data file; `DataError` with the nearest existing name when there is none."""
    if path.is_dir():
        raise DataError(f"'{path}' is a folder", "one data file", "give the path of a file in it")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise DataError(f"there is no folder '{folder}'", "an existing file", "correct the path") from None
        close = nearest(path.name, [p.name for p in folder.iterdir() if p.is_file()])
        step = f"did you mean '{folder / close}'?" if close else "correct the path"
        raise DataError(f"there is no file '{path}'", "an existing file", step) from None
    except OSError as problem:
        raise DataError(
            f"'{path}' cannot be opened ({problem.strerror})", "a readable file", "check the rights"
        ) from problem
