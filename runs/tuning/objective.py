"""One number to be made small from the measures of a finished run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dsr.errors import SpecError, nearest

from ...analysis.scorecard.scores import scorecard_scores
from ..compare.cells import INVARIANTS
from ..verdict import HIGHER_IS_BETTER

OTHERS = (  # rows of a run's table beside its scores
    "prediction error", "valid prediction time", "lambda_1", "sum of exponents", "Kaplan-Yorke dimension",
    "lambda_1 from data",
)  # fmt: skip


def require_objective(objective: str) -> None:
    """Raises `SpecError` for the name of no measure in a run's table: before the first run."""
    known = [*scorecard_scores(), *OTHERS]
    if _plain(objective) not in map(_plain, known) and not re.fullmatch(r"lambda \d+", _plain(objective)):
        raise _unknown(objective, known)


def loss_of(measures: Mapping[str, Any], objective: str) -> float:
    """The value of a distance, minus the value where higher is better, the distance from the truth of an invariant;
    infinity where the run has no such number, as after a divergence.

    Raises `SpecError` for a measure that such a run does not have, or an invariant without a truth.
    """
    rows = {_plain(row["name"]): row for row in measures["rows"]}
    row = rows.get(_plain(objective))
    if row is None:
        raise _unknown(objective, [r["name"] for r in measures["rows"]])
    value, truth, name = row["reconstruction"]["value"], row.get("truth"), row["name"]
    if truth is not None and truth["name"] != name:
        truth = None  # another estimator: not to be compared
    if truth is None and name.startswith(INVARIANTS):
        raise SpecError(
            f"the objective '{name}' without a true value", "a distance such as D_stsp, or data whose truth is known",
            "--objective D_stsp",
        )  # fmt: skip
    if value is None:
        return math.inf
    if truth is not None and truth["value"] is not None:
        return abs(value - truth["value"])
    return -value if name in HIGHER_IS_BETTER else value


def _unknown(objective: str, names: Sequence[str]) -> SpecError:
    close = nearest(objective, names)
    return SpecError(
        f"the objective '{objective}'",
        f"a measure of these runs: {', '.join(names)}",
        f"did you mean '{close}'?" if close else "choose one of them",
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")
