"""`compare`: from the index to counts, statistics over seeds, paired tests and ranks."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsr.errors import StoreError, unknown
from dsr.measure import plain

from .cells import NEEDED, Cell, Columns, Count, cells, count, failed_cells
from .labels import labelled
from .notes import notes
from .pair_tests import PairTest, pair_tests, typical
from .ranking import Ranking, rank
from .run_rows import ENDED, INTERRUPTED, NO_SETTINGS
from .select import COLUMNS, Record, records, select

if TYPE_CHECKING:
    import pyarrow as pa

OF_COMPARISON = (*COLUMNS, *NEEDED)  # columns of the index that a comparison reads


@dataclass(frozen=True)
class Comparison:
    """What `dsr compare` prints. Tasks (a system, its data, how it is judged) and contestants are in order of name.

    rankings : by measure, over the tasks that all its contestants have; none below two tasks. notes : sentences that
    belong to the numbers.
    """

    tasks: tuple[str, ...]
    contestants: tuple[str, ...]
    measures: tuple[str, ...]
    counts: tuple[Count, ...]
    cells: tuple[Cell, ...]
    tests: tuple[PairTest, ...]
    rankings: dict[str, Ranking]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; infinite and missing numbers are None."""
        return plain(dataclasses.asdict(self))


def compare(
    table: pa.Table,
    words: Sequence[str] = (),
    *,
    by: Sequence[str] = ("model",),
    measures: Sequence[str] | None = None,
    baseline: str | None = None,
) -> Comparison:
    """Compare the chosen runs of an index.

    Parameters
    ----------
    table : the index (`read_index`), at least its columns `OF_COMPARISON`. words : which runs (`select`); all if empty.
    by : what contestants are called after (`labelled`). measures : which, in this order; all if None. baseline : the
    contestant that all others are tested against; all pairs are tested if None.

    Runs with different settings are never pooled. Of the same run in two experiments one counts, a finished one before
    others; so it is with runs of one seed whose settings are the same numbers, such as 35 and 35.0. A run that failed,
    diverged, came to rest or left chaos enters ranks and tests as worst, but for forecasts.

    Raises `StoreError` where no run is chosen, `SpecError` for an unknown setting, measure or baseline.
    """
    chosen = select(records(table), words)
    known = [record for record in chosen if record["settings"] != NO_SETTINGS]
    by_id = _once_each(known, [record["run"] for record in known])
    if not by_id:
        raise StoreError(
            "no runs to compare" if len(table) else "a store without runs",
            "at least one run",
            "dsr runs lists what there is",
        )
    labels = {record["run"]: label for record, label in zip(by_id, labelled(by_id, by), strict=True)}
    unique = _once_each(by_id, [(labels[record["run"]], _seed(record)) for record in by_id])
    columns = Columns.of(table)
    shown = _measures(columns, unique, measures)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(unique, key=_seed):
        groups.setdefault(labels[record["run"]], []).append(record)
    contestants = tuple(sorted({contestant for _, contestant in groups}))
    if baseline is not None and baseline not in contestants:
        raise unknown("contestant named", baseline, contestants)
    found = [cell for (task, name), group in groups.items() for cell in cells(task, name, group, columns)]
    found += [cell for (task, name), group in groups.items() for cell in failed_cells(task, name, group, found)]
    place = {name: i for i, name in enumerate(shown)}
    found = sorted(
        (cell for cell in found if cell.measure in place), key=lambda c: (c.task, place[c.measure], c.contestant)
    )
    losses = {name: _losses(found, name) for name in shown}
    tests = [test for name in shown for test in pair_tests(name, losses[name], baseline)]
    counts = tuple(count(task, name, group) for (task, name), group in sorted(groups.items()))
    rankings = {name: ranking for name in shown if (ranking := _ranking(losses[name]))}
    return Comparison(
        tuple(sorted({task for task, _ in groups})),
        contestants,
        shown,
        counts,
        tuple(found),
        tuple(tests),
        rankings,
        notes(
            counts,
            found,
            tests,
            rankings,
            waiting=Counter(record["state"] for record in unique if record["state"] not in ENDED),
            duplicates=len(known) - len(by_id),
            respelt=len(by_id) - len(unique),
            nameless=len(chosen) - len(known),
            versions=_versions(columns, unique, shown),
            contestants=contestants,
            baseline=baseline,
        ),
    )


def _once_each(found: Sequence[Record], keys: Sequence[Any]) -> list[Record]:
    """Of each key one record: a finished one before others, then what ended, then what was interrupted."""
    order = (*ENDED, INTERRUPTED)

    def place(pair: tuple[Record, Any]) -> int:
        state = pair[0]["state"]
        return order.index(state) if state in order else len(order)

    once: dict[Any, Record] = {}
    for record, key in sorted(zip(found, keys, strict=True), key=place):
        once.setdefault(key, record)
    return list(once.values())


def _seed(record: Record) -> int:
    return -1 if record["seed"] is None else record["seed"]


def _measures(columns: Columns, chosen: Sequence[Record], wanted: Sequence[str] | None) -> tuple[str, ...]:
    there = {int(code) for record in chosen for code in columns.measure[slice(*record["rows"])] if code >= 0}
    known = [name for code, name in enumerate(columns.names) if code in there]
    for name in wanted or ():
        if name not in known:
            raise unknown("measure named", name, known)

    # Exponents that only larger systems have come late in the index.
    def place(name: str) -> tuple[int, int]:
        number = name.removeprefix("lambda_")
        return (known.index("lambda_1"), int(number)) if number.isdigit() else (known.index(name), 0)

    return tuple(wanted or sorted(known, key=place))


def _versions(columns: Columns, chosen: Sequence[Record], shown: Sequence[str]) -> dict[str, list[int]]:
    """Of each measure the versions of its definition."""
    rows = [row for record in chosen for row in range(*record["rows"]) if columns.measure[row] >= 0]
    there = set(zip(columns.measure[rows].tolist(), columns.number["measure_version"][rows].tolist(), strict=True))
    return {name: sorted(int(v) for code, v in there if columns.names[code] == name) for name in shown}


def _losses(found: Sequence[Cell], measure: str) -> dict[str, dict[str, dict[int, float]]]:
    """task -> contestant -> seed -> loss, of contestants that can be compared in this measure."""
    tables: dict[str, dict[str, dict[int, float]]] = {}
    for cell in found:
        if cell.measure == measure and cell.losses:
            tables.setdefault(cell.task, {})[cell.contestant] = cell.losses
    return tables


def _ranking(losses: dict[str, dict[str, dict[int, float]]]) -> Ranking | None:
    """Over the tasks that all contestants have."""
    names = sorted({name for table in losses.values() for name in table})
    shared = sorted(task for task, table in losses.items() if len(table) == len(names))
    if len(names) < 2 or len(shared) < 2:
        return None
    return rank({name: [typical(losses[task][name]) for task in shared] for name in names}, shared)
