"""Teacher-forced windows of the continuous-time AL-RNN, compiled forwards and backwards.

A window is a few hundred small operations; here each direction is one call, and the gradient of the weights one matrix
product over all stages of all steps. Same numbers as the plain loop differentiated by torch, to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..orbits import compiled


class ForcedWindow(torch.autograd.Function):
    """Unforced Runge-Kutta predictions (T, state, batch) from z (state, batch), pulled to signal (T, forced, batch)
    with the strengths (T,) after each of them; differentiable by z and the weights."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, signal: Tensor, strengths: Tensor, A: Tensor, W: Tensor, h: Tensor, first: int, parts: int
    ) -> Tensor:
        steps = len(signal)
        predictions = z.new_empty((steps, *z.shape))
        stages = z.new_empty((steps, parts, 4, *z.shape))
        arrays = [x.detach().contiguous().numpy() for x in (z, signal, strengths, A, W, h)]
        compiled(forced_forward)(*arrays, first, predictions.numpy(), stages.numpy())
        ctx.save_for_backward(strengths, A, W, stages)
        ctx.first, ctx.forced = first, signal.shape[1]
        return predictions

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        strengths, A, W, stages = ctx.saved_tensors
        start, rates = torch.zeros_like(stages[0, 0, 0]), torch.empty_like(stages)
        arrays = [x.detach().contiguous().numpy() for x in (gradients[0], strengths, A, W.T, stages)]
        compiled(forced_backward)(*arrays, ctx.first, ctx.forced, start.numpy(), rates.numpy())
        units_first = stages.flatten(0, 2).transpose(0, 1).flatten(1)
        rates = rates.flatten(0, 2).transpose(0, 1).flatten(1)
        gated = torch.cat([units_first[: ctx.first], units_first[ctx.first :].relu()])
        return start, None, None, (rates * units_first).sum(1), rates @ gated.T, rates.sum(1), None, None


def forced_forward(z, signal, strengths, A, W, h, first, predictions, stages):
    """Fills `predictions` and `stages`, the states (T, parts, 4, state, batch) at which the field is evaluated."""
    steps, parts, _, M, batch = stages.shape
    forced = signal.shape[1]
    now, gated, total = z.copy(), np.empty_like(z), np.empty_like(z)
    rate = np.empty_like(z)
    for t in range(steps):
        for part in range(parts):
            total[:] = now
            at = stages[t, part]
            at[0] = now
            for stage in range(4):
                x = at[stage]
                for i in range(M):
                    for b in range(batch):
                        gated[i, b] = 0.0 if i >= first and x[i, b] <= 0.0 else x[i, b]
                np.dot(W, gated, rate)
                weight = A.dtype.type((2.0 if stage == 1 or stage == 2 else 1.0) / (6.0 * parts))
                ahead = A.dtype.type((1.0 if stage == 2 else 0.5) / parts)
                for i in range(M):
                    for b in range(batch):
                        r = rate[i, b] + A[i] * x[i, b] + h[i]
                        total[i, b] += weight * r
                        if stage < 3:
                            at[stage + 1, i, b] = now[i, b] + ahead * r
            now[:] = total
        predictions[t] = now
        strength = strengths[t]
        for i in range(forced):
            for b in range(batch):
                now[i, b] += strength * (signal[t, i, b] - now[i, b])


def forced_backward(gradient, strengths, A, WT, stages, first, forced, carry, rates):
    """Fills `carry`, the gradient at the start (state, batch), and `rates`, those at the velocities of all stages.
    gradient : (T, state, batch) at the predictions. WT : transpose of W."""
    steps, parts, _, M, batch = stages.shape
    back, gathered = np.empty_like(carry), np.empty_like(carry)
    for t in range(steps - 1, -1, -1):
        for i in range(M):
            keep = 1.0 - strengths[t] if i < forced else A.dtype.type(1.0)
            for b in range(batch):
                carry[i, b] = keep * carry[i, b] + gradient[t, i, b]
        for part in range(parts - 1, -1, -1):
            gathered[:] = carry
            for stage in range(3, -1, -1):
                weight = A.dtype.type((2.0 if stage == 1 or stage == 2 else 1.0) / (6.0 * parts))
                ahead = A.dtype.type((1.0 if stage == 2 else 0.5) / parts)
                g, x = rates[t, part, stage], stages[t, part, stage]
                for i in range(M):
                    for b in range(batch):
                        g[i, b] = weight * carry[i, b] + (ahead * back[i, b] if stage < 3 else A.dtype.type(0.0))
                np.dot(WT, g, back)
                for i in range(M):
                    for b in range(batch):
                        s = A[i] * g[i, b] + (A.dtype.type(0.0) if i >= first and x[i, b] <= 0.0 else back[i, b])
                        back[i, b] = s
                        gathered[i, b] += s
            carry[:] = gathered
