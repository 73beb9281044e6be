"""`python -m dsr.runs.zoo`: run the comparison, or what is left of it, and write its page."""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsr import __version__
from dsr.errors import DsrError, unknown

from ..page_command import (
    PageParser,
    names_in,
    require_at_least,
    require_cells,
    require_folder,
    require_known,
    require_page,
    run_page,
    write_page,
)
from ..progress import TerminalProgress
from ..store import RunFolder
from ..threads import one_thread
from .cell import floor, run
from .entries import ENTRIES, Entry
from .page import page
from .tasks import PUBLISHED, SIMULATED, Task


def cell_name(task: str, entry: Entry, seed: int) -> str:
    """File of a cell: it changes with settings and version, so that a result is never taken for another's."""
    made_by = json.dumps([__version__, asdict(entry)], sort_keys=True)
    digest = hashlib.sha256(made_by.encode()).hexdigest()[:8]
    return f"{task}/{entry.label}-s{seed}-{digest}.json"


def load(name: str, seed: int, data: Path) -> Task:
    if name in SIMULATED:
        return SIMULATED[name](seed)
    if name in PUBLISHED:
        return PUBLISHED[name](data)
    raise unknown("task", name, [*SIMULATED, *PUBLISHED])


def compute(store: RunFolder, name: str, labels: Sequence[str], seeds: range, data: Path) -> None:
    """All cells of a task that are not in the store yet; a failure is a result, with its reason."""
    entries = [e for e in ENTRIES[name] if not labels or e.label in labels]
    with TerminalProgress() as progress:
        if kept_floor(store, name) is None:
            progress.stage(f"{name}: floor")
            store.write_json(f"{name}/floor.json", {"version": __version__, **floor(load(name, 0, data))})
        for seed in seeds:
            task = None
            for entry in entries:
                file = cell_name(name, entry, seed)
                if (store / file).exists():
                    continue
                task = task or load(name, seed, data)
                progress.stage(f"{name}: {entry.label}, seed {seed}")
                store.write_json(file, _guarded(task, entry, seed))


def _guarded(task: Task, entry: Entry, seed: int) -> dict[str, Any]:
    try:
        return run(task, entry, seed)
    except Exception as problem:  # one family must not cost the others their turn
        reason = str(problem) if isinstance(problem, DsrError) else traceback.format_exc()
        found = {"task": task.name, "family": entry.label, "seed": seed, "entry": asdict(entry)}
        return {**found, "failed": f"{type(problem).__name__}: {reason}"}


def kept_floor(store: RunFolder, name: str) -> dict[str, Any] | None:
    """The floor of a task, None where the store has none of this version."""
    found = store.read_json(f"{name}/floor.json")
    return found if found is not None and found.get("version") == __version__ else None


def results(store: RunFolder, name: str) -> list[dict[str, Any]]:
    """The cells of a task whose settings, and whose version, are those of today."""
    found = []
    for entry in ENTRIES[name]:
        known = sorted((store / name).glob(cell_name(name, entry, 0).split("/")[1].replace("-s0-", "-s*-")))
        found += [json.loads(path.read_text(encoding="utf-8")) for path in known]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.zoo", description=__doc__)
    parser.add_argument("tasks", nargs="*", help=f"of {', '.join(ENTRIES)}; none: only the page is written")
    parser.add_argument("--families", default="", help="labels with commas between; all if not given")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0 on; default 5")
    parser.add_argument("--first-seed", type=int, default=0, help="the first seed; default 0")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the published files")
    parser.add_argument("--store", type=Path, default=Path("dsr-zoo"), help="folder of the cells; default dsr-zoo")
    parser.add_argument("-o", "--output", type=Path, default=Path("ZOO.md"), help="the page; default ZOO.md")
    return run_page(parser, arguments, _write, kept="the same command goes on with the cells that are left")


def _write(given: Namespace) -> None:
    store, labels = RunFolder(given.store), names_in(given.families)
    require_known("task", given.tasks, ENTRIES)
    require_known("family", labels, {e.label for name in given.tasks or ENTRIES for e in ENTRIES[name]})
    require_at_least("--seeds", given.seeds, 1)
    require_at_least("--first-seed", given.first_seed, 0)
    require_folder(given.store)
    require_page(given.output)
    with one_thread():
        for name in given.tasks:
            compute(store, name, labels, range(given.first_seed, given.first_seed + given.seeds), given.data)
    tables = {
        name: (truth, cells)
        for name in ENTRIES
        if (truth := kept_floor(store, name)) is not None and (cells := results(store, name))
    }
    require_cells(tables, f"name a task, such as {next(iter(ENTRIES))}, or another --store")
    print(write_page(given.output, page(tables)))


if __name__ == "__main__":
    sys.exit(main())
