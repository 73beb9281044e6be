"""Floors of scores, kept in the store: runs with the same data, seed and analysis share them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dsr.errors import StoreError
from dsr.measure import Floor, plain

from ..analysis import Judgement
from .store import RunFolder, RunStore

FOLDER = ".floors"
SHARED = ("data", "analysis", "seed", "version")  # what floors depend on: everything but model and training


class KnownFloors:
    """The floors that a run can take over from another one, and adds to. Those of a damaged file are computed again.

    Prediction rows are left out: their chance level depends on the context that the model needs.
    """

    def __init__(self, store: RunStore, resolved: Mapping[str, Any]) -> None:
        shared = {key: resolved[key] for key in SHARED}
        digest = _digest(shared)[:16]
        self._folder, self._file = RunFolder(store.root / FOLDER, store.root), f"{digest}.json"

    @property
    def known(self) -> dict[str, Floor]:
        try:
            return _read(self._folder.read_json(self._file) or {})
        except (StoreError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    def keep(self, judgement: Judgement) -> None:
        found = {row.name: row.reconstruction.floor for row in judgement.rows}
        floors = {name: f for name, f in found.items() if f is not None and not f.chance}
        if floors.keys() - self.known.keys():
            tree = {name: vars(floor) for name, floor in floors.items()}
            self._folder.write_json(self._file, {"floors": tree, "sha256": _digest(plain(tree))})


def _read(tree: Any) -> dict[str, Floor]:
    """Raises something for anything but what `keep` writes, or wrote before there were checksums."""
    floors = tree["floors"] if "sha256" in tree else tree
    if "sha256" in tree and tree["sha256"] != _digest(floors):
        raise ValueError("damaged")
    return {name: Floor(**floor) for name, floor in floors.items()}


def _digest(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
