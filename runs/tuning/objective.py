"""What a study looks for: a measure of finished runs, and which of its values is the best."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dsr.errors import SpecError, nearest

from ...analysis.scorecard.scores import scorecard_scores
from ..compare.cells import INVARIANTS
from ..spec import FileData, RunSpec
from ..verdict import HIGHER_IS_BETTER

FROM_DATA = "lambda_1 from data"  # of runs without a true spectrum
OTHERS = (  # rows of a run's table beside its scores
    "prediction error", "valid prediction time", "lambda_1", "sum of exponents", "Kaplan-Yorke dimension",
    FROM_DATA,
)  # fmt: skip
LARGEST, SMALLEST, NEAREST = "the largest", "the smallest", "the nearest to the truth"


def in_the_table() -> list[str]:
    """Names of the measures in a run's table, of the exponents the first."""
    return [*scorecard_scores(), *OTHERS]


def require_objective(objective: str) -> None:
    """Raises `SpecError` for the name of no measure in a run's table: before the first run."""
    known = in_the_table()
    if _plain(objective) not in map(_plain, known) and not re.fullmatch(r"lambda \d+", _plain(objective)):
        raise _unknown(objective, known)


def require_truth(objective: str, spec: RunSpec) -> None:
    """Raises `SpecError` for an invariant that runs of this spec have no true value of, or no estimate."""
    known = not isinstance(spec.data, FileData) or bool(spec.data.truth)
    if _plain(objective) == _plain(FROM_DATA):
        if known:
            raise SpecError(
                f"the objective '{objective}' for data whose exponents are known", "the exponent itself",
                "--objective lambda_1",
            )  # fmt: skip
    elif goal_of(objective) == NEAREST and not known:
        raise _without_truth(objective)


def goal_of(objective: str) -> str:
    """Which value of this measure is the best."""
    name = _plain(objective)
    if name.startswith(tuple(map(_plain, INVARIANTS))):
        return NEAREST
    return LARGEST if name in map(_plain, HIGHER_IS_BETTER) else SMALLEST


def value_and_loss(measures: Mapping[str, Any], objective: str) -> tuple[float | None, float]:
    """The value, and what is to be made small: the value of a distance, minus the value where higher is better, the
    distance from the truth of an invariant; None and infinity where the run has no such number, as after a divergence.

    Raises `SpecError` for a measure that such a run does not have, or an invariant without a truth.
    """
    rows = {_plain(row["name"]): row for row in measures["rows"]}
    row = rows.get(_plain(objective))
    if row is None:
        raise _unknown(objective, [r["name"] for r in measures["rows"]])
    value, truth, name = row["reconstruction"]["value"], row.get("truth"), row["name"]
    goal = goal_of(name)
    # the truth by another estimator is not to be compared
    if goal == NEAREST and (truth is None or truth["name"] != name or truth["value"] is None):
        raise _without_truth(name)
    if value is None:
        return None, math.inf
    if goal == NEAREST:
        return value, abs(value - truth["value"])
    return value, -value if goal == LARGEST else value


def _without_truth(objective: str) -> SpecError:
    return SpecError(
        f"the objective '{objective}' without a true value", "a distance such as D_stsp, or data whose truth is known",
        "--objective D_stsp",
    )  # fmt: skip


def _unknown(objective: str, names: Sequence[str]) -> SpecError:
    close = nearest(objective, names)
    return SpecError(
        f"the objective '{objective}'",
        f"a measure of these runs: {', '.join(names)}",
        f"did you mean '{close}'?" if close else "choose one of them",
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")
