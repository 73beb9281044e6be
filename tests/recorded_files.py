"""A small trajectory with its times in files of every format, for tests of what reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

DT = 0.1
VALUES = np.random.default_rng(0).normal(size=(40, 3))
TIMES = DT * np.arange(40)


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(separator: str = ",", header: str | None = "time,x,y,z") -> str:
    head = [header.replace(",", separator)] if header else []
    rows = [separator.join(repr(float(v)) for v in (t, *row)) for t, row in zip(TIMES, VALUES, strict=True)]
    return "\n".join(head + rows) + "\n"


def write(path: Path) -> Path:
    """The trajectory VALUES with its times, in the format of the extension."""
    match path.suffix:
        case ".csv":
            text(path, table())
        case ".tsv":
            text(path, table("\t"))
        case ".parquet":
            import pyarrow as pa
            from pyarrow import parquet

            columns = {"time": TIMES} | {n: VALUES[:, i] for i, n in enumerate("xyz")}
            parquet.write_table(pa.table(columns), path)
        case ".npz":
            np.savez(path, values=VALUES, time=TIMES)
        case ".mat":
            from scipy.io import savemat

            savemat(path, {"values": VALUES, "time": TIMES, "comment": "a text", "rate": 10.0})
    return path
