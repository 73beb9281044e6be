"""The index of a store: index.parquet, a cache that a scan of the run folders can rebuild."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from dsr.errors import StoreError

from ..store import RunFolder, RunStore
from .run_rows import MEASURE_NUMBERS, MEASURE_TEXT, RESULTS, RUN_NUMBERS, RUN_TEXT, damaged_row, rows_of

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "index.parquet"
LAYOUT = "5"  # raise it with any change of columns or of their meaning: older files are then built again
WATCHED = ("status.json", *RESULTS)
STAMPS = tuple(f"{name.partition('.')[0]}_{what}" for name in WATCHED for what in ("time", "size"))
WHOLE = ("seed", "measure_version", "floor_pairs", *STAMPS)

Stamp = tuple[int, ...]


def read_index(store: RunStore, columns: Sequence[str] | None = None) -> pa.Table:
    """One row for each (run, measure), after reading what is new or has changed since the last time.

    columns : those wanted; all if None. A run counts as unchanged while time and size of its status.json,
    measures.json and resolved.json are what they were. The file is written again only where something has changed, and
    never for a store that cannot be written: it is a cache.

    Raises `StoreError` where there is no store.
    """
    import pyarrow as pa

    if not store.root.is_dir():
        raise StoreError(f"there is no store '{store.root}'", "a folder of runs", "give it with --store FOLDER")
    found, known = scan(store), _known(store)
    fresh = [key for key, stamp in found.items() if known.get(key) != stamp]
    gone = known.keys() - found.keys()
    if known and not fresh and not gone:
        return _load(store, columns)
    parts = [_table([(_folder(store, key), rows_of(_folder(store, key)), found[key]) for key in fresh])]
    if known:
        parts.insert(0, without(_load(store), {*fresh, *gone}))
    table = pa.concat_tables(parts).combine_chunks()
    order: list[tuple[str, Any]] = [("experiment", "ascending"), ("run", "ascending")]
    table = _stable_sort(table, order)
    if found:
        _save(store, table)
    return table if columns is None else table.select(list(columns))


def scan(store: RunStore) -> dict[tuple[str, str], Stamp]:
    """(experiment, run id) -> times and sizes of the watched files, in order of name; nothing is opened."""
    found = {}
    for experiment in sorted(entry.name for entry in os.scandir(store.root) if _visible(entry)):
        for run in sorted(entry.name for entry in os.scandir(store.root / experiment) if _visible(entry)):
            base = f"{store.root}/{experiment}/{run}/"
            stamps = [_stamp(base + name) for name in WATCHED]
            if stamps[0] != (0, 0):
                found[experiment, run] = tuple(itertools.chain(*stamps))
    return found


def _table(runs: Sequence[tuple[RunFolder, list[dict[str, Any]], Stamp]]) -> pa.Table:
    """The rows of runs with their stamps; a run whose rows do not fit the columns is damaged."""
    import pyarrow as pa

    rows = [row | dict(zip(STAMPS, stamp, strict=True)) for _, found, stamp in runs for row in found]
    try:
        return pa.Table.from_pylist(rows, schema=schema())
    except (pa.ArrowException, OverflowError) as problem:
        if len(runs) > 1:
            return pa.concat_tables([_table([run]) for run in runs])
        folder, _, stamp = runs[0]
        return _table([(folder, [damaged_row(folder, problem)], stamp)])


def schema() -> pa.Schema:
    """Columns and types of the index."""
    import pyarrow as pa

    text = [(name, pa.string()) for name in (*RUN_TEXT, *MEASURE_TEXT)]
    numbers = [(name, pa.float64()) for name in (*RUN_NUMBERS, *MEASURE_NUMBERS)]
    return pa.schema([*text, *numbers, *((name, pa.int64()) for name in WHOLE)], {"dsr_layout": LAYOUT})


def _visible(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_dir()


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _folder(store: RunStore, key: tuple[str, str]) -> RunFolder:
    return store.folder(*key)


def _load(store: RunStore, columns: Sequence[str] | None = None) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(
        store.root / FILE, columns=None if columns is None else list(columns), partitioning=None, memory_map=False
    )


def _known(store: RunStore) -> dict[tuple[str, str], Stamp]:
    """What the stored index was made from; nothing where there is none, or one of another layout or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if not pq.read_schema(store.root / FILE).equals(schema(), check_metadata=True):
            return {}
        table = _load(store, ("experiment", "run", *STAMPS))
    except (OSError, pa.ArrowInvalid):
        return {}
    groups = table.group_by(["experiment", "run"], use_threads=False).aggregate([(name, "min") for name in STAMPS])
    columns = [groups[name].to_pylist() for name in ("experiment", "run", *(f"{s}_min" for s in STAMPS))]
    return {(experiment, run): tuple(stamp) for experiment, run, *stamp in zip(*columns, strict=True)}


def without(table: pa.Table, runs: Collection[tuple[str, str]]) -> pa.Table:
    """The rows of all other runs."""
    import pyarrow as pa

    pairs = zip(table["experiment"].to_pylist(), table["run"].to_pylist(), strict=True)
    return table.filter(pa.array([pair not in runs for pair in pairs], pa.bool_()))


def _stable_sort(table: pa.Table, order: list[tuple[str, Any]]) -> pa.Table:
    """Sorted by run, the measures of a run in the order in which they were."""
    import numpy as np
    import pyarrow as pa

    place = pa.array(np.arange(len(table)))
    keyed = table.append_column("place", place)
    return keyed.sort_by([*order, ("place", "ascending")]).drop_columns(["place"])


def _save(store: RunStore, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    try:
        RunFolder(store.root, store.root).write(FILE, buffer.getvalue())
    except StoreError:
        return  # a store that others may only read: the next call reads the folders again
