"""`RunStore`: folders of plain files, written atomically. A run is found again by the hash of its resolved spec."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsr.errors import StoreError, nearest
from dsr.measure import plain

DEFAULT_STORE = "dsr-runs"


class RunFolder:
    """One run on disk; every write is a temporary file renamed into place, so a reader never sees half a file.

    store : the one it belongs to; None for a folder that was named with -o, which an error then says.
    """

    def __init__(self, path: Path, store: Path | None = None) -> None:
        self.path, self.store = path, store

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write(self, name: str, content: bytes | str) -> Path:
        target = self.path / name
        data = content.encode() if isinstance(content, str) else content
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as problem:
            raise self._unwritable(target, problem) from problem
        return target

    def write_json(self, name: str, tree: Any) -> Path:
        """Numbers that are not finite become null: JSON has no word for them."""
        return self.write(name, json.dumps(plain(tree), indent=2, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """The content of a JSON file, None when it does not exist."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as problem:
            raise self._damaged(name, problem) from problem

    def _damaged(self, name: str, problem: object) -> StoreError:
        return StoreError(
            f"'{self.path / name}' is damaged ({problem})",
            "a file written by dsr",
            "delete that run folder and run again",
        )

    def log(self, line: str) -> None:
        """Append one line to log.txt."""
        try:
            with open(self.path / "log.txt", "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as problem:
            raise self._unwritable(self.path / "log.txt", problem) from problem

    def _unwritable(self, target: Path, problem: OSError) -> StoreError:
        return _unwritable_file(target, problem) if self.store is None else _unwritable(self.store, problem)

    def set_status(self, state: str, **more: Any) -> None:
        """state: running, finished, interrupted, failed or pruned."""
        self.write_json("status.json", {"state": state, **more})

    @property
    def status(self) -> dict[str, Any]:
        found = self.read_json("status.json")
        if found is None:
            return {"state": "absent"}
        if not isinstance(found, dict):
            raise self._damaged("status.json", f"{found!r} is not a table")
        return found

    @property
    def failures(self) -> int:
        """How often this run has failed; 0 where status.json is damaged, for then nothing is known."""
        try:
            return int(self.status.get("failures", 0))
        except StoreError:
            return 0

    def set_failed(self, reason: str, traceback: str = "") -> None:
        """Record a failure: the reason and the count in status.json, the traceback in traceback.txt."""
        if traceback:
            self.write("traceback.txt", traceback)
        self.set_status("failed", reason=reason, failures=self.failures + 1)


class RunStore:
    """A folder of runs, `<store>/<experiment>/<run id>`."""

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root or os.environ.get("DSR_STORE") or DEFAULT_STORE)

    def folder(self, experiment: str, run_id: str) -> RunFolder:
        return RunFolder(self.root / experiment / run_id, self.root)

    def create(self, experiment: str, run_id: str) -> RunFolder:
        """The folder of a run, made if needed. Raises `StoreError` when the store cannot be written."""
        folder = self.folder(experiment, run_id)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if not os.access(folder.path, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as problem:
            raise _unwritable(self.root, problem) from problem
        return folder

    def runs(self) -> list[RunFolder]:
        """All runs in the store, in order of name."""
        return [RunFolder(p.parent, self.root) for p in sorted(self.root.glob("*/*/status.json"))]

    def find(self, name: str) -> RunFolder:
        """A run by path, by id, or by the start of its id. Raises `StoreError` for none or several."""
        if (Path(name) / "status.json").exists():
            return RunFolder(Path(name), Path(name))
        runs = {f.path.name: f for f in self.runs()}
        hits = [f for run_id, f in runs.items() if run_id.startswith(name)]
        if len(hits) == 1:
            return hits[0]
        close = nearest(name, runs)
        raise StoreError(
            f"{len(hits) or 'no'} runs in '{self.root}' match '{name}'",
            "the path of a run folder, or the start of one run's id",
            f"did you mean '{close}'?" if close else "list the folders there, or point --store at another store",
        )


def run_id(system: str, model: str, seed: int, resolved: Mapping[str, Any]) -> str:
    """`<system>-<model>-s003-<hash>`: equal for equal resolved specs, whatever the order of their keys."""
    digest = hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()[:10]
    slug = re.sub(r"[^A-Za-z0-9_.]+", "_", system).strip("_.")[:40] or "data"
    return f"{slug}-{model}-s{seed:03d}-{digest}"


def require_writable(out: str | Path) -> None:
    """Raises `StoreError` for a file named with -o that cannot be written: before anything is computed."""
    path = Path(out)
    folder = next(parent for parent in path.absolute().parents if os.path.exists(parent))
    if os.path.isdir(path):
        raise _unwritable_file(path, IsADirectoryError(errno.EISDIR, "Is a directory"))
    if not folder.is_dir():
        raise _unwritable_file(path, NotADirectoryError(errno.ENOTDIR, "Not a directory"))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable_file(path, PermissionError(errno.EACCES, "Permission denied"))


def _unwritable_file(path: Path, problem: OSError) -> StoreError:
    reason = "its folder is a file" if isinstance(problem, FileExistsError) else problem.strerror or problem
    return StoreError(
        f"the file '{path}' cannot be written ({reason})",
        "a file in a folder you may write to, on a disk with room",
        "give another name with -o",
    )


def _unwritable(path: Path, problem: OSError) -> StoreError:
    return StoreError(
        f"the store '{path}' cannot be written ({problem.strerror or problem})",
        "a folder you may write to, on a disk with room",
        "give another one with --store FOLDER, or set DSR_STORE",
    )
