"""Run folders as `execute` leaves them, written in a moment, for tests of what reads many of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dsr.measure import plain
from dsr.runs.store import RunFolder, RunStore, run_id

FLOOR = {"low": 0.02, "median": 0.05, "high": 0.08, "pairs": 20, "kind": "independent trajectories"}
UNITS = {"D_stsp": "nats", "lambda_1": "per time unit", "valid prediction time": "Lyapunov times"}


def measure(name: str, value: float, **more: Any) -> dict[str, Any]:
    note = "diverged at step 7" if math.isnan(value) else ""
    settings = {"bins": 30, "length": 5000}
    return {
        "name": name, "value": value, "low": math.nan, "high": math.nan, "unit": "" if note else UNITS.get(name, ""),
        "settings": settings, "version": 1, "floor": None, "note": note, **more,
    }  # fmt: skip


def row(name: str, value: float, truth: float | None, error: float = math.nan) -> dict[str, Any]:
    """A distance with floor and baselines, or where there is a truth an invariant, which is uncertain by `error`."""
    if truth is not None:
        found = measure(name, value, low=value - error, high=value + error)
        return {"name": name, "truth": measure(name, truth), "reconstruction": found}
    baselines = {"surrogate": measure(name, 2.0), "gaussian": measure(name, 1.5)}
    return {"name": name, "truth": None, "reconstruction": measure(name, value, floor=FLOOR), **baselines}


def write_run(
    store: RunStore,
    system: str,
    model: str,
    seed: int,
    values: Mapping[str, float],
    /,
    *,
    truths: Mapping[str, float] | None = None,
    outcome: str = "chaotic",
    state: str = "finished",
    experiment: str = "default",
    error: float = math.nan,
    **settings: Mapping[str, Any],
) -> RunFolder:
    """`settings` are sections such as training={"alpha": 0.1}, put over small defaults."""
    tree: dict[str, Any] = {
        "data": {"system": system, "parameters": None, "noise": 0.0, "train": 5000, "test": 5000},
        "model": {"name": model, "latent_dim": 20},
        "forcing": {"name": "sparse"},
        "training": {"steps": 100, "search": 0},
        "analysis": {"bins": None},
        "seed": seed,
        "version": "1",
    }
    tree |= {key: {**tree[key], **section} for key, section in settings.items()}
    folder = store.folder(experiment, run_id(system, model, seed, tree))
    folder.write_json("resolved.json", tree)
    folder.write_json("env.json", {"backend": "native"})
    if state == "finished":
        rows = [row(name, value, (truths or {}).get(name), error) for name, value in values.items()]
        named = {"name": outcome, "sentence": f"it was {outcome}", "step": None}
        folder.write_json("measures.json", plain({"outcome": named, "rows": rows}))
    reason = {"reason": "ValueError: of its own"} if state == "failed" else {}
    folder.write_json("status.json", {"state": state, "cpu_seconds": 12.5, **reason})
    return folder
