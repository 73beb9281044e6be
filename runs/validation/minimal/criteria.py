"""When a reconstruction counts as one: bounds that were written down before any run was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsr.fate import CHAOTIC

from .points import ALIKE, NEAR
from .words import SHORT

RATE, FLOORS = 0.15, 2.0  # relative error of lambda_1; word divergence in units of the floor's 95 %
SENTENCE = f"""\
A run succeeds if it is chaotic; lambda_1 is within {RATE:.0%} of truth; the divergence of its {SHORT}-letter words \
is at most {FLOORS:g} times the 95 % quantile of the floor; no word of up to {SHORT} letters is on one side only; and \
each fixed point of the equations inside the box of the attractor has a real counterpart within {NEAR:g} standard \
deviations, with as many growing directions, whose frequency is within {ALIKE:.0%} of theirs. These bounds were set \
before the runs of this page were there."""


def met(record: Mapping[str, Any]) -> dict[str, bool]:
    """Criterion -> whether a run meets it."""
    words, value = record["words"], record["measures"].get("lambda_1")
    truth = record["truth"] or {"points": (), "floors": {}}
    required = [b["same"] for b, p in zip(record["beside"], truth["points"], strict=True) if p["required"]]
    return {
        "chaotic": record["outcome"] == CHAOTIC,
        "lambda_1": value is not None and None not in value and abs(value[0] / value[1] - 1) <= RATE,
        "words": words is not None and words["divergence"][str(SHORT)] <= FLOORS * truth["floors"][str(SHORT)][2],
        "grammar": words is not None and not odd_words(words, SHORT),
        "fixed points": bool(required) and all(required),
    }


def odd_words(words: Mapping[str, Any], n: int) -> list[str]:
    """Words of up to n letters that truth or reconstruction has alone."""
    return [word for word in (*words["missing"], *words["foreign"]) if len(word) <= n]


def succeeds(record: Mapping[str, Any]) -> bool:
    return all(met(record).values())


def all_but_words(record: Mapping[str, Any]) -> bool:
    """Whether which words occur, exponents and fixed points are right, however often each word occurs."""
    return all(good for name, good in met(record).items() if name != "words")


def badness(record: Mapping[str, Any]) -> tuple[float, ...]:
    """By which runs are sorted, the best minimal one first: criteria that it misses; regions; word divergence."""
    words, missed = record["words"], sum(not good for good in met(record).values())
    return (
        missed,
        record["regions"]["used"],
        words["divergence"][str(SHORT)] if words else float("inf"),
    )
