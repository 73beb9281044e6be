"""Training runs in step: those of one shape are one ensemble, so that a GPU computes all of them at the cost of one.

Which windows, strengths, rates and checks a run sees follows from its own seed and state alone, so its course does not
depend on its company, up to rounding: products and norms of a larger batch may be summed in another order. Found on the
CPU (torch backend): the same bytes in float64 for runs of two members or more with identity observation; rounding, 1e-7
of a loss, in float32 and for affine observation. Rounding grows along the course, as a small change of any weight does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..errors import SpecError
from .arguments import configuration
from .backends import make_engine
from .engine import BLOCK, Engine
from .ensemble import Ensemble
from .history import History
from .job import VARIABLE, make_job
from .run import TrainingRun, advance
from .windows import JoinedWindows

CALL_SECONDS = 0.25  # how long an engine works before progress is shown
JOINING = ("torch", "triton")  # backends that compute the members of an ensemble at once


def train_together(runs: Sequence[TrainingRun]) -> list[History | Exception]:
    """Run all to their ends: its history for each, or what ended it (as `fit` would raise it).

    Runs that were resumed at an earlier step are brought up to the others first. What goes wrong in one run, divergence
    included, ends that run alone; what the engine raises ends all. On `KeyboardInterrupt` every run hands out a
    checkpoint before it is raised again. Raises `SpecError` for several runs that differ in more than data, weights,
    forcing and the settings that may vary between members.
    """
    _require_one_shape(runs)
    started = time.perf_counter()
    try:
        for run in runs:
            run.follow()
        while going := [run for run in runs if run.is_open]:
            behind = min(run.state.step for run in going)
            ahead = [run.state.step for run in going if run.state.step > behind]
            _in_step([run for run in going if run.state.step == behind], min(ahead, default=going[0].steps))
    except KeyboardInterrupt:
        for run in runs:
            if run.problem is None:
                run.interrupt()
        raise
    seconds = time.perf_counter() - started
    return [_end(run, seconds) for run in runs]


def _in_step(runs: Sequence[TrainingRun], until: int) -> None:
    """Move runs from one step to another, as long as none of them ends early."""
    engine, due, blocks = _engine(runs), [*runs[0].due, until], 1
    while all(run.is_open for run in runs) and (step := runs[0].state.step) < until:
        began, limit = time.perf_counter(), min(d for d in due if d > step)
        advance(runs, engine, min(blocks * BLOCK - step % BLOCK, limit - step))
        speed = (runs[0].state.step - step) / BLOCK / max(time.perf_counter() - began, 1e-6)
        blocks = 1 if runs[0].adaptive else max(1, int(speed * CALL_SECONDS))
        for run in runs:
            run.follow()


def _engine(runs: Sequence[TrainingRun]) -> Engine:
    """One engine for all members; the states of the runs become views into what it works on."""
    if len(runs) == 1:
        return runs[0].engine
    first, jobs = runs[0], [run.job for run in runs]
    windows = JoinedWindows([job.windows for job in jobs], [run.members for run in runs])
    values = {name: [v for job in jobs for v in job.settings[name]] for name in VARIABLE}
    job = make_job(Ensemble.joined([job.ensemble for job in jobs]), windows, first.job.config, values, first.job.losses)
    job.optimiser.adopt([job.optimiser for job in jobs])
    for run in runs:
        run.engine = make_engine(run.job, run.backend)  # the old one may have kept views of where the weights were
    return make_engine(job, first.backend)


def _end(run: TrainingRun, seconds: float) -> History | Exception:
    try:
        return run.finish(seconds)
    except Exception as problem:
        return problem


def _require_one_shape(runs: Sequence[TrainingRun]) -> None:
    kinds = {_shape(run) for run in runs}
    if len(kinds) > 1 or (len(runs) > 1 and runs[0].backend not in JOINING):
        raise SpecError(
            f"{len(runs)} runs of {len(kinds)} shapes, with the backend '{runs[0].backend}', to be trained together",
            f"runs of one shape with the backend {' or '.join(JOINING)}",
            "train them one by one",
        )


def _shape(run: TrainingRun) -> tuple[object, ...]:
    """What runs must have in common."""
    job = run.job
    model, columns = tuple(configuration(job.ensemble.model).items()), job.windows.rows.shape[1]
    return run.backend, run.steps, job.config, bool(run.adaptive), job.losses, model, columns
