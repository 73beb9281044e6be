"""One number to be made small from the measures of a finished run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dsr.errors import SpecError, nearest

from ..compare.cells import INVARIANTS
from ..report.verdict import HIGHER_IS_BETTER


def loss_of(measures: Mapping[str, Any], objective: str) -> float:
    """The value of a distance, minus the value where higher is better, the distance from the truth of an invariant;
    infinity where the run has no such number, as after a divergence.

    Raises `SpecError` for a measure that such a run does not have, or an invariant without a truth.
    """
    rows = {_plain(row["name"]): row for row in measures["rows"]}
    row = rows.get(_plain(objective))
    if row is None:
        names = [r["name"] for r in measures["rows"]]
        close = nearest(objective, names)
        raise SpecError(
            f"the objective '{objective}'",
            f"a measure of these runs: {', '.join(names)}",
            f"did you mean '{close}'?" if close else "choose one of them",
        )
    value, truth, name = row["reconstruction"]["value"], row.get("truth"), row["name"]
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


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")
