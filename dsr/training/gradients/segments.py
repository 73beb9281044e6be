"""The exact cut of a window at full forcings: where every state is replaced by data, what follows is a window of its
own, and all of them can be worked on at once."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ...models import PLRNN
from ..ensemble import Ensemble
from .bptt import BackpropagationThroughTime


class SegmentedGradient:
    """Backpropagation through time over segments of tau steps, when all states are forced with strength 1 every tau
    steps and not between; over whole windows otherwise. The same loss and gradients, a loop shorter by T / tau.

    Strengths on a GPU are not looked at, and windows there stay whole.
    """

    def __init__(self) -> None:
        self._whole, self._segments, self._rest = (BackpropagationThroughTime() for _ in range(3))

    @torch.no_grad()
    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        model, length = cast(PLRNN, ensemble.model), len(strengths)
        tau = 0 if windows.is_cuda or model.observation.forced < model.state_dim else _interval(strengths)
        if not 0 < tau < length:
            return self._whole(ensemble, windows, strengths)
        cut = length // tau * tau
        segments = windows[: cut + 1].unfold(0, tau + 1, tau).permute(4, 1, 0, 2, 3).flatten(2, 3).contiguous()
        loss = self._segments(ensemble, segments, torch.zeros_like(strengths[:tau]))
        if cut == length:
            return loss
        share, gradient = cut / length, ensemble.gradient.clone()
        rest = self._rest(ensemble, windows[cut:], torch.zeros_like(strengths[cut:]))
        ensemble.gradient.lerp_(gradient, share)
        return torch.lerp(rest, loss, share)


def _interval(strengths: Tensor) -> int:
    """tau, if every member is forced with strength 1 every tau steps and not at all between; else 0."""
    first = strengths[:, 0]
    times = torch.nonzero(first).ravel()
    if not len(times) or not (strengths == first[:, None]).all():
        return 0
    tau = int(times[0]) + 1
    expected = torch.zeros_like(first)
    expected[tau - 1 :: tau] = 1.0
    return tau if torch.equal(first, expected) else 0
