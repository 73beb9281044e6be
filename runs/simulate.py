"""`dsr simulate`: a trajectory in a file."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.series import TimeSeries

from ..systems import get_system
from ..systems.making import make
from .dataset import transient_of
from .series_cache import NO_CACHE, SeriesCache
from .spec import override
from .store import RunFolder, RunStore, require_writable

KINDS = (".npy", ".npz", ".csv")


def simulate_to_file(
    name: str,
    out: str,
    *,
    n: int,
    dt: float | None,
    transient: float | None,
    noise: float,
    seed: int,
    parameters: Sequence[str] | None,
    operations: Sequence[str] = (),
) -> str:
    """Simulate, change by the operations ("additive_noise snr_db=20"), write; returns what is printed: one line, and
    another where something is known against the system."""
    path = Path(out)
    if path.suffix not in KINDS:
        raise SpecError(f"the file name '{out}'", "a name ending in .npy, .npz or .csv", "change --out")
    require_writable(path)
    changes = [_operation(text) for text in operations]
    system = get_system(name, **override({}, parameters or []))
    transient = transient_of(system, transient)
    system.checked_request(n, dt, transient, seed, noise)  # before the few rows that the cache tells series apart by
    settings = {"n": n, "dt": dt, "transient": transient, "seed": seed, "noise": noise}
    store = RunStore()
    # a trajectory alone makes no store where there is none
    cache = SeriesCache.of(store) if store.root.is_dir() or os.environ.get("DSR_CACHE") else NO_CACHE
    (series,) = cache.series(
        system, settings, lambda: [system.simulate(n, dt, transient=transient, seed=seed, noise=noise)]
    )
    series = make(series, changes, seed=seed)
    if series.stamps is not None and path.suffix == ".npy":
        raise SpecError(
            f"irregular times in '{out}'", "a format that has room for the times: .csv or .npz", "change --out"
        )
    RunFolder(path.parent).write(path.name, _encode(series, path.suffix))
    said = f"{out}: {len(series)} rows of {', '.join(series.names)} every {series.dt:g} {series.time_unit}"
    return f"{said}\nnote: {system.warning}" if system.warning else said


def _operation(text: str) -> dict[str, Any]:
    name, *settings = re.split(r"\s+(?=\w+=)", text.strip())  # values may hold spaces
    return {"name": name, **override({}, settings)}


def _encode(series: TimeSeries, kind: str) -> bytes:
    if kind == ".csv":
        rows = [",".join(["t" if series.time_unit == "time units" else f"t ({series.time_unit})", *series.names])]
        rows += [
            f"{t!r}," + ",".join(map(repr, row))
            for t, row in zip(series.times.tolist(), series.values.tolist(), strict=True)
        ]
        return ("\n".join(rows) + "\n").encode()
    buffer = io.BytesIO()
    if kind == ".npy":
        np.save(buffer, series.values, allow_pickle=False)
    else:
        about: dict[str, Any] = {"dt": series.dt, "names": np.array(series.names), "time_unit": series.time_unit}
        if series.stamps is not None:
            about["times"] = series.times
        np.savez_compressed(buffer, values=series.values, **about)
    return buffer.getvalue()
