"""What the index holds of one run folder: a row for each measure, each with the columns of the run."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsr.errors import DsrError, StoreError
from dsr.measure import Floor, Measure, is_chance

from ..manifest import damage
from ..store import RunFolder

FINISHED, FAILED, DAMAGED = "finished", "failed", "damaged"
RUNNING, INTERRUPTED = "running", "interrupted"
ENDED = (FINISHED, FAILED, DAMAGED)
NO_SETTINGS = "{}"
RESULTS = ("measures.json", "resolved.json")
SETTINGS = (
    "data",
    "model",
    "forcing",
    "training",
    "analysis",
    "version",
)  # of resolved.json: all but what a seed moves
RUN_TEXT = (
    "run", "experiment", "system", "parameters", "model", "forcing", "backend", "state", "outcome", "reason",
    "settings_hash", "settings", "processor",
)  # fmt: skip
RUN_NUMBERS = ("seconds", "noise", "train_rows", "test_rows")
MEASURE_TEXT = ("measure", "unit", "note", "measure_settings", "truth_settings", "floor_kind")
MEASURE_NUMBERS = (
    "value", "low", "high", "truth", "truth_low", "truth_high", "floor_low", "floor_median", "floor_high", "surrogate",
    "gaussian", "normalised", "cap",
)  # fmt: skip


def rows_of(folder: RunFolder) -> list[dict[str, Any]]:
    """One row for each measure of a finished run, one row without a measure for any other.

    A file that cannot be read, or a finished run whose results are missing or not what was sealed, makes the run
    "damaged", with the reason: one bad folder must not hide the others. Weights are not looked at, which would take
    long.
    """
    run = _bare(folder)
    try:
        run = _run(folder)
        measures = folder.read_json("measures.json") if run["state"] == FINISHED else None
        if run["state"] == FINISHED and measures is None:
            raise StoreError("measures.json is missing", "a complete run", "run it again")
        if measures is None:
            return [run]
        changed = damage(folder, RESULTS)
        if changed:
            raise StoreError(f"{', '.join(changed)} changed since computed", "the sealed results", "run it again")
        outcome = measures["outcome"]
        run |= {"outcome": outcome["name"], "reason": outcome["sentence"]}
        return [run | _measure(row) for row in measures["rows"]] or [run]
    except (DsrError, OSError, ValueError, KeyError, TypeError) as problem:
        return [run | _damage(problem)]


def damaged_row(folder: RunFolder, problem: Exception) -> dict[str, Any]:
    """The row of a run whose own rows the index has no room for."""
    return _bare(folder) | {"seed": None} | _damage(problem)


def _damage(problem: Exception) -> dict[str, Any]:
    reason = problem.got if isinstance(problem, DsrError) else f"{type(problem).__name__}: {problem}"
    return {"state": DAMAGED, "reason": reason}


def _bare(folder: RunFolder) -> dict[str, Any]:
    """What the name of a folder says, for one whose files say nothing."""
    head, _, _ = folder.path.name.rpartition("-")
    head, _, seed = head.rpartition("-s")
    system, _, model = head.rpartition("-")
    number = int(seed) if seed.isdigit() else None
    return {
        "run": folder.path.name, "experiment": folder.path.parent.name, "system": system, "parameters": "",
        "model": model, "forcing": "", "seed": number, "settings": NO_SETTINGS, "settings_hash": "", "processor": "",
    }  # fmt: skip


def _run(folder: RunFolder) -> dict[str, Any]:
    status, tree, env = folder.status, _resolved(folder), folder.read_json("env.json") or {}
    settings = {key: tree[key] for key in SETTINGS if key in tree}
    data, backend = tree["data"], env.get("backend", "")
    source = data["system"] if "system" in data else data["file"]
    given = data.get("parameters") or {}
    text = json.dumps(settings, sort_keys=True)
    return _bare(folder) | {
        "system": Path(source).stem if source.endswith(".toml") or "file" in data else source,
        "parameters": ", ".join(f"{name}={_exact(value)}" for name, value in sorted(given.items())),
        "model": tree["model"]["name"],
        "forcing": "none" if backend == "closed form" else tree["forcing"]["name"],
        "backend": backend,
        "processor": env.get("processor") or "",
        "seed": tree["seed"],
        "state": status["state"],
        "reason": status.get("reason", ""),
        "seconds": status.get("cpu_seconds"),
        "noise": float(data.get("noise", 0.0)),
        "train_rows": float(data["train"]) if "system" in data else None,
        "test_rows": float(data["test"]) if "system" in data else None,
        "settings": text,
        "settings_hash": hashlib.sha256(text.encode()).hexdigest()[:10],
    }


def _exact(value: float) -> str:
    """Short where that is the very number: runs are told apart by it."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _resolved(folder: RunFolder) -> dict[str, Any]:
    """The settings as they were asked for: equal for all seeds of one experiment.

    A search replaces the model's settings by what it found for this seed; then those of the spec stand. A run that
    failed before they were written down is resolved again, so that it counts among its kind.
    """
    tree = folder.read_json("resolved.json")
    if tree is not None and not tree["training"].get("search"):
        return tree
    spec = tomllib.loads((folder / "spec.toml").read_text(encoding="utf-8"))
    if tree is not None:
        return tree | {"model": {**spec["model"], "name": tree["model"]["name"]}}
    from ..resolve import resolve  # loads torch; only for such runs
    from ..spec import parse

    return dict(resolve(parse(spec)).tree)


def _measure(row: Mapping[str, Any]) -> dict[str, Any]:
    from ...analysis.scorecard.normalised import ceiling, normalised_score

    found, truth, floor = row["reconstruction"], row.get("truth"), row["reconstruction"]["floor"]
    if truth is not None and truth["name"] != found["name"]:
        truth = None  # another estimator: not to be compared
    baselines = [row.get(key) for key in ("surrogate", "gaussian")]
    measures = [as_measure(b) for b in baselines if b is not None]
    score = None
    if floor is not None and not is_chance(floor["kind"]):
        score = normalised_score(as_measure(found), ceiling(measures))
    return {
        "measure": row["name"],
        **{key: found[key] for key in ("value", "low", "high", "unit", "note")},
        "measure_version": found["version"],
        "measure_settings": json.dumps(found["settings"], sort_keys=True),
        "truth_settings": json.dumps(truth["settings"], sort_keys=True) if truth else None,
        "cap": found["settings"].get("cap"),
        **dict(zip(("truth", "truth_low", "truth_high"), _ends(truth), strict=True)),
        **{f"floor_{key}": floor and floor[key] for key in ("low", "median", "high", "pairs", "kind")},
        **{key: b and b["value"] for key, b in zip(("surrogate", "gaussian"), baselines, strict=True)},
        "normalised": None if score is None or score != score else score,
    }


def as_measure(tree: Mapping[str, Any]) -> Measure:
    """A measure from its plain values; a missing number is NaN again."""
    value, low, high = (float("nan") if tree[key] is None else tree[key] for key in ("value", "low", "high"))
    floor = Floor(**tree["floor"]) if tree.get("floor") else None
    return Measure(tree["name"], value, low, high, version=tree["version"], floor=floor, note=tree["note"])


def _ends(measure: Mapping[str, Any] | None) -> Iterator[float | None]:
    yield from ((None,) * 3 if measure is None else (measure[key] for key in ("value", "low", "high")))
