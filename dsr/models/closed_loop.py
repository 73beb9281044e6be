"""Settings of closed-form fits chosen by what a free run does on the last part of the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from ..errors import DataError
from ..escape import within_reach
from .base import Model

C = TypeVar("C")
SHARE = 0.2  # of the longest trajectory is held out
FEWEST = 30  # rows held out
LONGEST = 3000  # steps of a forecast that is scored
STARTS = 20
LIMIT = 0.3  # error, in standard deviations, up to which a forecast is valid
BOUND_STEPS, BOUND_STARTS = 10_000, 4
TOLERANCE = 0.95  # of the best score: candidates above are as good
SMALLEST = 1e-15  # error


def hold_out(segments: Sequence[np.ndarray], context: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The trajectories without the last fifth of the longest one, and that fifth.

    Raises `DataError` when the fifth is shorter than `context` and some rows to forecast.
    """
    longest = max(range(len(segments)), key=lambda i: len(segments[i]))
    rows = int(SHARE * len(segments[longest]))
    if rows < context + FEWEST:
        raise DataError(
            f"a longest trajectory of {len(segments[longest])} rows to choose settings on",
            f"{int((context + FEWEST) / SHARE) + 1} rows or more",
            "bring a longer series, or set the ridge or threshold by hand",
        )
    shorter = [s[:-rows] if i == longest else s for i, s in enumerate(segments)]
    return shorter, segments[longest][-rows:]


def closed_loop_score(model: Model, truth: np.ndarray) -> tuple[bool, float]:
    """(whether free runs stay within reach over 10,000 steps, how long forecasts follow `truth`), to be compared as
    tuples. `truth` (time, obs) is standardised.

    How long: the mean over starts of sqrt(2 A), A the sum of ln(0.3 / error) over the steps before the error first
    exceeds 0.3. With an error that grows as exp(rate t) this is sqrt(rate) times the valid prediction time; unlike
    that time it still tells forecasts apart that are valid to the end of the held-out rows.
    """
    context = model.min_context
    horizon = min((len(truth) - context) // 2, LONGEST)
    rows = np.unique(np.linspace(context, len(truth) - horizon, STARTS).astype(int))
    past, future = (np.stack([truth[r + a : r + b] for r in rows]) for a, b in ((-context, 0), (0, horizon)))
    twin, orbit = model.in_float64(), model.orbit()

    def run(z: np.ndarray, n: int) -> np.ndarray:
        with torch.no_grad():
            return twin.decode(torch.from_numpy(orbit(z, z[:0], n)[0])).numpy()

    with torch.no_grad():
        start = twin.initial(torch.from_numpy(past)).numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.sqrt(((run(start, horizon) - future) ** 2).mean(-1))
        valid = np.logical_and.accumulate(error <= LIMIT, axis=1)
        gain = np.where(valid, np.log(LIMIT / np.clip(error, SMALLEST, LIMIT)), 0.0)
    bounded = within_reach(run(start[:: max(1, len(start) // BOUND_STARTS)], BOUND_STEPS), truth).all()
    return bool(bounded), float(np.sqrt(2 * gain.sum(1)).mean())


def choose_in_closed_loop(model: Model, candidates: Sequence[C], fit: Callable[[C], None], truth: np.ndarray) -> C:
    """The candidate whose free runs stay bounded and follow `truth` (time, obs) longest; of those within 5 % of the
    best, the first. `fit(candidate)` sets the weights of `model`. So list the strongest regularisation first."""
    scores = []
    for candidate in candidates:
        fit(candidate)
        scores.append(closed_loop_score(model, truth))
    bounded, longest = max(scores)
    return next(c for c, (b, s) in zip(candidates, scores, strict=True) if b == bounded and s >= TOLERANCE * longest)
