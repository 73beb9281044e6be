"""Generated series kept on disk, found again by a hash of what determines them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsr.errors import DsrError, SpecError, StoreError
from dsr.series import TimeSeries

from ..systems import System
from .store import RunFolder, RunStore

FOLDER = ".series"
LIMIT = "2GB"
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
FORMAT = 1  # of the files; another number makes the old ones strangers, which age and go
PILOT_ROWS = 8
# Seconds of processor time below which a series is made again, plus what it takes to read so many bytes and check them.
WORTHWHILE, BYTES_PER_SECOND = 0.2, 1.5e8
ABANDONED = 3600.0  # seconds after which a temporary file belongs to a process that died
FIELDS = ("values", "inputs", "stamps")


@dataclass
class SeriesCache:
    """A folder of series, never larger than `limit` bytes; 0 turns it off.

    What is damaged is made again and replaced. A folder that cannot be written costs one line on standard error, not
    the run. Several processes may use one folder: files appear whole, by renaming, and equal keys have equal contents.
    """

    root: Path
    limit: int
    warned: bool = False

    @classmethod
    def of(cls, store: RunStore) -> SeriesCache:
        """`.series` in the store, or the folder in DSR_CACHE; at most DSR_CACHE_SIZE, 2 GB if not set."""
        place = os.environ.get("DSR_CACHE")
        return cls(Path(place) if place else store.root / FOLDER, _bytes(os.environ.get("DSR_CACHE_SIZE") or LIMIT))

    def series(
        self, system: System, settings: Mapping[str, Any], compute: Callable[[], list[TimeSeries]]
    ) -> list[TimeSeries]:
        """What `compute()` returns, from the folder if it is there; kept there if it took long to compute.

        settings : all that the series depend on besides the system, as plain values with at least "dt" and "seed".
        """
        key = self._key(system, settings) if self.limit else None
        if key is None:
            return compute()
        if (known := self._read(key)) is not None:
            return known
        began = time.process_time()
        found = compute()
        size = sum(s.values.nbytes for s in found)
        worthwhile = time.process_time() - began > WORTHWHILE + size / BYTES_PER_SECOND
        if worthwhile and size < self.limit and all(map(_survives, found)):
            self._keep(key, found)
        return found

    def files(self) -> dict[Path, os.stat_result]:
        """What lies in the folder, least recently used first."""
        found = {}
        for path in self.root.glob("*.npz*") if self.root.is_dir() else ():
            try:
                found[path] = path.stat()
            except OSError:  # another process has just removed it
                continue
        return dict(sorted(found.items(), key=lambda item: item[1].st_mtime_ns))

    def _key(self, system: System, settings: Mapping[str, Any]) -> str | None:
        """Hash of the settings and of a few rows with their provenance; None where the system has none.

        The rows tell apart what no name does: other code behind the equations, another compiler or processor.
        """
        rows = max(PILOT_ROWS, system.observed or system.dim)
        try:
            pilot = system.simulate(rows, settings["dt"], transient=0.0, seed=settings["seed"])
        except DsrError:  # `compute` will say what is wrong
            return None
        about = json.dumps([FORMAT, dict(settings), dict(pilot.origin)], sort_keys=True, default=repr)
        return hashlib.sha256(about.encode() + pilot.values.tobytes()).hexdigest()

    def _read(self, key: str) -> list[TimeSeries] | None:
        """The series of a key; None if one of them is missing or damaged."""
        found: list[TimeSeries] = []
        count = 1
        while len(found) < count:
            path = self.root / _name(key, len(found))
            try:
                series, count = _decode(path.read_bytes(), key)
            except Exception:  # a damaged archive can raise anything; one that is not there is the common case
                return None
            found.append(series)
            try:
                os.utime(path, ns=(time.time_ns(),) * 2)  # finer than the clock of the file system
            except OSError:  # a folder that may only be read still serves
                pass
        return found

    def _keep(self, key: str, found: list[TimeSeries]) -> None:
        try:
            for i, series in enumerate(found):
                content = _encode(series, key, len(found))
                self._make_room(len(content))
                RunFolder(self.root).write(_name(key, i), content)
        except (OSError, StoreError) as problem:
            if not self.warned:
                reason = problem.got if isinstance(problem, StoreError) else problem
                print(f"dsr: generated series are not kept: {reason}", file=sys.stderr)
            self.warned = True

    def _make_room(self, size: int) -> None:
        """Remove the least recently used files until `size` more bytes fit."""
        files = self.files()
        total = size + sum(stat.st_size for stat in files.values())
        for path, stat in files.items():
            abandoned = path.suffix != ".npz" and time.time() - stat.st_mtime > ABANDONED
            if abandoned or (total > self.limit and path.suffix == ".npz"):
                path.unlink(missing_ok=True)
                total -= stat.st_size


NO_CACHE = SeriesCache(Path(), limit=0)


def _name(key: str, member: int) -> str:
    return f"{key[:32]}-{member}.npz"


def _survives(series: TimeSeries) -> bool:
    """Whether the origin comes back from JSON as it was."""
    origin = dict(series.origin)
    try:
        return bool(json.loads(json.dumps(origin)) == origin)
    except TypeError:
        return False


def _encode(series: TimeSeries, key: str, count: int) -> bytes:
    """An npz archive of the arrays, the rest as JSON, and a hash of both."""
    arrays = {name: getattr(series, name) for name in FIELDS if getattr(series, name) is not None}
    rest = {
        "key": key,
        "count": count,
        "dt": series.dt,
        "time_unit": series.time_unit,
        "names": series.names,
        "origin": dict(series.origin),
    }
    about = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, about=about, sha256=_digest(about, arrays), **arrays)
    return buffer.getvalue()


def _decode(content: bytes, key: str) -> tuple[TimeSeries, int]:
    """The series and how many belong together; raises something for anything but what `_encode` made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in FIELDS if name in archive}
        about, digest = archive["about"], archive["sha256"]
    rest = json.loads(about.tobytes())
    if rest["key"] != key or not np.array_equal(digest, _digest(about, arrays)):
        raise ValueError("damaged")
    series = TimeSeries(
        dt=rest["dt"], time_unit=rest["time_unit"], names=tuple(rest["names"]), origin=rest["origin"], **arrays
    )
    return series, rest["count"]


def _digest(about: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    digest = hashlib.sha256(about.tobytes())
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _bytes(text: str) -> int:
    """A size such as 500MB, 2GB or 0 in bytes; raises `SpecError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]B)?", text.strip().upper())
    if found is None:
        raise SpecError(
            f"DSR_CACHE_SIZE={text}", "a size such as 500MB or 2GB, 0 for no cache", "set DSR_CACHE_SIZE=2GB"
        )
    return int(float(found[1]) * UNITS[found[2] or ""])
