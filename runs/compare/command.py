"""What `dsr runs` and `dsr compare` do."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsr.errors import SpecError, unknown

from ..claim import claimant
from ..store import RunFolder, RunStore, require_writable
from ..verdict import HEADLINE
from .formats import aligned
from .index import read_index
from .run_rows import INTERRUPTED, RUNNING
from .select import COLUMNS, records, select

if TYPE_CHECKING:
    import pyarrow as pa

    from .comparison import Comparison

SUFFIXES = {
    ".md": "markdown", ".tex": "latex", ".csv": "csv", ".parquet": "parquet", ".json": "json", ".html": "html",
    ".txt": "rich",
}  # fmt: skip
DRAWN = 500  # rows beyond which drawing takes longer than computing
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
LISTED = ("run", "experiment", "system", "parameters", "model", "seed", "state", "outcome", "seconds")


def list_runs(store: str | None, words: Sequence[str], filters: Mapping[str, str | None], *, as_json: bool) -> str:
    """One line for each run of the store that the words and filters choose, with its headline scores."""
    root = RunStore(store)
    table = _states_now(root, read_index(root, (*COLUMNS, "measure", "value")))
    chosen = select(records(table), [*words, *(f"{key}={value}" for key, value in filters.items() if value)])
    names, values = table["measure"].to_pylist(), table["value"].to_pylist()
    entries = []
    for record in chosen:
        scores = {names[i]: values[i] for i in range(*record["rows"]) if names[i] in HEADLINE}
        reason = {} if record["outcome"] == "chaotic" else {"reason": record["reason"]}
        entries.append({key: record[key] for key in LISTED} | {key: scores.get(key) for key in HEADLINE} | reason)
    if as_json:
        return json.dumps(entries, indent=2, ensure_ascii=False)
    if not entries:
        return "no runs"
    return "\n".join(_lines([key for key in LISTED if any(e[key] not in (None, "") for e in entries)], entries))


def _states_now(store: RunStore, table: pa.Table) -> pa.Table:
    """An index with the states of now: a process that was killed leaves its run running, and nothing sees it die."""
    import pyarrow as pa

    states = table["state"].to_pylist()
    if RUNNING not in states:
        return table
    for i, (experiment, run) in enumerate(zip(*(table[k].to_pylist() for k in ("experiment", "run")), strict=True)):
        folder = store.folder(experiment, run)
        if states[i] == RUNNING and claimant(folder.path) is None and folder.status["state"] == RUNNING:
            states[i] = INTERRUPTED
    return table.set_column(table.column_names.index("state"), "state", pa.array(states, pa.string()))


def _lines(shown: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    head = [*shown, *HEADLINE]
    return aligned([head, *([_text(entry[key]) for key in head] for entry in entries)], left=len(shown))


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def compare_runs(
    store: str | None,
    words: Sequence[str],
    *,
    by: str,
    measures: str | None,
    form: str | None,
    out: str | None,
    baseline: str | None,
    table: str,
) -> str:
    """The comparison as text, or what was written where `out` names a file."""
    from .comparison import OF_COMPARISON, compare
    from .flat import TABLES
    from .page_tables import OPENED

    form = _form(form, out)
    if table not in TABLES:
        raise unknown("table", table, TABLES)
    if table != TABLES[0] and form not in ("csv", "parquet"):
        raise SpecError(
            f"--table {table} in the format {form}", "csv or parquet", f"add --format csv, or -o {table}.csv"
        )
    if out is not None:
        require_writable(out)
    root = RunStore(store)
    extra = OPENED if form == "html" else ()
    index = _states_now(root, read_index(root, (*OF_COMPARISON, *extra)))
    wanted = [name.strip() for name in measures.split(",")] if measures else None
    found = compare(
        index, words, by=[key.strip() for key in by.split(",")], measures=wanted, baseline=baseline
    )  # fmt: skip
    repeat = shlex.join(
        ["dsr", "compare", *words, *(["--by", by] if by != "model" else []),
         *(["--measures", measures] if measures else []), *(["--baseline", baseline] if baseline else [])]
    )  # fmt: skip
    content = _content(found, form, index, table, all_tests=bool(wanted or baseline), repeat=repeat, out=out)
    if out is None:
        if isinstance(content, bytes):
            raise SpecError(f"--format {form} without a file", "a file to write it to", f"add -o comparison.{form}")
        return content.rstrip("\n")
    return str(RunFolder(Path(out).parent).write(Path(out).name, content))


def _form(form: str | None, out: str | None) -> str:
    if form is None:
        suffix = Path(out).suffix.lower() if out else ".txt"
        if suffix not in SUFFIXES:
            raise SpecError(f"the file '{out}'", f"a name that ends in {', '.join(SUFFIXES)}", "or add --format")
        return SUFFIXES[suffix]
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    return form


def _content(
    found: Comparison, form: str, index: Any, table: str, *, all_tests: bool, repeat: str, out: str | None
) -> str | bytes:
    from . import flat, formats

    if form == "json":
        return flat.as_json(found)
    if form in ("csv", "parquet"):
        data = flat.csv(found, table) if form == "csv" else flat.parquet(found, table)
        return data.decode() if form == "csv" else data
    if form == "html":
        from .page import comparison_page

        return comparison_page(found, index, repeat)
    if form == "rich":
        width = _terminal_width()
        few = len(found.cells) <= DRAWN
        if out is None and width and few:
            return formats.terminal(found, all_tests=all_tests, width=width)
        return formats.text(found, all_tests=all_tests)
    return (formats.markdown if form == "markdown" else formats.latex)(found, all_tests=all_tests)


def _terminal_width() -> int:
    """0 where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
