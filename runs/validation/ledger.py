"""All runs that the page is made of, as one table beside it: it grows over machines and interruptions, and whoever
reads the page has its numbers without computing them again."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from dsr import __version__
from dsr.errors import StoreError

from ..compare.comparison import OF_COMPARISON
from ..compare.index import read_index, schema, without
from ..compare.run_rows import ENDED
from ..store import RunFolder, RunStore
from .section import FOLDER

if TYPE_CHECKING:
    import pyarrow as pa

FILE = f"{FOLDER}/runs.parquet"
Key = tuple[str, str]  # experiment and run


def read_ledger(output: RunFolder) -> pa.Table:
    """The table, one row for each (run, measure), with the columns that comparisons need; empty where there is none.
    Runs of another version of dsr are left out: their numbers may have changed.

    Raises `StoreError` for a file that is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = pa.schema([schema().field(name) for name in OF_COMPARISON])
    if not (path := output / FILE).exists():
        return columns.empty_table()
    try:
        table = pq.read_table(path, partitioning=None, memory_map=False).select(list(OF_COMPARISON)).cast(columns)
    except (OSError, KeyError, pa.ArrowInvalid) as problem:
        raise StoreError(
            f"'{path}' is damaged or of another layout ({problem})",
            "the table of runs that this command wrote",
            "bring the file back, or delete it: all runs are then computed again",
        ) from problem
    return _where(table, [_version(text) == __version__ for text in table["settings"].to_pylist()])


def joined(store: RunStore, output: RunFolder) -> pa.Table:
    """Runs of the store that have ended, and those of the ledger that the store does not have."""
    import pyarrow as pa

    known = read_ledger(output)
    if not store.root.is_dir():
        return known
    index = read_index(store, OF_COMPARISON)
    fresh = _where(index, [state in ENDED for state in index["state"].to_pylist()])
    return pa.concat_tables([fresh, without(known, runs_of(fresh))]).combine_chunks()


def write_ledger(output: RunFolder, table: pa.Table) -> None:
    """Keep all rows of runs that finished or failed; damaged ones are computed again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = sorted(range(len(table)), key=_keys(table).__getitem__)  # stable: measures stay as they were
    states, versions = (table[name].to_pylist() for name in ("state", "settings"))
    rows = [i for i in order if states[i] in ENDED[:2] and _version(versions[i]) == __version__]
    buffer, kept = io.BytesIO(), table.take(pa.array(rows, pa.int64())).replace_schema_metadata(None)
    pq.write_table(kept, buffer, compression="zstd", compression_level=19)
    output.write(FILE, buffer.getvalue())


def runs_of(table: pa.Table) -> frozenset[Key]:
    """(experiment, run) of all rows."""
    return frozenset(_keys(table))


def _keys(table: pa.Table) -> list[Key]:
    return list(zip(table["experiment"].to_pylist(), table["run"].to_pylist(), strict=True))


def _where(table: pa.Table, wanted: list[bool]) -> pa.Table:
    import pyarrow as pa

    return table.filter(pa.array(wanted, pa.bool_()))


def _version(settings: str) -> str:
    """Of dsr, from the settings of a run."""
    return str(json.loads(settings).get("version", ""))
