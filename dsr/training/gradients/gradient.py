"""Loss and gradients of forced windows for a whole ensemble: the one function behind which backends are exchanged,
and its plain form.

`backend(ensemble, windows, strengths) -> loss (members,)` fills `ensemble.gradients`. `windows` is
(T + 1, members, batch, obs) in standardised units, `strengths` the forcing strengths (T, members). The loss is the mean
squared error of the unforced predictions over time, batch and observed columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...models import Model
from ..ensemble import Ensemble

Backend = Callable[[Ensemble, Tensor, Tensor], Tensor]
Loss = Callable[[Model, Tensor, Tensor], Tensor]
"""An extra loss: (model, windows (batch, T + 1, obs), predictions (batch, T, obs)) -> scalar, standardised units."""


class AutogradGradient:
    """The plain loop, differentiated by torch, one member after the other: serves every model, and is the reference
    for every other backend.

    Windows may carry further columns behind the observations: the external inputs, then the time since the row before
    (for irregular time stamps). warm_up : predictions at the start of a window that the loss leaves out. losses : added
    to it, as is a model's own `auxiliary_loss`.
    """

    def __init__(self, warm_up: int = 0, losses: Sequence[Loss] = ()) -> None:
        self.warm_up, self.losses = warm_up, tuple(losses)

    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        losses = []
        for k in range(ensemble.members):
            parameters = {f"model.{n}": p[k].detach().requires_grad_() for n, p in ensemble.parameters.items()}
            loss = torch.func.functional_call(
                _ForcedLoss(ensemble.model, self.warm_up, self.losses),
                parameters,
                (windows[:, k], strengths[:, k]),
            )
            gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
            for view, g in zip(ensemble.gradients.values(), gradients, strict=True):
                view[k] = 0.0 if g is None else g
            losses.append(loss.detach())
        return torch.stack(losses)


autograd_backend: Backend = AutogradGradient()


class _ForcedLoss(torch.nn.Module):
    def __init__(self, model: Model, warm_up: int, losses: Sequence[Loss]) -> None:
        super().__init__()
        self.model, self.warm_up, self.losses = model, warm_up, losses

    def forward(self, window: Tensor, strengths: Tensor) -> Tensor:
        model, rows = self.model, window.transpose(0, 1)
        first, last = model.obs_dim, model.obs_dim + model.input_dim
        y = rows[..., :first]
        inputs = rows[..., first:last] if model.input_dim else None
        gaps = rows[..., last:] if rows.shape[-1] > last else None
        if inputs is None and gaps is None and (strengths[:-1] == 1).all():  # the last one has no step after it
            predictions = model.driven(y)
        else:
            predictions = model.forced(y, strengths, inputs, gaps)
        loss = (predictions - y[:, 1:])[:, self.warm_up :].square().mean()
        extra = model.auxiliary_loss(y)
        if extra is not None:
            loss = loss + extra
        for term in self.losses:
            loss = loss + term(model, y, predictions)
        return loss
