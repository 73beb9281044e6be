"""A comparison as data: one flat table in CSV or Parquet, everything in JSON."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import TYPE_CHECKING, Any

from dsr.errors import unknown

from .comparison import Comparison

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("measures", "runs", "tests", "ranks")


def flat_table(found: Comparison, which: str = "measures") -> pa.Table:
    """One of `TABLES`; a missing number is null. "measures" has the fates of the runs beside each measure.

    Raises `SpecError` for another name.
    """
    import pyarrow as pa

    if which not in TABLES:
        raise unknown("table", which, TABLES)
    rows: list[dict[str, Any]]
    if which == "measures":
        fates = {(c.task, c.contestant): c for c in found.counts}
        keys = ("diverged", "collapsed", "not_chaotic", "failed", "unfinished")
        rows = [
            _plain(cell, drop=("losses", "rows"))
            | {key: getattr(fates[cell.task, cell.contestant], key) for key in keys}
            for cell in found.cells
        ]
    elif which == "runs":
        rows = [_plain(c, drop=("seeds", "reasons", "settings")) for c in found.counts]
    elif which == "tests":
        rows = [_plain(test) for test in found.tests]
    else:
        rows = [
            {"measure": measure, "contestant": name, "mean_rank": r.mean_ranks[i], "systems": len(r.systems),
             "friedman": r.friedman, "friedman_p": r.friedman_p, "critical_difference": r.critical_difference}
            for measure, r in found.rankings.items()
            for i, name in enumerate(r.names)
        ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def csv(found: Comparison, which: str = "measures") -> bytes:
    """UTF-8, a head line, nothing where a number is missing."""
    from pyarrow.csv import WriteOptions, write_csv

    buffer = io.BytesIO()
    write_csv(flat_table(found, which), buffer, WriteOptions(quoting_style="needed"))
    return buffer.getvalue()


def parquet(found: Comparison, which: str = "measures") -> bytes:
    """The same with its types."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(flat_table(found, which), buffer)
    return buffer.getvalue()


def as_json(found: Comparison) -> str:
    """Everything. A loss that is null is that of a run that was lost."""
    tree = found.to_dict()
    for cell in tree["cells"]:
        del cell["rows"]  # numbers of rows in the index, which move
    for count in tree["counts"]:
        count["settings"] = json.loads(count["settings"])
    return json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(entry: Any, drop: tuple[str, ...] = ()) -> dict[str, Any]:
    tree = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry) if field.name not in drop}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in tree.items()}
