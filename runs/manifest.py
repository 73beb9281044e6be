"""The checksums of a finished run: what tells results from remains.

status.json of a finished run holds the hash of manifest.json, which holds size and hash of every file that was
computed. Figures and report are drawn from these and may be drawn again, so they are left out.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from dsr.errors import StoreError

from .store import RunFolder

MANIFEST = "manifest.json"
KEPT = ("log.txt", "status.json")  # of a folder that is emptied: what happened, and how often it failed
LEFT_OUT = (*KEPT, MANIFEST, "traceback.txt")
DRAWN = (".html", ".png", ".svg", ".pdf")


def seal(folder: RunFolder, **status: Any) -> None:
    """Write the manifest, then say in status.json that the run is finished; until both are there, it is not."""
    files = {p.name: _entry(p.read_bytes()) for p in sorted(folder.path.iterdir()) if _listed(p)}
    written = folder.write_json(MANIFEST, {"files": files})
    folder.set_status("finished", **status, manifest=_entry(written.read_bytes())["sha256"])


def damage(folder: RunFolder, names: Collection[str] = ()) -> list[str]:
    """Names of the files of a finished run that are missing or not what was computed; an empty list: all is well.

    names : look at these only; at all that were sealed if empty. Runs finished before there were manifests are only
    asked for their results.
    """
    try:
        known = folder.status.get("manifest")
        if known is None:
            return [name for name in names or ("measures.json", "table.txt") if not (folder / name).is_file()]
        content = (folder / MANIFEST).read_bytes()
        if _entry(content)["sha256"] != known:
            return [MANIFEST]
        files = json.loads(content)["files"]
    except StoreError:
        return ["status.json"]
    except OSError:
        return [MANIFEST]
    return [name for name, entry in files.items() if (not names or name in names) and not _agrees(folder / name, entry)]


def require_whole(folder: RunFolder, names: Collection[str]) -> None:
    """Raises `StoreError` where one of these files is not what was sealed, or status.json says no state. Files that
    were never sealed, such as those of a run that is not finished, are not judged."""
    try:
        status = folder.status
        changed = damage(folder, names) if status["state"] == "finished" and "manifest" in status else []
    except (StoreError, KeyError):
        changed = ["status.json"]
    if changed:
        raise StoreError(
            f"the run '{folder.path}' is damaged ({', '.join(changed)})", "a run as it was computed",
            f"compute it again: dsr run {folder / 'spec.toml'}",
        )  # fmt: skip


def state(folder: RunFolder) -> str:
    """finished (and every checksum agrees), damaged, failed, interrupted, pruned (stopped for good by a search),
    running (perhaps by a process that is dead), or absent."""
    try:
        found = str(folder.status["state"])
    except (StoreError, KeyError, TypeError):
        return "damaged"
    return "damaged" if found == "finished" and damage(folder) else found


def empty(folder: RunFolder) -> None:
    """Remove what a damaged run left, so that nothing of it is taken for a result or a checkpoint."""
    for path in folder.path.iterdir():
        if path.name in KEPT or path.name.startswith("."):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                path.unlink()


def _listed(path: Path) -> bool:
    hidden, drawn = path.name.startswith("."), path.suffix in DRAWN
    return path.is_file() and not hidden and not drawn and path.name not in LEFT_OUT


def _entry(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _agrees(path: Path, entry: dict[str, Any]) -> bool:
    try:
        return path.stat().st_size == entry["bytes"] and _entry(path.read_bytes()) == entry
    except OSError:
        return False
