"""`dsr systems verify`: compute the invariants of systems again, compare them with the table, or write a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ...systems import ground_truth
from ...systems.truth_table import same_parameters
from .compare import compared
from .labels import system_of
from .measure import measure
from .table import TableFile

Told = Callable[[str, int, int], None]


def verify(
    labels: Sequence[str], *, seed: int = 0, out: str | None = None, again: bool = False, workers: int = 1, told: Told
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Label and report of one system after the other, as they are finished; `told` hears (label, done, of).

    out : a table to add the entries to; those that it has already, with the same parameters and seed, are not computed
    again unless `again`. The table is whole after every system, so that an interruption costs one system.
    workers : processes; the entries do not depend on their number.

    Raises `SpecError` for an unknown name before anything is computed.
    """
    systems = {label: system_of(label) for label in labels}
    file = TableFile(Path(out)) if out is not None else None
    if file is not None and not again:
        for label, system in list(systems.items()):
            entry = file.entries.get(label)
            if entry and entry["seed"] == seed and same_parameters(entry["parameters"], system.parameters):
                del systems[label]
    for done, (label, entry) in enumerate(_measured(list(systems), seed, workers)):
        if file is not None:
            file.keep(label, entry)
        told(label, done + 1, len(systems))
        yield label, report(label, entry)


def report(label: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry in words, beside the stored and the published values."""
    system = system_of(label)
    stored = ground_truth(system)
    return compared(system, entry, stored.entry if stored else None)


def _measured(labels: list[str], seed: int, workers: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if workers == 1 or len(labels) == 1:
        for label in labels:
            yield label, measure(system_of(label), seed)
        return
    # spawned, so that no worker inherits the threads of libraries
    with ProcessPoolExecutor(min(workers, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_one, label, seed): label for label in labels}
        try:
            for task in as_completed(running):
                yield running[task], task.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one(label: str, seed: int) -> dict[str, Any]:
    return measure(system_of(label), seed)
