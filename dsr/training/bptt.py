"""Hand-written backpropagation through time with forcing folded in: the loop over time moves only states and their
gradients; weight gradients are one matrix product over time and batch at the end; buffers are reused."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ..models import PLRNN
from .adjoint import ADJOINTS, OBSERVATION_ADJOINTS
from .ensemble import Ensemble


class BackpropagationThroughTime:
    """Gradient backend of the PLRNN family; keeps its buffers between calls of one shape."""

    def __init__(self) -> None:
        self._shape: tuple | None = None

    @torch.no_grad()
    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        self._allocate(ensemble, windows)
        transition, observation = self._transition, self._observation
        signal = observation.signal(windows)
        forced, inputs, outputs = signal.shape[-1], self._inputs, self._outputs
        weights = strengths[:, :, None, None].unbind(0)
        pulled = strengths.ne(0).any(dim=1).tolist()
        last = len(weights) - 1

        observation.initial(windows[0], signal[0], out=inputs[0])
        for t in range(last + 1):
            transition.forward(t, inputs[t], outputs[t])
            if t < last:
                inputs[t + 1].copy_(outputs[t])
                if pulled[t]:
                    inputs[t + 1][..., :forced].lerp_(signal[t + 1], weights[t])

        loss = observation.loss_and_error(self._Z_out, windows[1:], out=self._error)
        transition.gates(self._Z_in)
        carry, error, delta = self._carry, self._error_views, self._delta_views
        for t in range(last, -1, -1):
            if t == last:
                delta[t].copy_(error[t])
            else:  # its own error plus what comes back through the forced state
                torch.add(error[t], carry, out=delta[t])
                if pulled[t]:
                    delta[t][..., :forced].addcmul_(carry[..., :forced], weights[t], value=-1)
            transition.backward(t, delta[t], out=carry)
        transition.accumulate(self._Z_in, self._delta)
        observation.accumulate(windows[0], carry)
        return loss

    def _allocate(self, ensemble: Ensemble, windows: Tensor) -> None:
        shape = (windows.shape, windows.dtype, id(ensemble))
        if shape == self._shape:
            return
        self._shape = shape
        length, members, batch = windows.shape[0] - 1, windows.shape[1], windows.shape[2]
        size = (length, members, batch, ensemble.model.state_dim)
        self._Z_in, self._Z_out, self._error, self._delta = (torch.empty(size, dtype=windows.dtype) for _ in range(4))
        self._carry = torch.empty(size[1:], dtype=windows.dtype)
        self._inputs, self._outputs = self._Z_in.unbind(0), self._Z_out.unbind(0)
        self._error_views, self._delta_views = self._error.unbind(0), self._delta.unbind(0)
        self._transition = ADJOINTS[type(ensemble.model)](ensemble, size, windows.dtype)
        self._observation = OBSERVATION_ADJOINTS[type(cast(PLRNN, ensemble.model).observation)](ensemble)

