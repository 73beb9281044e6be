"""Loss and gradients of forced windows for a whole ensemble: the one function behind which backends are exchanged,
and its plain form.

`backend(ensemble, windows, strengths) -> loss (members,)` fills `ensemble.gradients`. `windows` is
(T + 1, members, batch, obs) in standardised units, `strengths` the forcing strengths (T, members). The loss is the mean
squared error of the unforced predictions over time, batch and observed columns.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..models import Model
from .ensemble import Ensemble

Backend = Callable[[Ensemble, Tensor, Tensor], Tensor]


def autograd_backend(ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
    """The plain loop, differentiated by torch, one member after the other: the reference for every other backend."""
    losses = []
    for k in range(ensemble.members):
        parameters = {n: p[k].detach().requires_grad_() for n, p in ensemble.parameters.items()}
        loss = torch.func.functional_call(
            _ForcedLoss(ensemble.model), _prefixed(parameters), (windows[:, k], strengths[:, k].tolist())
        )
        for name, g in zip(
            parameters, torch.autograd.grad(loss, list(parameters.values()), allow_unused=True), strict=True
        ):
            ensemble.gradients[name][k] = 0.0 if g is None else g
        losses.append(loss.detach())
    return torch.stack(losses)


def _prefixed(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"model.{name}": p for name, p in parameters.items()}


class _ForcedLoss(torch.nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, window: Tensor, strengths: list[float]) -> Tensor:
        model, errors = self.model, []
        z = model.initial(window[0][:, None])
        for x, alpha in zip(window[1:], strengths, strict=True):
            z = model.step(z)
            errors.append(model.decode(z) - x)
            if alpha > 0:
                z = model.pull(z, x, alpha)
        return torch.stack(errors).square().mean()
