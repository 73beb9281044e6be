"""The hyper-parameter search of a run, kept in its folder."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable

from dsr.models import MODELS, ModelConfig
from dsr.training.searching.search import SearchResult, search

from .dataset import Dataset
from .resolve import Resolved
from .store import RunFolder

TABLE, RESULT = "search.csv", "search.json"


def search_settings(
    resolved: Resolved, data: Dataset, folder: RunFolder, on_progress: Callable[[int, int, float], None]
) -> ModelConfig:
    """The settings with the best closed loop on training data; what the spec sets stays as it is.

    search.csv lists every fit, search.json the winner; a run that is resumed takes the winner from there.
    """
    name = resolved.spec.model["name"]
    known = folder.read_json(RESULT)
    if known is not None:
        return MODELS.build(name, known["model"])
    training = resolved.training
    found = search(
        name,
        data.train,
        draws=training.search,
        seeds=training.search_seeds,
        base={key: value for key, value in resolved.spec.model.items() if key != "name"},
        sampler=training.sampler,
        seed=resolved.spec.seed,
        training=None if resolved.model.family.closed_form else {**training.of_fit, "forcing": resolved.forcing},
        on_progress=on_progress,
    )
    folder.write(TABLE, _csv(found))
    model = dataclasses.asdict(found.config)
    folder.write_json(RESULT, {"model": model, "score": found.score, "outcome": found.outcome})
    return found.config


def _csv(found: SearchResult) -> str:
    """One line per fit, with the settings that were drawn."""
    drawn = sorted({key for trial in found.table for key in trial.settings})
    columns = ["draw", "seed", "score", "valid_time", "d_stsp", "lambda_max", "fate", "seconds"]
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow([*columns, *drawn])
    for trial in found.table:
        lines.writerow([*(getattr(trial, c) for c in columns), *(trial.settings.get(key, "") for key in drawn)])
    return buffer.getvalue()
