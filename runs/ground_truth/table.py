"""Reading and writing a table of ground truth: one entry in a line, sorted, so that a change is seen in a diff."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...systems.truth_table import FORMAT, read_table
from ..store import RunFolder


class TableFile:
    """Entries by system in a file, written as a whole and atomically after each new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Mapping[str, Any]] = {}
        if path.is_file():
            self.entries.update(read_table(path.read_text(encoding="utf-8")))

    def keep(self, name: str, entry: Mapping[str, Any]) -> None:
        self.entries[name] = entry
        RunFolder(self.path.parent).write(self.path.name, self._text())

    def _text(self) -> str:
        lines = [
            f"{json.dumps(name)}: {json.dumps(entry, allow_nan=False, ensure_ascii=False)}"
            for name, entry in sorted(self.entries.items(), key=lambda item: item[0].lower())
        ]
        return f'{{"format": {FORMAT}, "systems": {{\n' + ",\n".join(lines) + "\n}}\n"
