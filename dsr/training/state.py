"""Everything a training run needs to go on as if it had never stopped, as named tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..errors import SpecError
from ..fate import CHAOTIC, CYCLE, DIVERGED, FIXED_POINT, NOT_CHAOTIC, TRANSIENT_CHAOS
from .engine import BLOCK
from .ensemble import Ensemble
from .history import Check
from .optimiser import Optimiser
from .selection import Verdict

FATES = (
    CHAOTIC,
    NOT_CHAOTIC,
    CYCLE,
    FIXED_POINT,
    TRANSIENT_CHAOS,
    DIVERGED,
)  # their places are numbers in a checkpoint
WEIGHTS = ("weights", "mean", "square", "best")  # in the precision of the model
AS_LONG_AS_THE_RUN = ("losses", "pending", "checks")
RESOLUTION = 1.15  # scores of one model from different stretches of data differ by so much


class TrainingState:
    """Weights, optimiser moments, loss history, adapted forcing strengths, checks and the best weights of each member
    so far, after any step."""

    def __init__(self, ensemble: Ensemble, optimiser: Optimiser, alpha: Tensor) -> None:
        members = ensemble.members
        self.ensemble, self.optimiser = ensemble, optimiser
        self.step = 0
        self.alpha = alpha
        self.losses: list[Tensor] = []  # means over finished blocks, (members,) each
        self.pending = torch.zeros((0, members), dtype=ensemble.flat.dtype)  # single losses of the block under way
        self.checks: list[Check] = []
        self.best = ensemble.flat.clone()
        self.best_scores, self.best_steps = [math.inf] * members, [0] * members
        self.lowest = [math.inf] * members

    def advance(self, losses: Tensor, steps: int) -> None:
        """Take in the losses (done, members) of further steps."""
        self.step += len(losses)
        self.optimiser.count = self.step  # where the steps were those of a joined ensemble, its optimiser counted
        self.pending = torch.cat([self.pending, losses])
        while len(self.pending) >= BLOCK or (len(self.pending) and self.step == steps):
            self.losses.append(self.pending[:BLOCK].float().mean(0))
            self.pending = self.pending[BLOCK:]

    def consider(self, verdicts: Sequence[Verdict]) -> None:
        """Keep the weights of every member whose free run is as good as its best so far, within what the score can
        tell apart: the rate falls, so of equal ones the later is the better guess."""
        self.checks.append(
            Check(
                self.step,
                tuple(v.score for v in verdicts),
                tuple(v.lambda_max for v in verdicts),
                tuple(v.fate for v in verdicts),
            )
        )
        for k, verdict in enumerate(verdicts):
            self.lowest[k] = min(self.lowest[k], verdict.score)
            usable = math.isfinite(verdict.score) and verdict.score <= RESOLUTION * self.lowest[k]
            if usable or not self.best_steps[k]:
                self.best_scores[k], self.best_steps[k] = verdict.score, self.step
                self.best[k] = self.ensemble.flat[k]

    @property
    def survivor(self) -> int:
        """The member with the best free run."""
        return min(range(self.ensemble.members), key=self.best_scores.__getitem__)

    def tensors(self) -> dict[str, Tensor]:
        """A copy of the state as flat named tensors (for a safetensors file)."""
        members = self.ensemble.members
        checks = [
            [float(c.step), *c.scores, *c.exponents, *(float(FATES.index(f)) for f in c.fates)] for c in self.checks
        ]
        return {
            "weights": self.ensemble.flat.cpu().clone(),
            "mean": self.optimiser.mean.cpu().clone(),
            "square": self.optimiser.square.cpu().clone(),
            "count": torch.tensor(self.optimiser.count),
            "step": torch.tensor(self.step),
            "alpha": self.alpha.clone(),
            "losses": torch.stack(self.losses) if self.losses else torch.zeros((0, members)),
            "pending": self.pending.clone(),
            "checks": torch.tensor(checks, dtype=torch.float64).reshape(-1, 3 * members + 1),
            "best": self.best.cpu().clone(),
            "best_at": torch.tensor([self.best_scores, self.best_steps, self.lowest], dtype=torch.float64),
        }

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Take over what `tensors` returned for an ensemble of the same shape after at most `steps` steps. Raises
        `SpecError` for anything else, and is then as before."""
        self._require_own(tensors, steps)
        members = self.ensemble.members
        self.ensemble.flat.copy_(tensors["weights"])
        self.optimiser.mean.copy_(tensors["mean"])
        self.optimiser.square.copy_(tensors["square"])
        self.optimiser.count = int(tensors["count"])
        self.step = int(tensors["step"])
        self.alpha = tensors["alpha"].clone()
        self.losses = list(tensors["losses"].unbind(0))
        self.pending = tensors["pending"].clone()
        self.checks = []
        for row in tensors["checks"].tolist():
            scores, exponents, fates = (tuple(row[1 + i * members : 1 + (i + 1) * members]) for i in range(3))
            self.checks.append(Check(int(row[0]), scores, exponents, tuple(FATES[int(f)] for f in fates)))
        self.best.copy_(tensors["best"])
        self.best_scores, best_steps, self.lowest = tensors["best_at"].tolist()
        self.best_steps = [int(s) for s in best_steps]

    def _require_own(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        given = tensors if isinstance(tensors, Mapping) else {}
        problems = [words for name, own in self.tensors().items() if (words := _foreign(name, given.get(name), own))]
        if problems:
            raise SpecError(
                f"resume {problems[0]}",
                "what on_checkpoint received from the same call",
                "give the model, restarts and settings of the interrupted call, or leave resume out",
            )
        if int(given["step"]) > steps:
            raise SpecError(
                f"resume after {int(given['step'])} steps, with steps = {steps}",
                "at least as many steps as were done",
                "give the number of steps of the interrupted call",
            )


def _foreign(name: str, found: Tensor | None, own: Tensor) -> str:
    """In what way a tensor of a checkpoint is not of the shape and precision of a state's own; empty if it is."""
    if not isinstance(found, Tensor):
        return f"without {name}"
    skip = 1 if name in AS_LONG_AS_THE_RUN else 0
    if found.ndim != own.ndim or found.shape[skip:] != own.shape[skip:]:
        return f"with {name} of shape {tuple(found.shape)}, here it is {tuple(own.shape)}"
    if name in WEIGHTS and found.dtype != own.dtype:
        return f"with {name} in {found.dtype}, here it is in {own.dtype}"
    return ""
