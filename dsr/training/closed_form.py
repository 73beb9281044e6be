"""Fits of families that are solved instead of trained by gradients."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import DataError, SpecError
from ..models import Model
from ..series import TimeSeries
from .history import Check, History
from .scale import Scale
from .selection import FreeRunScore
from .windows import left_out

STARTS = 200  # rows from which the one-step error is taken


def solve_members(
    members: Sequence[Model],
    series: Sequence[TimeSeries],
    scale: Scale,
    score: FreeRunScore | None,
    *,
    seed: int,
    on_progress: Callable[[int, int, float], None] | None = None,
) -> History:
    """Solve every member on all series; the one with the best free run, the first without validation data, ends in
    `members[0]`.

    The loss in the history is the mean squared error of one step, in standardised units, from rows spread over the
    training data. A single member is not judged. Raises `DataError` when no series is longer than a member's
    `min_context`; whatever is raised, the members are then as they were.
    """
    began = time.perf_counter()
    segments = [(s.values - scale.mean) / scale.std for s in series]
    need = members[0].min_context + 1
    if max(len(s) for s in segments) < need + 1:
        raise DataError(
            f"a training series of {max(len(s) for s in segments)} rows",
            f"more rows than the {need} that a {type(members[0]).__name__} needs as context",
            "bring a longer series, or set a shorter context in the [model] section",
        )
    losses, verdicts = [], []
    before = [copy.deepcopy(model.state_dict()) for model in members]
    scale.write(members)
    try:
        for k, model in enumerate(members):
            model.solve(segments, np.random.default_rng([seed, k]))
            if k == 0:
                model.require_contract(max(series, key=len).values)
            losses.append(_one_step_error(model, series, scale.std))
            if score is not None and len(members) > 1:
                verdicts.append(score(model))
            if on_progress is not None:
                on_progress(k + 1, len(members), losses[-1])
    except BaseException:
        for model, state in zip(members, before, strict=True):
            model.load_state_dict(state)
        raise
    states = tuple({name: t.clone() for name, t in m.state_dict().items()} for m in members)
    best = min(range(len(verdicts)), key=lambda k: verdicts[k].score) if verdicts else 0
    members[0].load_state_dict(states[best])
    checks = (
        Check(
            1,
            tuple(v.score for v in verdicts),
            tuple(v.lambda_max for v in verdicts),
            tuple(v.fate for v in verdicts),
        ),
    )
    outcome = "finished"
    if verdicts and not np.isfinite(verdicts[best].score):
        names = ", ".join(sorted({v.fate for v in verdicts}))
        outcome += f"; no member had a usable free run ({names}), so the first was kept"
    context = members[0].min_context
    outcome += left_out(series, context, f"the context of {context} rows")
    return History(
        steps=1,
        loss_steps=np.array([1], dtype=np.int64),
        loss=np.array([losses]),
        checks=checks if verdicts else (),
        selected_step=1,
        selected_member=best,
        members=states,
        outcome=outcome,
        backend="closed form",
        seconds=time.perf_counter() - began,
    )


def require_no_more_than_rows(model: Model, series: Sequence[TimeSeries]) -> None:
    """Raise for what a solution would not see: `DataError` for time stamps, `SpecError` for external inputs."""
    what = f"a {type(model).__name__}, which is solved in closed form"
    for s in series:
        s.require_regular(what)
    if model.input_dim or any(s.inputs is not None for s in series):
        raise SpecError(
            f"external inputs for {what}",
            "a model and series without inputs",
            "choose a family that is trained by gradients, or add the inputs to the observed columns",
        )


def _one_step_error(model: Model, series: Sequence[TimeSeries], std: np.ndarray) -> float:
    values, context = max(series, key=len).values, model.min_context
    rows = np.linspace(context, len(values) - 1, min(STARTS, len(values) - context)).astype(int)
    predicted = model.predict_next(np.stack([values[row - context : row] for row in rows]))
    return float((((predicted - values[rows]) / std) ** 2).mean())
