"""One training run: blocks of steps on an engine, checks of the free run between them, and what is left at the end."""

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
from .engine import BLOCK, run_interruptibly
from .forcing import AdaptiveForcing, Forcing
from .history import History
from .jacobian_norms import jacobian_norms
from .job import Job
from .selection import FreeRunScore, Verdict
from .state import TrainingState

CALL_SECONDS = 0.25  # how long an engine works before progress is shown


class TrainingRun:
    """A job, its forcing schemes (one per member), an engine, and the state reached."""

    def __init__(self, job: Job, forcings: Sequence[Forcing], backend: str) -> None:
        self.job, self.forcings, self.backend = job, forcings, backend
        self.adaptive = [f for f in forcings if isinstance(f, AdaptiveForcing)]
        if self.adaptive and len(self.adaptive) < len(forcings):
            raise SpecError("adaptive and other forcings in one ensemble", "one kind", "train them in two calls")
        start = torch.tensor([f.alpha for f in self.adaptive] or [0.0] * len(forcings), dtype=torch.float64)
        self.state = TrainingState(job.ensemble, job.optimiser, start)
        self.engine = make_engine(job, backend)
        self.steps = job.config.steps

    def train(
        self,
        score: FreeRunScore | None,
        on_progress: Callable[[int, int, float], None] | None,
        on_checkpoint: Callable[[dict[str, Tensor]], None] | None,
        checkpoint_seconds: float,
    ) -> History:
        """Run to the end, to divergence of every member, or to an interruption."""
        started = time.perf_counter()
        try:
            outcome = self._loop(score, on_progress, on_checkpoint, checkpoint_seconds)
        except KeyboardInterrupt:
            if on_checkpoint is not None:
                on_checkpoint(self.state.tensors())
            self.job.ensemble.load(self._selected())
            raise
        return self._finish(outcome, time.perf_counter() - started)

    def _loop(
        self,
        score: FreeRunScore | None,
        on_progress: Callable[[int, int, float], None] | None,
        on_checkpoint: Callable[[dict[str, Tensor]], None] | None,
        checkpoint_seconds: float,
    ) -> str:
        state, checks, kept, blocks = self.state, self.job.config.checks, time.perf_counter(), 1
        due = sorted({_block_end(round(self.steps * (i + 1) / checks), self.steps) for i in range(checks)})
        while state.step < self.steps:
            before, finished, began = state.step, len(state.losses), time.perf_counter()
            limit = next(d for d in due if d > state.step) - state.step
            self.advance(min(blocks * BLOCK - state.step % BLOCK, limit))
            blocks = self._blocks_per_call(state.step - before, time.perf_counter() - began)
            new = state.losses[finished:]
            if new and not torch.isfinite(new[-1]).any():
                return f"diverged at step {before}"
            if on_progress is not None and new:
                on_progress(state.step, self.steps, float(new[-1][torch.isfinite(new[-1])].mean()))
            if score is not None and state.step in due:
                state.consider([self._judge(score, k) for k in range(self.job.ensemble.members)])
            if on_checkpoint is not None and time.perf_counter() - kept >= checkpoint_seconds:
                on_checkpoint(state.tensors())
                kept = time.perf_counter()
        return "finished"

    def advance(self, count: int) -> None:
        """`count` further steps; adaptive strengths are estimated anew at every block, so then at most one block.

        On `KeyboardInterrupt` the state is that after the last completed step.
        """
        state, first = self.state, self.state.step
        if self.adaptive and first % BLOCK == 0:
            self._adapt(first)
        strengths = self._strengths(first, count)
        losses, interruption = run_interruptibly(
            lambda stop: self.engine.run(first, count, self.steps, strengths, stop)
        )
        state.advance(losses, self.steps)
        if interruption is not None:
            raise interruption

    def steps_within(self, seconds: float) -> int:
        """Number of steps that fit a budget, from the speed of a copy that is thrown away."""
        if not seconds > 0:
            raise SpecError(f"seconds = {seconds}", "a positive number", "give the budget in seconds, or steps")
        trial = TrainingRun(copy.deepcopy(self.job), self.forcings, self.backend)
        trial.advance(BLOCK)
        started, blocks = time.perf_counter(), 0
        while blocks == 0 or time.perf_counter() - started < min(1.0, seconds / 10):
            trial.advance(BLOCK)
            blocks += 1
        speed = blocks * BLOCK / (time.perf_counter() - started)
        return max(int(speed * seconds / BLOCK), 1) * BLOCK

    def _blocks_per_call(self, done: int, seconds: float) -> int:
        if self.adaptive:
            return 1
        return max(1, int(done / BLOCK * CALL_SECONDS / max(seconds, 1e-6)))

    def _strengths(self, first: int, count: int) -> Tensor:
        """(blocks, T, members) for the blocks that the steps touch."""
        length, rows = self.job.config.window, []
        for block in range(first // BLOCK, (first + count - 1) // BLOCK + 1):
            progress = block * BLOCK / self.steps
            rows.append(np.stack([f.strengths(length, progress) for f in self.forcings], axis=1))
        strengths = torch.from_numpy(np.stack(rows))
        return self.state.alpha.expand_as(strengths) if self.adaptive else strengths

    def _adapt(self, first: int) -> None:
        """New strengths from the Jacobians at the data of the coming step."""
        job, state = self.job, self.state
        picks, places = job.windows.draws(first, 1, job.ensemble.members, job.config.batch_size)
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

    def _finish(self, outcome: str, seconds: float) -> History:
        state, members = self.state, self.job.ensemble.members
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


def _block_end(step: int, steps: int) -> int:
    return min(-(-step // BLOCK) * BLOCK, steps)
