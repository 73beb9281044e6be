"""One training run: where it stands, what is checked and told between the blocks of steps, and what is left at the
end. `fleet.py` moves it forward, alone or in one ensemble with others."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, SpecError
from ..fate import DIVERGED
from .backends import make_engine
from .engine import BLOCK, Engine, run_interruptibly
from .forcing import AdaptiveForcing, Forcing
from .history import History
from .jacobian_norms import jacobian_norms
from .job import Job
from .selection import FreeRunScore, Verdict
from .state import TrainingState


class TrainingRun:
    """A job, its forcing schemes (one per member), an engine, and the state reached.

    score : judges the free runs at the checks. on_progress, on_checkpoint, checkpoint_seconds : see `fit`. outcome :
    how training ended, empty until then. problem : what a check or a callback raised, which ends this run alone.
    """

    def __init__(
        self,
        job: Job,
        forcings: Sequence[Forcing],
        backend: str,
        score: FreeRunScore | None = None,
        on_progress: Callable[[int, int, float], None] | None = None,
        on_checkpoint: Callable[[dict[str, Tensor]], None] | None = None,
        checkpoint_seconds: float = 10.0,
    ) -> None:
        self.job, self.forcings, self.backend, self.score = job, forcings, backend, score
        self.on_progress, self.on_checkpoint, self.checkpoint_seconds = on_progress, on_checkpoint, checkpoint_seconds
        self.adaptive = [f for f in forcings if isinstance(f, AdaptiveForcing)]
        if self.adaptive and len(self.adaptive) < len(forcings):
            raise SpecError("adaptive and other forcings in one ensemble", "one kind", "train them in two calls")
        start = torch.tensor([f.alpha for f in self.adaptive] or [0.0] * len(forcings), dtype=torch.float64)
        self.state = TrainingState(job.ensemble, job.optimiser, start)
        self.engine = make_engine(job, backend)
        self.steps = job.config.steps
        self.outcome = ""
        self.problem: Exception | None = None
        self._kept, self._judged = time.perf_counter(), 0

    @property
    def members(self) -> int:
        return self.job.ensemble.members

    @property
    def is_open(self) -> bool:
        """Whether there are steps left to do."""
        return self.problem is None and not self.outcome

    @property
    def due(self) -> list[int]:
        """Steps after which the free runs are checked."""
        checks = self.job.config.checks
        return sorted({_block_end(round(self.steps * (i + 1) / checks), self.steps) for i in range(checks)})

    def advance(self, count: int) -> None:
        """`count` further steps of this run alone, see `advance`."""
        advance([self], self.engine, count)

    def follow(self) -> None:
        """What is due after some steps, and before the first: divergence is noticed, progress told, the free runs
        checked, a checkpoint handed out. What goes wrong here is `problem`."""
        try:
            self._follow()
        except Exception as problem:
            self.problem = problem

    def _follow(self) -> None:
        state = self.state
        fresh, self._judged = state.losses[self._judged :], len(state.losses)
        lost = next((i for i, losses in enumerate(fresh) if not torch.isfinite(losses).any()), None)
        if lost is not None:
            first = self._judged - len(fresh) + lost
            del state.losses[first + 1 :]  # how many more there are depends on the speed of the machine
            self.outcome = f"diverged at step {first * BLOCK}"
            return
        if self.on_progress is not None and fresh:
            self.on_progress(state.step, self.steps, float(fresh[-1][torch.isfinite(fresh[-1])].mean()))
        # an interrupted run may have reached the step of a check without it
        if self.score is not None and state.step in self.due and state.step not in {c.step for c in state.checks}:
            state.consider([self._judge(self.score, k) for k in range(self.members)])
        if state.step >= self.steps:
            self.outcome = "finished"
        now = time.perf_counter()
        if self.on_checkpoint is not None and fresh and now - self._kept >= self.checkpoint_seconds:
            self.on_checkpoint(state.tensors())
            self._kept = now

    def interrupt(self) -> None:
        """Hand out a checkpoint, and leave the best weights so far in the model."""
        if self.on_checkpoint is not None:
            self.on_checkpoint(self.state.tensors())
        self.job.ensemble.load(self._selected())

    def steps_within(self, seconds: float) -> int:
        """Number of steps that fit a budget, from the speed of a copy that is thrown away."""
        trial = TrainingRun(copy.deepcopy(self.job), self.forcings, self.backend)
        trial.advance(BLOCK)
        started, blocks = time.perf_counter(), 0
        while blocks == 0 or time.perf_counter() - started < min(1.0, seconds / 10):
            trial.advance(BLOCK)
            blocks += 1
        speed = blocks * BLOCK / (time.perf_counter() - started)
        return max(int(speed * seconds / BLOCK), 1) * BLOCK

    def strengths(self, first: int, count: int) -> Tensor:
        """(blocks, T, members) for the blocks that the steps touch."""
        length, rows = self.job.config.window, []
        for block in range(first // BLOCK, (first + count - 1) // BLOCK + 1):
            progress = block * BLOCK / self.steps
            rows.append(np.stack([f.strengths(length, progress) for f in self.forcings], axis=1))
        strengths = torch.from_numpy(np.stack(rows))
        return self.state.alpha.expand_as(strengths) if self.adaptive else strengths

    def adapt(self) -> None:
        """New adaptive strengths at the start of a block, from the Jacobians at the data of the coming step."""
        job, state = self.job, self.state
        if not self.adaptive or state.step % BLOCK:
            return
        picks, places = job.windows.draws(state.step, 1, job.ensemble.members, job.config.batch_size)
        device = job.ensemble.flat.device
        windows = job.windows.gather(torch.from_numpy(picks[0]).to(device), torch.from_numpy(places[0]).to(device))
        estimators = {f.estimator for f in self.adaptive}
        estimates = {e: jacobian_norms(job.ensemble, windows, e).double().cpu() for e in estimators}
        for k, forcing in enumerate(self.adaptive):
            state.alpha[k] = forcing.adapt(state.alpha[k], estimates[forcing.estimator][k], steps=BLOCK)

    def _judge(self, score: FreeRunScore, k: int) -> Verdict:
        row = self.job.ensemble.flat[k]
        if not torch.isfinite(row).all():
            return Verdict(math.inf, math.nan, math.nan, DIVERGED)
        return score(self.job.ensemble.load(row))

    def _selected(self) -> Tensor:
        """The weights that end in the model."""
        return self.state.best[self.state.survivor] if self._found() else self.job.ensemble.flat[0]

    def _members(self) -> tuple[dict[str, Tensor], ...]:
        """State dicts of all members, leaving the survivor in the model."""
        ensemble, found = self.job.ensemble, []
        for row in self.state.best if self.state.checks else ensemble.flat:
            found.append({name: t.clone() for name, t in ensemble.load(row).state_dict().items()})
        ensemble.load(self._selected())
        return tuple(found)

    def _found(self) -> bool:
        return math.isfinite(self.state.best_scores[self.state.survivor])

    def finish(self, seconds: float) -> History:
        """The history of a run that has ended. Raises its `problem`, and `DataError` if there are no usable weights."""
        if self.problem is not None:
            raise self.problem
        state, members, outcome = self.state, self.members, self.outcome
        row = self._selected()
        if not torch.isfinite(row).all():
            raise DataError(
                f"training {outcome} before any usable weights were found",
                "a loss that stays finite",
                "lower training.learning_rate, or raise the forcing strength",
            )
        self.job.ensemble.load(row)
        if state.checks and not self._found():
            fates = ", ".join(sorted(set(state.checks[-1].fates)))
            outcome += f"; no check had a usable free run ({fates} at the last), so the last weights were kept"
        outcome += self.job.windows.remark
        ends = [min((i + 1) * BLOCK, self.steps) for i in range(len(state.losses))]
        return History(
            steps=self.steps,
            loss_steps=np.array(ends, dtype=np.int64),
            loss=torch.stack(state.losses).numpy() if state.losses else np.zeros((0, members)),
            checks=tuple(state.checks),
            selected_step=state.best_steps[state.survivor] if self._found() else state.step,
            selected_member=state.survivor if self._found() else 0,
            members=self._members(),
            outcome=outcome,
            backend=self.backend,
            seconds=seconds,
        )


def advance(runs: Sequence[TrainingRun], engine: Engine, count: int) -> None:
    """`count` further steps of runs that stand at the same step, on the engine of all their members; adaptive strengths
    are estimated anew at every block, so then at most one block.

    On `KeyboardInterrupt` the states are those after the last completed step.
    """
    first, steps = runs[0].state.step, runs[0].steps
    before = [run.state.alpha.clone() for run in runs]
    try:
        for run in runs:
            run.adapt()
        strengths = torch.cat([run.strengths(first, count) for run in runs], dim=2)
        losses, interruption = run_interruptibly(lambda stop: engine.run(first, count, steps, strengths, stop))
        if interruption is not None and not len(losses):
            raise interruption
    except BaseException:
        for run, alpha in zip(runs, before, strict=True):
            run.state.alpha = alpha  # the same step comes again, and adapts it again
        raise
    for run, own in zip(runs, losses.split([run.members for run in runs], dim=1), strict=True):
        run.state.advance(own, steps)
    if interruption is not None:
        raise interruption


def _block_end(step: int, steps: int) -> int:
    return min(-(-step // BLOCK) * BLOCK, steps)
