"""The records of all runs of the section, each computed once and kept beside the runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dsr.errors import StoreError

from ...progress import Counted
from ...store import RunFolder, RunStore
from .published import FILE, fingerprint, published_record
from .record import failed_record, record_of

FOLDER = ".minimal"
VERSION = 4  # of the records; raise it when what they hold or how it is computed changes
EXPERIMENTS = ("alrnn-rossler", "alrnn-lorenz63")
PUBLISHED = "Published weights of the AL-RNN, Lorenz-63"
T = TypeVar("T")


def collect(store: RunStore, data: Path | None = None) -> dict[str, list[dict[str, Any]]]:
    """experiment -> records of its runs that have ended, in order of their names; experiments without any are left out.
    With a folder of published data that holds them, the published weights are one more.

    A record is read from the store's `.minimal` if it was made by this version from this very run, else computed and
    written there, so that an interrupted command goes on where it was.
    """
    runs = [run for run in store.runs() if run.path.parent.name in EXPERIMENTS]
    ended = [(run, status) for run in runs if (status := run.status)["state"] in ("finished", "failed")]
    found: dict[str, list[dict[str, Any]]] = {}
    with Counted("symbols and fixed points") as bar:
        for i, (run, status) in enumerate(ended):
            lost = status["state"] == "failed"
            record = failed_record(run) if lost else _kept(store, run.path.name, status.get("manifest"), record_of, run)
            found.setdefault(run.path.parent.name, []).append(record)
            bar.told(run.path.name, i + 1, len(ended))
    found = {name: found[name] for name in EXPERIMENTS if name in found}
    if found and data is not None and (path := data / FILE).is_file():
        found[PUBLISHED] = [_kept(store, path.stem, fingerprint(path), published_record, path)]
    return found


def _kept(store: RunStore, name: str, made_from: str | None, compute: Callable[[T], Any], source: T) -> dict[str, Any]:
    """The record `name`, from its file or computed."""
    folder, file, key = RunFolder(store.root / FOLDER), f"{name}.json", {"version": VERSION, "made_from": made_from}
    try:
        known = folder.read_json(file)
    except StoreError:  # damaged: made again
        known = None
    if known is None or any(known.get(k) != v for k, v in key.items()):
        folder.write_json(file, {**key, **compute(source)})
        known = folder.read_json(file)  # the same plain values, whether computed or read
    return dict(known)
