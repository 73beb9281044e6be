"""Tables in binary files (.npy, .npz, .mat, .parquet), read without unpickling anything."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..errors import DataError, nearest
from .dates import holds_dates
from .tables import Layout, Table, damaged, from_array, numbers, time_columns

SIMULATED = {"values", "dt", "names", "time_unit", "times"}  # arrays of `dsr simulate`, the first two always
_SAVE = "save numbers in it: np.savez(path, values=values)"


def read_npy(data: bytes, layout: Layout, file: str) -> list[Table]:
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as problem:
        raise _pickled(file) if "pickle" in str(problem) else damaged(file, "NumPy", problem) from problem
    return from_array(array, layout, file)


def read_npz(data: bytes, layout: Layout, file: str) -> list[Table]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            wanted = _wanted(layout)
            time_key = _time_key([k for k in archive.files if k not in (wanted or ())], layout)
            keys = [k for k in archive.files if wanted is None or k in wanted or k == time_key]
            arrays = {k: archive[k] for k in keys}
            tables = _from_arrays(arrays, archive.files, layout, file)
            if not {"values", "dt"} <= set(archive.files) <= SIMULATED:
                return tables
            return [_described(table, archive) for table in tables]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as problem:
        raise _pickled(file) if "pickle" in str(problem) else damaged(file, "npz", problem) from problem


def read_mat(data: bytes, layout: Layout, file: str) -> list[Table]:
    if data.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DataError(
            f"'{file}' is a MATLAB 7.3 file (HDF5 inside)",
            "MAT files of version 5 to 7",
            f"in MATLAB type save('{file}', '-v7'), then read it again",
        )
    from scipy.io import loadmat

    try:
        content = loadmat(io.BytesIO(data))
    except Exception as problem:  # scipy raises many types on damaged files; every one means the same to the user
        raise damaged(file, "MAT", problem) from problem
    found = {k: v for k, v in content.items() if not k.startswith("__") and isinstance(v, np.ndarray)}
    # MATLAB has no vectors, only 1-by-n and n-by-1 matrices.
    arrays = {k: v.ravel() if v.ndim == 2 and 1 in v.shape else v for k, v in found.items()}
    return _from_arrays(arrays, list(arrays), layout, file)


def read_parquet(data: bytes, layout: Layout, file: str) -> list[Table]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(data), use_threads=False)
    except (pa.ArrowInvalid, OSError) as problem:
        raise damaged(file, "Parquet", problem) from problem
    columns = [c.combine_chunks() for c in table.columns]
    # pandas stores an unnamed index as such a column; it is not part of the data, but dates are the times.
    unnamed = [i for i, name in enumerate(table.column_names) if name.startswith("__index_level_")]
    kept = [i for i in range(len(columns)) if i not in unnamed]
    if not time_columns([table.column_names[i] for i in kept]):
        kept += [i for i in unnamed if holds_dates(columns[i])]
    found = Table(tuple(table.column_names[i] for i in kept), [columns[i] for i in kept])
    if not layout.transpose:
        return [found]
    return from_array(np.stack([numbers(found, i, file) for i in range(len(kept))], 1), layout, file)


def _described(table: Table, archive: Mapping[str, np.ndarray]) -> Table:
    """A table of `dsr simulate` with its step, its unit of time, and the names of its columns."""
    dt, unit, names = archive["dt"], archive.get("time_unit"), archive.get("names")
    known = dt.ndim == 0 and dt.dtype.kind in "iuf" and 0 < dt < np.inf
    if names is not None and names.ndim == 1 and names.dtype.kind == "U" and len(names) <= len(table.names):
        table = replace(table, names=(*names.tolist(), *table.names[len(names) :]))
    return replace(table, dt=float(dt) if known else None, time_unit=None if unit is None else str(unit))


def _wanted(layout: Layout) -> list[str] | None:
    if layout.array is None:
        return None
    return [k.strip() for k in layout.array.split(",")] if isinstance(layout.array, str) else list(layout.array)


def _time_key(keys: Sequence[str], layout: Layout) -> str | None:
    """The key of the times: that which the user named, or the first whose name says so."""
    if layout.time_column is not None:
        return next((key for key in keys if key == layout.time_column), None)
    return next((keys[i] for i in time_columns(keys)), None)


def _from_arrays(arrays: Mapping[str, np.ndarray], keys: Sequence[str], layout: Layout, file: str) -> list[Table]:
    wanted = _wanted(layout)
    if not keys:
        raise DataError(f"'{file}' holds no arrays", "an archive with an array (time, dim)", _SAVE)
    for key in wanted or ():
        if wanted and wanted.count(key) > 1:
            raise DataError(f"--array (array='...') names '{key}' twice", "each array once", "leave one of them out")
        if key not in keys:
            close = nearest(key, keys)
            raise DataError(
                f"'{file}' holds no array '{key}'",
                "one of " + ", ".join(sorted(keys)),
                f"did you mean '{close}'?" if close else "choose one with --array (array='...')",
            )
    possible = layout.time_column is not None
    clocks = [k for k, v in arrays.items() if possible or (v.dtype.kind in "biufmM" and v.size > 1)]
    time_key = _time_key([k for k in clocks if k not in (wanted or ())], layout)
    data = {
        k: v
        for k, v in arrays.items()
        if k != time_key and (k in wanted if wanted is not None else v.dtype.kind in "biuf" and v.size > 1)
    }
    choose = f"choose with --array (array='...') among {', '.join(sorted(keys))}"
    if not data:
        raise DataError(f"'{file}' holds no array of numbers", "arrays (time, dim) or (trajectory, time, dim)", choose)
    if len(data) > 1 and all(v.ndim == 1 for v in data.values()):
        if wanted is None or len({len(v) for v in data.values()}) > 1:
            raise DataError(
                f"'{file}' holds several one-dimensional arrays: {', '.join(data)}",
                "one array, or several of one length that are the columns of one trajectory",
                f"name the columns in order, for example --array {','.join(data)} (array='{','.join(data)}')"
                + (f"; '{time_key}' stays the time" if time_key else ""),
            )
        ordered = {k: data[k] for k in wanted}
        tables = [Table(tuple(ordered), list(ordered.values()), label=",".join(ordered))]
    else:
        tables = [t for k, v in data.items() for t in from_array(v, layout, file, label=k)]
    if len({len(t.columns) for t in tables}) > 1:
        shapes = ", ".join(f"{k} {v.shape}" for k, v in data.items())
        raise DataError(f"'{file}' holds arrays of different width: {shapes}", "arrays of one width", choose)
    return tables if time_key is None else [_with_time(t, time_key, arrays[time_key].ravel(), file) for t in tables]


def _with_time(table: Table, key: str, times: np.ndarray, file: str) -> Table:
    if len(times) != len(table.columns[0]):
        raise DataError(
            f"'{file}' has {len(times)} times in '{key}', {len(table.columns[0])} rows in '{table.label}'",
            "one time for each row",
            "give the step instead: --time-column none --dt 0.01 (time_column='none', dt=0.01)",
        )
    return replace(table, names=(*table.names, key), columns=[*table.columns, times])


def _pickled(file: str) -> DataError:
    return DataError(
        f"'{file}' is damaged, or holds Python objects (a pickle), which can run code when opened",
        "arrays of numbers",
        "save numbers only, np.save(path, np.asarray(values, dtype=float)), or choose with --array (array=)",
    )
