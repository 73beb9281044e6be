"""Tables in text files (.csv, .tsv): separator, header, and a strict count of cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from .dates import is_date
from .tables import MISSING_CELLS, Layout, Table, default_names, from_array, is_number, numbers

_DECIMAL = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def read_csv(data: bytes, layout: Layout, file: str) -> list[Table]:
    return [_text_table(data, layout, file, separators=";,\t")]


def read_tsv(data: bytes, layout: Layout, file: str) -> list[Table]:
    return [_text_table(data, layout, file, separators="\t")]


def _text_table(data: bytes, layout: Layout, file: str, *, separators: str) -> Table:
    try:
        body = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"'{file}' is not UTF-8 text (byte {problem.start})",
            "a text table in UTF-8",
            "save it again as UTF-8",
        ) from problem
    skipped = 0
    while body.startswith("#"):
        body, skipped = body.partition("\n")[2], skipped + 1
    body = _blanks_as_tabs(body, separators)
    first = body.partition("\n")[0].rstrip("\r")
    if _mixes_commas(first):
        raise DataError(
            f"'{file}' has '{first.strip()}' in line {1 + skipped}, numbers with decimal commas",
            "numbers with a decimal point",
            "write decimals with a point",
        )
    separator = max(separators, key=re.sub('"[^"]*"', "", first).count)
    head = [cell.strip() for cell in next(csv.reader([first], delimiter=separator), [])]
    has_header = _is_header(head, file) if layout.header is None else layout.header
    if has_header and layout.transpose:
        raise DataError(
            f"'{file}' has a header and is to be transposed",
            "a transposed table without a header",
            "remove the header line, or say that it is data (--no-header or header=False)",
        )
    if has_header:
        body = body.partition("\n")[2]
    if not body.strip():
        raise DataError(f"'{file}' has a header and no rows", "at least one row of numbers", "export the data again")
    names = tuple(head) if has_header else default_names(len(head))
    columns = _cells(body.encode(), separator, len(head), file, 1 + skipped + has_header)
    if separator == "," and not has_header and _may_be_decimals(columns):
        raise DataError(
            f"'{file}' has '{first}' in line {1 + skipped}: whole numbers apart by commas, or decimals",
            "decimals with a point, or a header line, which says how many columns there are",
            "if the commas are decimal marks write points; if they separate columns put their names first, such as x,y",
        )
    table = Table(names, columns, first_line=1 + skipped + has_header)
    if not layout.transpose:
        return table
    return from_array(np.stack([numbers(table, i, file) for i in range(len(names))], 1), layout, file)[0]


def _blanks_as_tabs(body: str, separators: str) -> str:
    """Columns apart by spaces get tabs, where the second line holds numbers and nothing else can separate them."""
    first = body.split("\n", 2)[:2]
    cells = first[-1].split()
    if len(cells) < 2 or not all(map(is_number, cells)) or any(mark in line for line in first for mark in separators):
        return body
    return "\n".join("\t".join(line.split()) for line in body.split("\n"))


def _mixes_commas(line: str) -> bool:
    """Whether a line holds numbers with decimal commas, apart by another mark."""
    cells = [cell.strip('"') for cell in re.split(r"[;\t ]+", line.strip())]
    return len(cells) > 1 and "," in line and all(_DECIMAL.fullmatch(cell) for cell in cells)


def _may_be_decimals(columns: Sequence[Any]) -> bool:
    """Whether whole numbers apart by commas may be the two parts of decimals: pairs, parts after a comma that begin
    with 0 or are equally long throughout. A sign after the comma, or a decimal point, says that they are not."""
    import pyarrow.compute as pc

    def match(column: Any, pattern: str) -> Any:
        return pc.match_substring_regex(column, pattern)

    parts = columns[1::2]
    if len(columns) < 2 or not all(
        pc.all(match(column, r"^\d+([eE][+-]?\d+)?\s*$" if i % 2 else r"^\s*[+-]?\d+$")).as_py()
        for i, column in enumerate(columns)
    ):
        return False
    if len(columns) == 2 or any(pc.any(match(column, r"^0\d")).as_py() for column in columns[1:]):
        return True
    lengths = {n for column in parts for n in pc.unique(pc.utf8_length(column)).to_pylist()}
    return len(columns) == 2 * len(parts) and len(lengths) == 1


def _is_header(cells: Sequence[str], file: str) -> bool:
    """A first row with a cell that is neither number nor date is a header, unless another cell is a decimal number.

    Raises `DataError` for the row 0, 1, 2, ...: a table exported without column names, or a first sample.
    """
    if len(cells) > 1 and list(cells) == [str(i) for i in range(len(cells))]:
        raise DataError(
            f"the first row of '{file}' counts {cells[0]}, {cells[1]}, ...: a header, or the first sample",
            "a header with names, or rows of numbers only",
            "say which: --header or --no-header (header=True or header=False)",
        )
    written = [c for c in cells if c.lower() not in MISSING_CELLS]
    decimals = [c for c in written if is_number(c) and not c.lstrip("+-").isdigit()]
    return not decimals and any(not is_number(c) and not is_date(c) for c in written)


def _cells(body: bytes, separator: str, width: int, file: str, first_line: int) -> list[Any]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    keys = [str(i) for i in range(width)]
    ragged: list[str] = []

    def refuse(row: Any) -> str:
        ragged.append(f"{row.actual_columns} cells in line {(row.number or 1) + first_line - 1}, {width} in the first")
        return "error"

    try:
        # All cells stay text here: type inference looks at the first block only and then fails on later rows.
        # Blank lines are kept: in a file of one column a blank line is a missing sample, and dropping it
        # would shift time.
        table = arrow_csv.read_csv(
            io.BytesIO(body),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=keys),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, ignore_empty_lines=False, invalid_row_handler=refuse
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string())),
        )
    except pa.ArrowInvalid as problem:
        raise DataError(
            f"'{file}' is not a regular table: {ragged[0] if ragged else problem}",
            "the same number of cells in every row",
            "export the data again, with one separator throughout and points in decimals",
        ) from problem
    return [column.combine_chunks() for column in table.columns]
