"""The unit of a rate, from the unit of time of a series."""

from __future__ import annotations


def rate_unit(time_unit: str) -> str:
    """ "time units" -> "per time unit", "iterations" -> "per iteration", "s" -> "per s"."""
    word = time_unit.removesuffix("s") if len(time_unit) > 3 else time_unit
    return f"per {word}"
