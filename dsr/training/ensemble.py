"""An ensemble of models of one shape as one flat tensor: member k's parameters are row k."""

from __future__ import annotations

import copy
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
        flat = torch.stack(rows).to(device)
        self._shapes = shapes
        self._place(flat, torch.zeros_like(flat))
        # (n,) factors on the learning rate; None where all are 1
        self.rate_factors = (
            torch.cat([self.flat.new_full((p.numel(),), factors.get(n, 1.0)) for n, p in self.model.named_parameters()])
            if factors
            else None
        )

    def _place(self, flat: Tensor, gradient: Tensor) -> None:
        self.flat, self.gradient = flat, gradient
        self.parameters, self.gradients = _views(flat, self._shapes), _views(gradient, self._shapes)

    @staticmethod
    def joined(parts: Sequence[Ensemble]) -> Ensemble:
        """All members of ensembles of one shape in one. The parts become views into it, so that each goes on as part
        of the whole; what has kept views of a part before (an engine) must be made anew."""
        whole = copy.copy(parts[0])
        flat = torch.cat([part.flat for part in parts])
        whole._place(flat, torch.zeros_like(flat))
        counts = [part.members for part in parts]
        for part, *views in zip(parts, whole.flat.split(counts), whole.gradient.split(counts), strict=True):
            part._place(*views)
        return whole

    @property
    def members(self) -> int:
        return self.flat.shape[0]

    @property
    def offsets(self) -> dict[str, int]:
        """Where each parameter starts in a row."""
        start = self.flat.storage_offset()
        return {name: int(view.storage_offset() - start) for name, view in self.parameters.items()}

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
