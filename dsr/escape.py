"""When a run counts as diverged although its numbers are finite: the one rule of selection and judgement."""

from __future__ import annotations

import numpy as np

ESCAPE = 1e3  # standard deviations of the truth


def within_reach(observations: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(..., time) bool for observations (..., time, dim): closer to the mean of `truth` (time, dim) than 1000 of its
    standard deviations in every column. False where a value is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (np.abs(observations - truth.mean(0)) < ESCAPE * truth.std(0)).all(axis=-1)
