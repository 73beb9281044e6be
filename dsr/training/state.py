"""Everything a training run needs to go on as if it had never stopped, as named tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .ensemble import Ensemble
from .history import Check
from .optimiser import RAdam


class TrainingState:
    """Weights, optimiser moments, loss history, checks and the best member so far, at a block boundary."""

    def __init__(self, ensemble: Ensemble, optimiser: RAdam) -> None:
        self.ensemble, self.optimiser = ensemble, optimiser
        self.step = 0
        self.losses: list[Tensor] = []
        self.checks: list[Check] = []
        self.best = ensemble.flat[0].clone()
        self.best_score, self.best_step, self.best_member = math.inf, 0, 0

    def consider(self, scores: list[float]) -> None:
        """Keep the member with the lowest score if it beats everything before; ties keep the earlier one."""
        self.checks.append(Check(self.step, tuple(scores)))
        member = min(range(len(scores)), key=scores.__getitem__)
        if scores[member] < self.best_score:
            self.best_score, self.best_step, self.best_member = scores[member], self.step, member
            self.best = self.ensemble.flat[member].clone()

    def tensors(self) -> dict[str, Tensor]:
        """A copy of the state as flat named tensors (for a safetensors file)."""
        members = self.ensemble.members
        checks = [[float(c.step), *c.scores] for c in self.checks]
        return {
            "weights": self.ensemble.flat.clone(),
            "mean": self.optimiser.mean.clone(),
            "square": self.optimiser.square.clone(),
            "count": torch.tensor(self.optimiser.count),
            "step": torch.tensor(self.step),
            "losses": torch.stack(self.losses) if self.losses else torch.zeros((0, members)),
            "checks": torch.tensor(checks, dtype=torch.float64).reshape(-1, members + 1),
            "best": self.best.clone(),
            "best_at": torch.tensor([self.best_score, self.best_step, self.best_member], dtype=torch.float64),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` returned for an ensemble of the same shape."""
        self.ensemble.flat.copy_(tensors["weights"])
        self.optimiser.mean.copy_(tensors["mean"])
        self.optimiser.square.copy_(tensors["square"])
        self.optimiser.count = int(tensors["count"])
        self.step = int(tensors["step"])
        self.losses = list(tensors["losses"].unbind(0))
        self.checks = [Check(int(row[0]), tuple(row[1:].tolist())) for row in tensors["checks"]]
        self.best = tensors["best"].clone()
        score, step, member = tensors["best_at"].tolist()
        self.best_score, self.best_step, self.best_member = score, int(step), int(member)
