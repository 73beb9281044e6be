"""The records of all runs of the section, each computed once and kept beside the runs, and all of them beside the
page, with the model of the best run of each system."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dsr import __version__
from dsr.errors import StoreError
from dsr.measure import plain

from ...progress import Counted
from ...store import RunFolder, RunStore
from ...weights import load_model, save_model
from ..section import FOLDER as PLACE
from .published import FILE, fingerprint, published_record
from .record import failed_record, record_of
from .table import best

FOLDER = ".minimal"
VERSION = 5  # of the records; raise it when what they hold or how it is computed changes
EXPERIMENTS = ("alrnn-rossler", "alrnn-lorenz63")
PUBLISHED = "Published weights of the AL-RNN, Lorenz-63"
KEPT = f"{PLACE}/minimal.json"
Records = dict[str, list[dict[str, Any]]]
T = TypeVar("T")


def collect(store: RunStore, output: RunFolder, data: Path | None = None) -> Records:
    """experiment -> records of its runs that have ended, in order of their names; experiments without any are left out.
    With a folder of published data that holds them, the published weights are one more. Runs that the store does not
    have are those kept in the folder of the page, by this version.

    A record is read from the store's `.minimal` if it was made by this version from this very run, else computed and
    written there, so that an interrupted command goes on where it was.
    """
    earlier = output.read_json(KEPT) or {}
    before = earlier["records"] if all(earlier.get(k) == v for k, v in _made_by().items()) else {}
    runs = [run for run in store.runs() if run.path.parent.name in EXPERIMENTS]
    ended = [(run, status) for run in runs if (status := run.status)["state"] in ("finished", "failed")]
    found: dict[str, dict[str, Any]] = {
        name: {record["run"]: record for record in records} for name, records in before.items()
    }
    with Counted("symbols and fixed points") as bar:
        for i, (run, status) in enumerate(ended):
            lost = status["state"] == "failed"
            record = failed_record(run) if lost else _kept(store, run.path.name, status.get("manifest"), record_of, run)
            found.setdefault(run.path.parent.name, {})[run.path.name] = record
            bar.told(run.path.name, i + 1, len(ended))
    if found and data is not None and (path := data / FILE).is_file():
        found[PUBLISHED] = {path.stem: _kept(store, path.stem, fingerprint(path), published_record, path)}
    order = [name for name in (*EXPERIMENTS, PUBLISHED) if name in found]
    return {name: [found[name][run] for run in sorted(found[name])] for name in order}


def keep(store: RunStore, output: RunFolder, collected: Records) -> None:
    """Write all records into the folder of the page, and the model of the best run of each system."""
    output.write(KEPT, json.dumps(plain({**_made_by(), "records": collected}), allow_nan=False) + "\n")
    for experiment in EXPERIMENTS:
        record = best(collected.get(experiment, ()))
        if record is not None and (run := store.folder(experiment, record["run"])).path.is_dir():
            save_model(load_model(run.path), output / model_file(experiment))


def model_file(experiment: str) -> str:
    """Where the model of its best run is kept, below the folder of the page."""
    return f"{PLACE}/{experiment}.safetensors"


def _made_by() -> dict[str, Any]:
    return {"version": VERSION, "dsr": __version__}


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
