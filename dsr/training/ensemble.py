"""An ensemble of models of one shape as one flat tensor: member k's parameters are row k."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models import Model


class Ensemble:
    """Parameters and gradients of `members` models as views into two flat (members, n) tensors on one device."""

    def __init__(self, models: Sequence[Model], device: str = "cpu") -> None:
        self.model = models[0]
        factors = self.model.rate_factors()
        shapes = {name: p.shape for name, p in self.model.named_parameters()}
        rows = [torch.cat([p.detach().reshape(-1) for p in m.parameters()]) for m in models]
        self.flat = torch.stack(rows).to(device)
        self.gradient = torch.zeros_like(self.flat)
        self.parameters = _views(self.flat, shapes)
        self.gradients = _views(self.gradient, shapes)
        # (n,) factors on the learning rate; None where all are 1
        self.rate_factors = (
            torch.cat([self.flat.new_full((p.numel(),), factors.get(n, 1.0)) for n, p in self.model.named_parameters()])
            if factors
            else None
        )

    @property
    def members(self) -> int:
        return self.flat.shape[0]

    @property
    def offsets(self) -> dict[str, int]:
        """Where each parameter starts in a row."""
        return {name: int(view.storage_offset()) for name, view in self.parameters.items()}

    def load(self, row: Tensor) -> Model:
        """The first model, with the weights of one flat parameter row copied into it."""
        torch.nn.utils.vector_to_parameters(row.cpu().clone(), self.model.parameters())
        return self.model


def _views(flat: Tensor, shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    views, start = {}, 0
    for name, shape in shapes.items():
        views[name] = flat[:, start : start + shape.numel()].view(flat.shape[0], *shape)
        start += shape.numel()
    return views
