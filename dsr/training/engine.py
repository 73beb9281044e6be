"""Engines run many training steps of a `Job` in one call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .gradients.gradient import Backend
from .job import Job
from .optimiser import clip_norm_

BLOCK = 100  # training steps that share one vector of forcing strengths, and one entry of the loss history


class Stop:
    """A request to stop that compiled code can read while it runs: `flag` is one 64-bit integer."""

    def __init__(self) -> None:
        self.flag = np.zeros(1, dtype=np.int64)

    def set(self) -> None:
        self.flag[0] = 1

    def is_set(self) -> bool:
        return bool(self.flag[0])


class Engine(Protocol):
    """Runs training steps first, first + 1, ... of `steps`, and ends early when `stop` is set.

    strengths (blocks, T, members): row 0 is that of the block which `first` lies in. Returns the losses (done,
    members) of the steps that were completed; the ensemble and the optimiser are then in the state after the last one.
    """

    def run(self, first: int, count: int, steps: int, strengths: Tensor, stop: Stop) -> Tensor: ...


class StepwiseEngine:
    """The loop over steps in Python, around any gradient backend on any device."""

    def __init__(self, job: Job, gradient: Backend) -> None:
        self.job, self.gradient = job, gradient

    def run(self, first: int, count: int, steps: int, strengths: Tensor, stop: Stop) -> Tensor:
        job, device = self.job, self.job.ensemble.flat.device
        ensemble, optimiser, windows = job.ensemble, job.optimiser, job.windows
        drawn = windows.draws(first, count, ensemble.members, job.config.batch_size)
        picks, places = (torch.from_numpy(x).to(device) for x in drawn)
        rates = torch.from_numpy(job.rates(first, count, steps)).to(ensemble.flat)[:, :, None]
        scale, eps = optimiser.scalars(count)
        strengths, losses = strengths.to(ensemble.flat), []
        for i in range(count):
            if stop.is_set():
                break
            alpha = strengths[(first + i) // BLOCK - first // BLOCK]
            losses.append(self.gradient(ensemble, windows.gather(picks[i], places[i]), alpha))
            job.penalise()
            clip_norm_(ensemble.gradient, job.config.clip_norm)
            rate = rates[i] if ensemble.rate_factors is None else rates[i] * ensemble.rate_factors
            optimiser.step(ensemble.gradient, rate, float(scale[i]), float(eps[i]))
        return torch.stack(losses).cpu() if losses else torch.zeros((0, ensemble.members))


def run_interruptibly(run: Callable[[Stop], Tensor]) -> tuple[Tensor, KeyboardInterrupt | None]:
    """Call `run` in a thread of its own, so that Ctrl-C reaches this one even while compiled code is running.

    On an interruption `run` is asked to stop after the step under way, and the interruption is returned beside what
    it completed: the caller brings its books up to date before raising it.
    """
    stop, finished = Stop(), threading.Event()
    result: list[Tensor] = []
    problem: list[BaseException] = []

    def work() -> None:
        try:
            result.append(run(stop))
        except BaseException as caught:  # it belongs to the caller's thread
            problem.append(caught)
        finally:
            finished.set()

    threading.Thread(target=work, daemon=True).start()
    interruption = None
    while not finished.is_set():
        try:
            finished.wait()
        except KeyboardInterrupt as caught:
            interruption = caught
            stop.set()
    if problem:
        raise problem[0]
    return result[0], interruption
