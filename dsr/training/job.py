"""What every engine is given: the ensemble, its data, its optimiser, and how strongly each member is regularised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from ..models.observation import AffineObservation
from .config import TrainingConfig
from .ensemble import Ensemble
from .gradients.gradient import Loss
from .optimiser import Optimiser, learning_rates
from .regularisers import condition_penalty_gradient, quadratic_penalty
from .windows import Windows

PENALTIES = ("latent_regularisation", "observation_regularisation", "manifold_attractor")
VARIABLE = ("learning_rate", "final_learning_rate", *PENALTIES)


@dataclass(frozen=True, eq=False)
class Job:
    """`settings[name]` holds the members' values of the settings that may differ between them.

    weight, target : quadratic penalties as (members, n) and (n,), the gradient gains 2 weight (p - target); None
    without. condition : (members,) weights of the penalty on an affine observation matrix; None without. losses : what
    is added to the loss.
    """

    ensemble: Ensemble
    windows: Windows
    optimiser: Optimiser
    config: TrainingConfig
    settings: Mapping[str, tuple[float, ...]]
    weight: Tensor | None
    target: Tensor | None
    condition: np.ndarray | None
    losses: tuple[Loss, ...] = ()

    def rates(self, first: int, count: int, steps: int) -> np.ndarray:
        """Learning rates (count, members) of the training steps first, first + 1, ... of `steps`."""
        values = self.settings
        return learning_rates(
            self.config.schedule, first, count, steps, values["learning_rate"], values["final_learning_rate"]
        )

    @torch.no_grad()
    def penalise(self) -> None:
        """Add the gradients of the penalties to the ensemble's."""
        ensemble = self.ensemble
        if self.weight is not None and self.target is not None:
            ensemble.gradient.addcmul_(self.weight, ensemble.flat - self.target, value=2)
        if self.condition is not None:
            matrix = ensemble.parameters["observation.matrix"]
            weight = torch.as_tensor(self.condition, dtype=matrix.dtype, device=matrix.device)
            ensemble.gradients["observation.matrix"].add_(condition_penalty_gradient(matrix, weight))


def make_job(
    ensemble: Ensemble,
    windows: Windows,
    config: TrainingConfig,
    vary: Mapping[str, Sequence[float]],
    losses: Sequence[Loss] = (),
) -> Job:
    """Raises `SpecError` for a setting that cannot vary between members, lacks a value for each, or has one that is out
    of range."""
    settings = {name: (float(getattr(config, name)),) * ensemble.members for name in VARIABLE}
    for name, values in vary.items():
        several = _numbers(values)
        if name not in VARIABLE or several is None or len(several) != ensemble.members:
            raise SpecError(
                f"vary['{name}'] = {values!r}" if several is None else f"vary['{name}'] with {len(several)} values",
                f"{', '.join(VARIABLE)}, each with {ensemble.members} values, one per member",
                "name one of these settings and give every member its value",
            )
        settings[name] = several
        for value in several:
            single: dict[str, Any] = {name: value}
            replace(config, **single)  # refused where it would be as a setting of its own
    model = ensemble.model
    affine = isinstance(getattr(model, "observation", None), AffineObservation)
    latent, observation, attractor = (settings[name] for name in PENALTIES)
    condition = None
    if affine:  # its penalty is not quadratic
        condition = np.array(observation, dtype=np.float64) if any(v > 0 for v in observation) else None
        observation = (0.0,) * ensemble.members
    weight = target = None
    if any(v > 0 for v in (*latent, *observation, *attractor)):
        penalties = [
            quadratic_penalty(
                model,
                latent=latent[k],
                observation=observation[k],
                manifold_attractor=attractor[k],
                manifold_fraction=config.manifold_fraction,
            )
            for k in range(ensemble.members)
        ]
        weight = torch.stack([w for w, _ in penalties]).to(ensemble.flat)
        target = penalties[0][1].to(ensemble.flat)
    optimiser = Optimiser(ensemble.flat, config.optimiser)
    return Job(ensemble, windows, optimiser, config, settings, weight, target, condition, tuple(losses))


def _numbers(found: Any) -> tuple[float, ...] | None:
    """The values of a setting for all members; None for what is no list of numbers."""
    try:
        return None if isinstance(found, str) else tuple(float(v) for v in found)
    except (TypeError, ValueError):
        return None
