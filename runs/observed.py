"""What is observed of a series: some of its columns, and a delay embedding chosen by hand or from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsr.errors import DataError, SpecError, unknown
from dsr.series import TimeSeries

from ..analysis import choose_embedding, delay_embed_columns, pecuzal

CHOICES = "auto, cao, pecuzal, none, or DIMENSIONxDELAY"
METHODS = {"auto": "false_nearest_neighbours", "cao": "cao"}


@dataclass(frozen=True)
class ChosenEmbedding:
    """coordinates : (column, delay); settings : what resolved.json says of it; sentence : what the report says."""

    coordinates: tuple[tuple[int, int], ...]
    settings: dict[str, Any]
    sentence: str

    def apply(self, series: TimeSeries) -> TimeSeries:
        """The series of delay vectors; columns keep their names, with the delay added."""
        values = delay_embed_columns(series.values, self.coordinates)
        names = tuple(f"{series.names[i]}(t+{delay})" if delay else series.names[i] for i, delay in self.coordinates)
        return TimeSeries(values, series.dt, series.time_unit, names, {**series.origin, "embedding": self.settings})


def observed(series: TimeSeries, columns: Sequence[str | int]) -> TimeSeries:
    """The series with these columns alone, given by name or index. Raises `SpecError` for one that it does not have."""
    picked = []
    for column in columns:
        if isinstance(column, int) and not isinstance(column, bool) and 0 <= column < series.dim:
            picked.append(column)
        elif column in series.names:
            picked.append(series.names.index(str(column)))
        else:
            raise unknown("column named", str(column), series.names)
    if not picked or len(set(picked)) < len(picked):
        raise SpecError(f"data.columns = {list(columns)}", "one or several different columns", "name each once")
    names = tuple(series.names[i] for i in picked)
    return TimeSeries(
        series.values[:, picked], series.dt, series.time_unit, names, {**series.origin, "observed": names}
    )


def embedding_of(choice: str, train: TimeSeries) -> ChosenEmbedding | None:
    """The embedding that `choice` asks for, estimated on a training stretch; None to use the columns as they are.

    Raises `SpecError` for a choice that is none and `DataError` where the data allow none.
    """
    if choice == "none" or (choice == "auto" and train.dim > 1):
        return None
    if choice == "pecuzal":
        return _by_pecuzal(train)
    if train.dim > 1:
        raise DataError(
            f"embed = '{choice}' with {train.dim} columns",
            "a single column, or embed=pecuzal for several",
            "choose one with --columns, or embed=none",
        )
    if choice in METHODS:
        found = choose_embedding(train.values[:, 0], method=METHODS[choice])
        return _uniform(found.dimension, found.delay, f" ({found.note})" if found.note else "")
    dimension, _, delay = choice.partition("x")
    if not (dimension.isdigit() and delay.isdigit() and int(dimension) >= 1 and int(delay) >= 1):
        raise SpecError(f"embed = '{choice}'", CHOICES, "write for example --embed 3x12")
    return _uniform(int(dimension), int(delay), "")


def _uniform(dimension: int, delay: int, remark: str) -> ChosenEmbedding:
    return ChosenEmbedding(
        tuple((0, i * delay) for i in range(dimension)),
        {"dimension": dimension, "delay": delay},
        f"Delay embedding of the one observed column: dimension {dimension}, delay {delay} steps{remark}; "
        "invariants are those of the embedded series.",
    )


def _by_pecuzal(train: TimeSeries) -> ChosenEmbedding:
    found = pecuzal(train.values)
    if not found.coordinates:
        raise DataError(
            f"no embedding by PECUZAL ({found.note})",
            "columns with predictable dynamics",
            "choose one by hand, for example --embed 3x12 of one column, or --embed none",
        )
    named = [(train.names[i], delay) for i, delay in found.coordinates]
    return ChosenEmbedding(
        found.coordinates,
        {"coordinates": [list(pair) for pair in named]},
        f"Delay embedding by PECUZAL: {', '.join(f'{name} at {delay}' for name, delay in named)} steps"
        f"{f' ({found.note})' if found.note else ''}; invariants are those of the embedded series.",
    )
