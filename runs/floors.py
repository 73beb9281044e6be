"""Floors of scores, kept in the store: runs with the same data, seed and analysis share them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dsr.measure import Floor

from ..analysis import Judgement
from .store import RunFolder, RunStore

FOLDER = ".floors"
SHARED = ("data", "analysis", "seed", "version")  # what floors depend on: everything but model and training


class KnownFloors:
    """The floors that a run can take over from another one, and adds to.

    Prediction rows are left out: their chance level depends on the context that the model needs.
    """

    def __init__(self, store: RunStore, resolved: Mapping[str, Any]) -> None:
        shared = {key: resolved[key] for key in SHARED}
        digest = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:16]
        self._folder, self._file = RunFolder(store.root / FOLDER, store.root), f"{digest}.json"

    @property
    def known(self) -> dict[str, Floor]:
        return {name: Floor(**floor) for name, floor in (self._folder.read_json(self._file) or {}).items()}

    def keep(self, judgement: Judgement) -> None:
        found = {row.name: row.reconstruction.floor for row in judgement.rows}
        floors = {name: f for name, f in found.items() if f is not None and not f.kind.startswith("chance")}
        if floors.keys() - self.known.keys():
            tree = {name: vars(floor) for name, floor in floors.items()}
            self._folder.write_json(self._file, tree)
