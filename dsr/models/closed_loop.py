"""Settings of closed-form fits chosen by what a free run does on the last part of the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from ..escape import within_reach
from .base import Model
from .ridge import RIDGES, Ridge

C = TypeVar("C")
SHARE = 0.2  # of the longest trajectory is held out
FEWEST = 30  # rows held out
LONGEST = 3000  # steps of a forecast that is scored
STARTS = 100
BLOCK = 50  # steps between looks at what is still valid
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


def forecast_score(model: Model, truth: np.ndarray) -> float:
    """How long forecasts from 100 rows of `truth` (time, obs), standardised, follow it.

    The mean over starts of sqrt(2 A), A the sum of ln(0.3 / error) over the steps before the error first exceeds 0.3.
    With an error that grows as exp(rate t) this is sqrt(rate) times the valid prediction time; unlike that time it
    still tells forecasts apart that are valid to the end of the held-out rows.
    """
    twin, orbit = model.in_float64(), model.orbit()
    past, future = _starts(model, truth)
    z, total = _initial(twin, past), np.zeros(len(past))
    alive = np.arange(len(past))
    for first in range(0, future.shape[1], BLOCK):  # what has failed is not followed further
        ahead = future[alive, first : first + BLOCK]
        states = orbit(z, z[:0], ahead.shape[1])[0]
        with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
            error = np.sqrt(((twin.decode(torch.from_numpy(states)).numpy() - ahead) ** 2).mean(-1))
        valid = np.logical_and.accumulate(error <= LIMIT, axis=1)
        total[alive] += np.where(valid, np.log(LIMIT / np.clip(error, SMALLEST, LIMIT)), 0.0).sum(1)
        alive, z = alive[valid[:, -1]], states[valid[:, -1], -1]
        if not len(alive):
            break
    return float(np.sqrt(2 * total).mean())


def stays_bounded(model: Model, truth: np.ndarray) -> bool:
    """Whether free runs of 10,000 steps from 4 rows of `truth` stay within reach of it."""
    twin, (past, _) = model.in_float64(), _starts(model, truth)
    z = _initial(twin, past[:: -(-len(past) // BOUND_STARTS)])
    with torch.no_grad():
        run = twin.decode(torch.from_numpy(model.orbit()(z, z[:0], BOUND_STEPS)[0])).numpy()
    return bool(within_reach(run, truth).all())


def choose_in_closed_loop(model: Model, candidates: Sequence[C], fit: Callable[[C], None], truth: np.ndarray) -> C:
    """The candidate whose free runs stay bounded and follow `truth` (time, obs) longest; of those within 5 % of the
    best, the first. So list the strongest regularisation first. When no candidate stays bounded, the bound is waived.
    `fit(candidate)` sets the weights of `model`."""
    scores = []
    for candidate in candidates:
        fit(candidate)
        scores.append(forecast_score(model, truth))
    ranked = sorted(range(len(scores)), key=lambda i: -scores[i])

    def bounded(i: int) -> bool:
        fit(candidates[i])
        return stays_bounded(model, truth)

    best = next((i for i in ranked if bounded(i)), None)
    if best is None:
        return candidates[ranked[0]]
    near = (i for i in range(best) if scores[i] >= TOLERANCE * scores[best])
    return candidates[next((i for i in near if bounded(i)), best)]


def solve_with_ridge(
    model: Model,
    weights: Tensor,
    ridge: float | None,
    solver: Callable[[Sequence[np.ndarray]], Ridge],
    segments: Sequence[np.ndarray],
) -> tuple[Ridge, float]:
    """Solve for `weights` of `model`, in place, and give the solver of all segments and the ridge: that given, or where
    it is None the one of `RIDGES` that does best in closed loop."""

    def fit(solved: Ridge, r: float) -> None:
        weights.copy_(torch.from_numpy(solved(r).T))

    if ridge is None:
        shorter, held_out = hold_out(segments, model.min_context)
        partial = solver(shorter)
        ridge = choose_in_closed_loop(model, RIDGES, lambda r: fit(partial, r), held_out)
    whole = solver(segments)
    fit(whole, ridge)
    return whole, ridge


def _starts(model: Model, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Context (starts, min_context, obs) and what followed (starts, horizon, obs), spread over `truth`."""
    context = model.min_context
    horizon = min((len(truth) - context) // 2, LONGEST)
    rows = np.unique(np.linspace(context, len(truth) - horizon, STARTS).astype(int))
    return np.stack([truth[r - context : r] for r in rows]), np.stack([truth[r : r + horizon] for r in rows])


def _initial(twin: Model, past: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return twin.initial(torch.from_numpy(past)).numpy()
