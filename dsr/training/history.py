"""What a training run leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Check:
    """The free-run score of every member after `step` training steps (lower is better, inf when the run diverged)."""

    step: int
    scores: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class History:
    """The course of one training run.

    loss_steps, loss : (blocks,) and (blocks, members), mean loss over each block of steps.
    checks : free-run scores on validation data, in order of steps; empty without validation data.
    selected_step, selected_member : where the weights in the model come from.
    outcome : "finished", or "diverged at step s" when every member's loss left the finite numbers; with a remark when
        no check had a usable free run.
    seconds : wall time; the only field that differs between two runs of one seed.
    """

    steps: int
    loss_steps: np.ndarray
    loss: np.ndarray
    checks: tuple[Check, ...]
    selected_step: int
    selected_member: int
    outcome: str
    seconds: float
