"""What a training run leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Check:
    """Judgement of every member's free run after `step` training steps: scores (lower is better, inf for a failed
    run), largest Lyapunov exponents per unit of time, and what became of the run, by name."""

    step: int
    scores: tuple[float, ...]
    exponents: tuple[float, ...]
    fates: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class History:
    """The course of one training run.

    loss_steps, loss : (blocks,) and (blocks, members), mean loss over each block of steps.
    checks : judgements of free runs against the data, in order of steps; empty without validation data.
    selected_step, selected_member : where the weights in the model come from.
    members : state dict of every member, each from its own best check; `model.load_state_dict(members[k])`.
    outcome : "finished", or "diverged at step s" when every member's loss left the finite numbers; with a remark when
        no check had a usable free run, and when some series were too short to be trained on.
    backend : what computed it; "closed form" for a family that is solved, whose one "step" is the solution.
    seconds : wall time; the only field that differs between two runs of one seed.
    """

    steps: int
    loss_steps: np.ndarray
    loss: np.ndarray
    checks: tuple[Check, ...]
    selected_step: int
    selected_member: int
    members: tuple[dict[str, Tensor], ...]
    outcome: str
    backend: str
    seconds: float
