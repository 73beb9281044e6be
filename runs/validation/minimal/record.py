"""One finished run, from its weights and its data spec alone: regions, words, entropies, fixed points."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dsr.models import Model

from ....analysis import SymbolSequence, region_symbols
from ....analysis.scorecard.outcome import first_lost_step
from ...spec import SystemData, parse, read
from ...store import RunFolder
from ...weights import load_model
from .points import beside_truth, model_points
from .regions import USED, region_record
from .truth import Truth, truth_of
from .words import FEWEST

TRANSIENT = 1000  # steps of the free run that are dropped
MEASURES = ("lambda_1", "lambda_2", "Kaplan-Yorke dimension", "D_stsp")


def record_of(run: RunFolder) -> dict[str, Any]:
    """Everything that tables and criteria need. Raises `SpecError` for a run whose system has no partition."""
    spec = parse(read(run / "spec.toml"))
    assert isinstance(spec.data, SystemData)
    truth, measures, model = truth_of(spec.data), run.read_json("measures.json"), load_model(run.path)
    rows = {row["name"]: row for row in measures["rows"]}
    return {
        "run": run.path.name,
        "system": spec.data.system,
        "data": dataclasses.asdict(spec.data),
        "seed": spec.seed,
        "relu_units": spec.model["relu_units"],
        "outcome": measures["outcome"]["name"],
        "measures": {name: _pair(rows[name]) for name in MEASURES if name in rows},
        "truth": truth.as_tree(),
        **dynamics_of(model, truth),
    }


def failed_record(run: RunFolder) -> dict[str, Any]:
    """Of a run that ended with an error: it counts, and it has nothing to show."""
    spec = parse(read(run / "spec.toml"))
    assert isinstance(spec.data, SystemData)
    head = {"run": run.path.name, "system": spec.data.system, "seed": spec.seed, "relu_units": spec.model["relu_units"]}
    return {**head, "outcome": "failed", "measures": {}, "truth": None, "regions": None, "words": None, "points": [],
            "beside": []}  # fmt: skip


def dynamics_of(model: Model, truth: Truth) -> dict[str, Any]:
    """Regions, words and fixed points of a model; without regions and words where its free run diverges, without words
    where it has fewer than 100 returns."""
    states, seen = free_run(model, truth, truth.run)
    if states is None:
        return {"regions": None, "words": None, **_points(model, [], truth)}
    regions = region_record(itinerary(model, states, truth.dt), truth.period)
    letters = truth.partition.symbols(seen, truth.dt)
    words = truth.beside(letters) if letters is not None and len(letters) >= FEWEST else None
    used = [name for name, share in regions["shares"].items() if share >= USED]
    return {"regions": regions, "words": words, **_points(model, used, truth)}


def free_run(model: Model, truth: Truth, rows: int) -> tuple[np.ndarray | None, np.ndarray]:
    """States (rows, M) and observations (rows, dim) after the transient, from the end of the reference; None for the
    states of a run that diverges."""
    context = truth.reference[None, -model.min_context :]
    run = model.free_run(model.initial_state(context), TRANSIENT + rows)
    states, seen = run.states[0, TRANSIENT:], run.observations[0, TRANSIENT:]
    return (states if first_lost_step(run, truth.reference) is None else None), seen


def itinerary(model: Model, states: np.ndarray, dt: float) -> SymbolSequence:
    """The region of each state (rows, M)."""
    import torch

    twin = model.in_float64()
    if not twin.bits(torch.from_numpy(states[:1])).shape[1]:  # type: ignore[operator]
        return SymbolSequence(np.zeros(len(states), np.int64), ("",), dt * np.arange(len(states)))
    return region_symbols(lambda z: twin.bits(torch.from_numpy(z)).numpy(), states, dt=dt)  # type: ignore[operator]


def _points(model: Model, regions: list[str], truth: Truth) -> dict[str, Any]:
    found = model_points(model, regions, truth.dt)
    return {"points": found, "beside": beside_truth(truth.points, found, truth.scale)}


def _pair(row: dict[str, Any]) -> list[float | None]:
    """Value of the reconstruction and of the truth."""
    return [None if row[key] is None else row[key]["value"] for key in ("reconstruction", "truth")]
