"""What one request may ask of a machine: numbers that fit into its memory, steps that come to an end."""

from __future__ import annotations

import math
import os

from dsr.errors import SpecError

MOST_STEPS = 1e11  # of integration: an hour of a small flow in compiled loops


def require_room(numbers: int, got: str, next_step: str) -> None:
    """Raises `SpecError` where so many numbers of 8 bytes are more than the memory of this machine."""
    there = memory()
    if 8 * numbers > there:
        raise SpecError(
            f"{got}: {8 * numbers // 10**9} GB of numbers", f"what fits into {there / 1e9:.3g} GB of memory", next_step
        )


def require_steps(steps: float, got: str, next_step: str) -> None:
    """Raises `SpecError` for more than 1e11 steps of integration or iterations."""
    if steps > MOST_STEPS:
        raise SpecError(f"{got}: {steps:.3g} steps", f"{MOST_STEPS:g} steps at most", next_step)


def memory() -> float:
    """Bytes of memory of this machine; infinite where it does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf
