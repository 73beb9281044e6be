"""Which runs are meant: filters such as model=alrnn,esn and seed=0..4, names of runs, folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsr.errors import StoreError, nearest, unknown

from .run_rows import RUN_NUMBERS, RUN_TEXT

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (*RUN_TEXT, *RUN_NUMBERS, "seed")  # of a run, whatever its measures
WORDS = ("system", "model", "experiment", "forcing", "parameters", "state", "outcome", "seed")

Record = dict[str, Any]


def records(table: pa.Table) -> list[Record]:
    """One record for each run of the index: its columns, and `rows`, the (first, last + 1) of its measures."""
    import numpy as np

    if not len(table):
        return []
    names = [np.asarray(table[key].combine_chunks().dictionary_encode().indices) for key in ("experiment", "run")]
    first = np.flatnonzero(np.r_[True, np.logical_or(*(np.diff(codes) != 0 for codes in names))])
    found = table.select([c for c in COLUMNS if c in table.column_names]).take(first).to_pylist()
    for record, start, stop in zip(found, first, [*first[1:], len(table)], strict=True):
        record["rows"] = int(start), int(stop)
    return found


def select(found: Sequence[Record], words: Sequence[str]) -> list[Record]:
    """The records that the words choose; all of them without a word.

    A word is KEY=VALUE[,VALUE...], with a column such as model or seed (ranges: 0..4), or a dotted setting such as
    training.alpha; all of these must hold. Or it names runs: an id, the start of one, or a folder; any of these.

    Raises `SpecError` for a key or a value that no run has, `StoreError` for a name that no run has.
    """
    chosen = list(found)
    for word in (w for w in words if "=" in w):
        key, _, text = word.partition("=")
        chosen = _filtered(found, chosen, key, text.split(","))
    names = [w for w in words if "=" not in w]
    wanted = {record["run"] for name in names for record in _named(found, name)}
    return [r for r in chosen if r["run"] in wanted] if names else chosen


def one_run(words: Sequence[str]) -> bool:
    """Whether the words name a run, and do not choose several."""
    return len(words) == 1 and "=" not in words[0]


def _filtered(everything: Sequence[Record], chosen: list[Record], key: str, values: list[str]) -> list[Record]:
    ranges = [found for value in values if (found := _range(value)) is not None]
    named = {value for value in values if _range(value) is None}
    if key in WORDS:
        get: Callable[[Record], str] = lambda record: str(record[key] if record[key] is not None else "")  # noqa: E731
    else:
        settings = {text: _flat(text) for text in {r["settings"] for r in everything}}
        known = {name for tree in settings.values() for name in tree}
        if key not in known:
            raise unknown("column or setting named", key, [*WORDS, *known], show="dsr models")
        get = lambda record: settings[record["settings"]].get(key, "")  # noqa: E731
    there = {get(record) for record in everything}
    for value in sorted(named - there):  # a range may reach beyond what there is
        raise unknown(f"run with {key} =", value, there)

    def accepted(value: str) -> bool:
        return value in named or (value.isdecimal() and any(int(value) in wanted for wanted in ranges))

    return [record for record in chosen if accepted(get(record))]


def _range(value: str) -> range | None:
    first, dots, last = value.partition("..")
    return range(int(first), int(last) + 1) if dots and first.isdecimal() and last.isdecimal() else None


def _named(found: Sequence[Record], name: str) -> list[Record]:
    start = Path(name).name
    hits = [r for r in found if r["run"] == start] or [r for r in found if r["run"].startswith(start)]
    if hits:
        return hits
    close = nearest(start, {r["run"] for r in found})
    raise StoreError(
        f"no run is called '{name}'",
        "a run id, the start of one, or KEY=VALUE such as model=alrnn",
        f"did you mean '{close}'?" if close else "dsr runs lists what there is",
    )


def _flat(settings: str) -> dict[str, str]:
    """Dotted keys of settings as text."""
    return {key: str(value) for key, value in flat_settings(settings).items()}


def flat_settings(settings: str) -> dict[str, Any]:
    """Dotted keys and values of the settings of a record."""

    def walk(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in tree.items():
            if isinstance(value, Mapping) and value:
                yield from walk(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    return dict(walk(json.loads(settings), ""))
