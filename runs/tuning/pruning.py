"""Trials that are worse than half of the earlier ones at the same check of their free runs are stopped."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from safetensors import SafetensorError, safe_open

from ..execute import Progress, Pruned
from ..store import RunFolder
from ..weights import CHECKPOINT

FEWEST = 4  # earlier trials that a median is taken of


class Watch:
    """Passes progress on, and stops the run at a check where its best free run so far is worse than the median of
    what the earlier trials had there."""

    def __init__(self, folder: RunFolder, earlier: Sequence[Sequence[float]], told: Progress) -> None:
        self.folder, self.earlier, self.told = folder, earlier, told

    def stage(self, text: str) -> None:
        self.told.stage(text)

    def step(self, step: int, steps: int, loss: float) -> None:
        self.told.step(step, steps, loss)
        scores = checkpoint_scores(self.folder)
        if scores and step < steps and is_behind(scores, self.earlier):
            raise Pruned("worse than half of the earlier trials", scores=scores)


def is_behind(scores: Sequence[float], earlier: Sequence[Sequence[float]]) -> bool:
    """Whether the last of `scores`, the best so far at each check, is above the median of the earlier trials there.
    Infinite (failed) is behind finite, but not behind infinite."""
    there = [trial[len(scores) - 1] for trial in earlier if len(trial) >= len(scores)]
    return len(there) >= FEWEST and scores[-1] > _median(there)


def checkpoint_scores(folder: RunFolder) -> list[float]:
    """The best free-run score of any member up to each check, of a run under way; nothing without a checkpoint."""
    try:
        with safe_open(folder / CHECKPOINT, framework="np") as file:
            checks = file.get_tensor("checks")
    except (OSError, SafetensorError):
        return []
    members = (checks.shape[1] - 1) // 3
    return best_so_far(checks[:, 1 : 1 + members].tolist())


def history_scores(folder: RunFolder) -> list[float]:
    """The same of a finished run."""
    try:
        with open(folder / "history.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    checks = [[float(v) for k, v in row.items() if k.startswith("score_") and v] for row in rows]
    return best_so_far([check for check in checks if check])


def best_so_far(checks: Sequence[Sequence[float]]) -> list[float]:
    return list(accumulate((min((s for s in scores if not math.isnan(s)), default=math.inf) for scores in checks), min))


def _median(values: Sequence[float]) -> float:
    """The upper of the two in the middle: an infinite one must not make the mean of both infinite by chance."""
    return float(np.sort(values)[len(values) // 2])
