"""Hand-written backpropagation through time with forcing folded in: the loop over time moves only states and their
gradients; weight gradients are one matrix product over time and batch at the end; buffers are reused."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ...models import PLRNN
from ..ensemble import Ensemble
from .adjoint import ADJOINTS, OBSERVATION_ADJOINTS


class BackpropagationThroughTime:
    """Gradient backend of the PLRNN family; keeps its buffers between calls of one shape."""

    def __init__(self) -> None:
        self._ensemble: Ensemble | None = None
        self._shape: torch.Size | None = None

    @torch.no_grad()
    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        self._allocate(ensemble, windows)
        transition, observation = self._transition, self._observation
        signals = observation.signal(windows).unbind(0)
        forced, states = signals[0].shape[-1], self._out.shape[-1]
        weights, keeps = strengths[:, :, None, None].unbind(0), (1 - strengths)[:, :, None, None].unbind(0)
        # on a GPU a look at the strengths would wait for it, and a recorded graph must not depend on them
        pulled = [True] * len(weights) if windows.is_cuda else strengths.ne(0).any(dim=1).tolist()
        last, whole = len(weights) - 1, forced == states
        inputs, outputs, deltas, errors = transition.inputs, self._outputs, transition.deltas, self._errors
        carry, carry_forced = self._carry, self._carry[..., :forced]

        transition.load()
        observation.initial(windows[0], signals[0], out=inputs[0])
        for t in range(last + 1):
            transition.forward(t, outputs[t])
            if t == last:
                break
            if pulled[t] and whole:
                torch.lerp(outputs[t], signals[t + 1], weights[t], out=inputs[t + 1])
                continue
            inputs[t + 1].copy_(outputs[t])
            if pulled[t]:
                inputs[t + 1][..., :forced].lerp_(signals[t + 1], weights[t])

        loss = observation.loss_and_error(self._out, windows[1:], out=self._error)
        transition.gates()
        deltas[last].copy_(errors[last])
        for t in range(last, 0, -1):  # a prediction's own error, plus what comes back through the forced state
            transition.backward(t, carry)
            if pulled[t - 1] and whole:
                torch.addcmul(errors[t - 1], carry, keeps[t - 1], out=deltas[t - 1])
                continue
            torch.add(errors[t - 1], carry, out=deltas[t - 1])
            if pulled[t - 1]:
                deltas[t - 1][..., :forced].addcmul_(carry_forced, weights[t - 1], value=-1)
        transition.backward(0, carry)
        transition.accumulate()
        observation.accumulate(windows[0], carry)
        return loss

    def _allocate(self, ensemble: Ensemble, windows: Tensor) -> None:
        if ensemble is self._ensemble and windows.shape == self._shape:
            return
        self._ensemble, self._shape = ensemble, windows.shape
        size = (windows.shape[0] - 1, windows.shape[1], windows.shape[2], ensemble.model.state_dim)
        self._out, self._error = windows.new_empty(size), windows.new_empty(size)
        self._outputs, self._errors = self._out.unbind(0), self._error.unbind(0)
        self._carry = windows.new_empty(size[1:])
        self._transition = ADJOINTS[type(ensemble.model)](ensemble, size)
        self._observation = OBSERVATION_ADJOINTS[type(cast(PLRNN, ensemble.model).observation)](ensemble)
