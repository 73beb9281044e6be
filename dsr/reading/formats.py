"""File extensions and what reads them."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import DataError, nearest
from .binary import read_mat, read_npy, read_npz, read_parquet
from .tables import Layout, Table
from .text import read_csv, read_tsv

READERS: dict[str, Callable[[bytes, Layout, str], list[Table]]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
    ".mat": read_mat,
}


def reader_of(file: str) -> Callable[[bytes, Layout, str], list[Table]]:
    """What reads the file of that name, chosen by its extension. Raises `DataError` for an unknown one."""
    kind = "." + file.rpartition(".")[2].lower() if "." in file else ""
    if kind not in READERS:
        close = nearest(kind, READERS)
        raise DataError(
            f"'{file}' has the unknown extension '{kind}'",
            "files ending in " + " ".join(READERS),
            f"rename it if its content is {close}, or export it as .csv" if close else "export it as .csv",
        )
    return READERS[kind]
