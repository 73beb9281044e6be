"""An exclusive claim on a run folder, so that two processes sharing a store never compute the same run at once."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dsr.errors import StoreError

CLAIM = ".claim"
BEAT_SECONDS = 10.0
# On another machine only the heartbeat tells whether the owner lives, and compiled code may hold it back for minutes.
STALE_SECONDS = 300.0


class RunClaimed(StoreError):
    """Another process is computing this run."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the claim on an existing run folder. Raises `RunClaimed` while another living process or thread holds it.

    The claim is a file with host, process and when the process started, whose modification time is the heartbeat.
    A claim whose owner is dead is taken over: at once if the owner ran on this machine, after `STALE_SECONDS` without
    a heartbeat otherwise.
    """
    path, mine = folder / CLAIM, json.dumps({**_myself(), "thread": threading.get_ident()})
    with _alone(folder):
        owner = claimant(folder)
        if owner is not None:
            raise RunClaimed(
                f"the run '{folder.name}' is being computed by process {owner.get('pid', '?')} on "
                f"{owner.get('host', 'an unknown machine')}",
                "one process per run",
                "wait until it has finished; the same command then finds the result",
            )
        try:
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(mine)
        except FileExistsError as problem:  # where folders cannot be locked another process may have come first
            raise RunClaimed(
                f"the run '{folder.name}' has just been taken by another process", "one process per run", "wait for it"
            ) from problem
        except OSError as problem:
            raise StoreError(
                f"the run folder '{folder}' cannot be claimed ({problem.strerror or problem})",
                "a folder you may write to, on a disk with room",
                "give another store with --store FOLDER, or set DSR_STORE",
            ) from problem
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(path, ended), daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
        with _alone(folder), suppress(OSError):
            if path.read_text(encoding="utf-8") == mine:
                path.unlink()


def claimant(folder: Path) -> dict[str, Any] | None:
    """Who holds the claim on a folder; None when nobody does, or its owner is dead."""
    path = folder / CLAIM
    try:
        age = time.time() - path.stat().st_mtime
        owner = json.loads(path.read_text(encoding="utf-8") or "{}")
    except OSError:
        return None
    except ValueError:
        owner = {}  # cut short: only its age can tell
    me = _myself()
    if isinstance(owner, dict) and all(owner.get(key) == me[key] for key in ("host", "namespace")):
        return owner if _lives(owner) else None
    return owner if age < STALE_SECONDS else None


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "host": socket.gethostname(), "namespace": _namespace(), "pid": pid, "started": _started(pid),
        "since_boot": _since_boot(pid),
    }  # fmt: skip


def _namespace() -> str:
    """Process numbers of one machine mean different processes in different containers."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> float | None:
    """When a process started; None if there is no such process, or it is dead and only not yet buried."""
    import psutil  # type: ignore[import-untyped]

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _since_boot(pid: int) -> str:
    """The boot, and the clock ticks from it to the start of a process, which no step of the clock changes; empty
    without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    after_name = stat.rpartition(b")")[2].split()  # from the third field on; the 22nd is the start
    return f"{boot} {after_name[19].decode()}"


def _lives(owner: dict[str, Any]) -> bool:
    """Whether the owner's process runs: the number alone may have been given to another one since."""
    pid = owner.get("pid", -1)
    started, since_boot = _started(pid), _since_boot(pid)
    if started is not None and since_boot and owner.get("since_boot"):
        return since_boot == owner["since_boot"]
    return started is not None and abs(started - owner.get("started", 0.0)) < 2.0


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time looks at a claim and changes it: else two could take over the same dead owner's.

    Where the file system has no locks for folders nothing is locked, and creating the claim exclusively must do.
    """
    handle = None
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except (ImportError, OSError):
        pass
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)
