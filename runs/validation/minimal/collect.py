"""The records of all runs of the section, each computed once and kept beside the runs."""

from __future__ import annotations

from typing import Any

from dsr.errors import StoreError

from ...progress import Counted
from ...store import RunFolder, RunStore
from .record import failed_record, record_of

FOLDER = ".minimal"
VERSION = 2  # of the records; raise it when what they hold or how it is computed changes
EXPERIMENTS = ("alrnn-rossler", "alrnn-lorenz63", "alrnn-minimal")


def collect(store: RunStore) -> dict[str, list[dict[str, Any]]]:
    """experiment -> records of its runs that have ended, in order of their names; experiments without any are left out.

    A record is read from the store's `.minimal` if it was made by this version from this very run, else computed and
    written there, so that an interrupted command goes on where it was.
    """
    runs = [run for run in store.runs() if run.path.parent.name in EXPERIMENTS]
    ended = [(run, status) for run in runs if (status := run.status)["state"] in ("finished", "failed")]
    found: dict[str, list[dict[str, Any]]] = {}
    with Counted("symbols and fixed points") as bar:
        for i, (run, status) in enumerate(ended):
            found.setdefault(run.path.parent.name, []).append(_record(RunFolder(store.root / FOLDER), run, status))
            bar.told(run.path.name, i + 1, len(ended))
    return {name: found[name] for name in EXPERIMENTS if name in found}


def _record(kept: RunFolder, run: RunFolder, status: dict[str, Any]) -> dict[str, Any]:
    if status["state"] == "failed":
        return failed_record(run)
    name, key = f"{run.path.name}.json", {"version": VERSION, "manifest": status.get("manifest")}
    try:
        known = kept.read_json(name)
    except StoreError:  # damaged: made again
        known = None
    if known is None or any(known.get(k) != v for k, v in key.items()):
        kept.write_json(name, {**key, **record_of(run)})
        known = kept.read_json(name)  # the same plain values, whether computed or read
    return known
