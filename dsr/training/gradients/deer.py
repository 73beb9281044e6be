"""Parallel in time: forced sequences of piecewise-linear maps by Newton iterations, differentiated by one scan.

Guess all states, read which linear region each is in, solve the linear recurrence of those regions by a scan, repeat
until no state changes its region: then the states are those of the loop, to rounding. A state depends on the regions
before it only, so every iteration makes at least one more step right, also in rounded arithmetic, and T iterations
suffice; on trained models forced with alpha >= 0.1 it takes 1 to 9, nearly whatever T is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, SpecError
from ...models import ALRNN, PLRNN, Model, ShallowPLRNN
from ..ensemble import Ensemble
from .adjoint import ADJOINTS, OBSERVATION_ADJOINTS, ObservationAdjoint
from .scan import affine_scan


class DeerGradient:
    """Gradient backend that has no loop over time: Newton iterations forwards, one reversed scan backwards.

    Called as every backend, `(ensemble, windows (T + 1, K, B, N), strengths (T, K)) -> loss (K,)`; fills
    `ensemble.gradients`. Serves `ALRNN` and `ShallowPLRNN` with either observation model on any device.

    A member with a window that is not solved within `max_iterations`, or whose states leave the finite numbers, gets
    the loss inf and a zero gradient, for a mean over the remaining windows would be a different loss. After a call
    `iterations` (K,) holds the largest number of Newton iterations over the windows of each member, and `failures`
    (K,) how many of its windows were not solved.

    Needs memory for T * K * B Jacobians, and T * K * B * M^3 operations for each iteration.

    On a CPU it seldom pays. Speed over that of the torch loop on one core (float32, trained on Lorenz-63, alpha 0.1,
    16 windows): M = 3, L = 50: 0.44 at T = 200, 0.7 at T = 1000; M = 20: 0.08 and 0.06. For a single window, where
    the loop is all overhead: M = 3: 2.1 at T = 1000, 5.1 at T = 10 000; M = 20: 0.8 at both. Without forcing the
    iterations grow with T (60 to 80 at T = 1000), and it loses by a factor of 15 or more. The compiled loop
    is 47 times as fast (M = 3, 16 windows, T = 1000). Not measured on a GPU; nothing chooses this solver by itself.

    Source: Lim, Zhu, Selfridge, Kasim, ICLR 2024, arXiv:2309.12252 (Newton iterations over a sequence by a scan).
    """

    iterations: Tensor
    failures: Tensor

    def __init__(self, max_iterations: int = 100) -> None:
        if max_iterations < 1:
            raise SpecError(f"max_iterations = {max_iterations}", "1 or more", "give a positive number of iterations")
        self.max_iterations = max_iterations

    @torch.no_grad()
    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        observation = OBSERVATION_ADJOINTS[type(cast(PLRNN, ensemble.model).observation)](ensemble)
        path = _solve(ensemble, observation, windows, strengths, self.max_iterations)
        self.iterations, self.failures = path.iterations.amax(1), (~path.solved).sum(1)

        # time joins the batch: for the adjoint classes this is one step of T * B sequences
        z = _rows(path.states)
        transition = ADJOINTS[type(ensemble.model)](ensemble, tuple(z.shape))
        transition.load()
        predicted, error, delta, carry = (torch.empty_like(z) for _ in range(4))
        predicted_at, error_at, delta_at, carry_at = (path.in_time(x) for x in (predicted, error, delta, carry))
        states_at = path.in_time(z)

        transition.inputs[0].copy_(z[0])
        transition.forward(0, predicted[0])
        states_at[1:] += path.response(path.forced(predicted_at) - states_at[1:])
        transition.inputs[0].copy_(z[0])
        transition.forward(0, predicted[0])
        transition.gates()
        loss = observation.loss_and_error(predicted, _rows(windows[1:].transpose(0, 1)), out=error)

        delta_at.copy_(path.transposed_response(error_at))
        transition.deltas[0].copy_(delta[0])
        transition.backward(0, carry[0])
        delta_at += path.transposed_response(path.unforced(error_at, carry_at) - delta_at)
        transition.deltas[0].copy_(delta[0])
        transition.backward(0, carry[0])
        transition.accumulate()
        observation.accumulate(windows[0], carry_at[0])

        failed = self.failures > 0
        ensemble.gradient[failed] = 0
        return loss.masked_fill(failed, torch.inf)


def newton_iterations(
    model: PLRNN, windows: np.ndarray | Tensor, strengths: np.ndarray | Tensor, *, max_iterations: int = 100
) -> np.ndarray:
    """Newton iterations that each forced sequence needs, to be shown against alpha and T.

    windows : (T + 1, batch, obs) in standardised units; strengths : (T,) forcing strengths.
    Returns counts (batch,), -1 where the sequence was not solved within `max_iterations`. Computed in the precision
    of the model's weights. Raises `DataError` when the shapes do not fit.
    """
    x = torch.as_tensor(windows, dtype=model.dtype)
    alpha = torch.as_tensor(strengths, dtype=model.dtype)
    if x.ndim != 3 or x.shape[2] != model.obs_dim or alpha.shape != (x.shape[0] - 1,) or len(alpha) == 0:
        raise DataError(
            f"windows of shape {tuple(x.shape)} with strengths of shape {tuple(alpha.shape)}",
            f"windows (T + 1, batch, {model.obs_dim}) and strengths (T,) with T >= 1",
            "pass forcing.strengths(len(windows) - 1)",
        )
    with torch.no_grad():
        ensemble = Ensemble([model])
        observation = OBSERVATION_ADJOINTS[type(model.observation)](ensemble)
        path = _solve(ensemble, observation, x[:, None], alpha[:, None], max_iterations)
    return torch.where(path.solved, path.iterations, -1)[0].numpy()


@dataclass(frozen=True, eq=False)
class _Path:
    """A solved forced sequence and its linear responses.

    states (K, T, B, M) that step t starts from; jacobians (T, K, B, M, M) there; signal (T - 1, K, B, forced) and
    strengths (T - 1, K, 1, 1) that force the predictions; for each sequence (K, B) whether it was solved and after
    how many iterations.
    """

    states: Tensor
    jacobians: Tensor
    signal: Tensor
    strengths: Tensor
    solved: Tensor
    iterations: Tensor

    def in_time(self, rows: Tensor) -> Tensor:
        """(1, K, T * B, M) -> (T, K, B, M), a view."""
        return rows.view_as(self.states).transpose(0, 1)

    def forced(self, predicted: Tensor) -> Tensor:
        """Forced states after all predictions but the last."""
        return _force(predicted[:-1], self.signal, self.strengths)

    def unforced(self, error: Tensor, carry: Tensor) -> Tensor:
        """Gradient at the predictions: their own error plus what comes back through the forced states."""
        out = error.clone()
        out[:-1] += _force(carry[1:], torch.zeros_like(self.signal), self.strengths)
        return out

    def response(self, change: Tensor) -> Tensor:
        """What additions (T - 1, K, B, M) to the forced states 1.. make of these states."""
        return affine_scan(self._maps(self.jacobians[:-1]), change, torch.zeros_like(self.states[:, 0]))

    def transposed_response(self, change: Tensor) -> Tensor:
        """What additions (T, K, B, M) to the gradient at the predictions make of it."""
        earlier = affine_scan(self._maps(self.jacobians[1:].mT), change[:-1], change[-1], reverse=True)
        return torch.cat([earlier, change[-1:]])

    def _maps(self, jacobians: Tensor) -> Tensor:
        return _keep(self.strengths, self.signal, jacobians.shape[-1])[..., None] * jacobians


def _solve(
    ensemble: Ensemble, observation: ObservationAdjoint, windows: Tensor, strengths: Tensor, max_iterations: int
) -> _Path:
    length, members, batch = windows.shape[0] - 1, windows.shape[1], windows.shape[2]
    dim = ensemble.model.state_dim
    regions = _regions(ensemble)
    signal = observation.signal(windows)
    states = windows.new_empty((members, length, batch, dim))
    in_time = states.transpose(0, 1)
    # the guess: every state as if its sequence began there; row 0 does, and is final
    observation.initial(windows[:-1], signal[:-1], out=in_time)
    start = in_time[0].clone()
    signal, strengths = signal[1:-1], strengths[:-1, :, None, None]
    keep = _keep(strengths, signal, dim)[..., None]

    solved = torch.zeros((members, batch), dtype=torch.bool, device=windows.device)
    iterations = torch.full((members, batch), max_iterations, device=windows.device)
    pattern = regions.pattern(states.flatten(1, 2))
    for iteration in range(1, max_iterations + 1):
        matrix, offset = regions.affine(pattern)
        jacobians = matrix.unflatten(1, (length, batch)).transpose(0, 1)
        offsets = offset.unflatten(1, (length, batch)).transpose(0, 1)
        solution = affine_scan(keep * jacobians[:-1], _force(offsets[:-1], signal, strengths), start)
        in_time[1:] = solution
        before, pattern = pattern, regions.pattern(states.flatten(1, 2))
        settled = (pattern == before).view(members, length, batch, -1).all(1).all(2)
        new = settled & torch.isfinite(solution).all(3).all(0) & ~solved
        iterations[new] = iteration
        solved |= new
        if (settled | solved).all():
            break
    return _Path(states, jacobians, signal, strengths, solved, iterations)


def _force(z: Tensor, signal: Tensor, strengths: Tensor) -> Tensor:
    out = z.clone()
    out[..., : signal.shape[-1]].lerp_(signal, strengths)
    return out


def _keep(strengths: Tensor, signal: Tensor, dim: int) -> Tensor:
    """What forcing leaves of every state coordinate, (T - 1, K, 1, M)."""
    keep = strengths.new_ones((*strengths.shape[:3], dim))
    keep[..., : signal.shape[-1]] -= strengths
    return keep


def _rows(x: Tensor) -> Tensor:
    """(K, T, B, n) -> (1, K, T * B, n)."""
    return x.reshape(1, x.shape[0], -1, x.shape[3])


class _Regions(Protocol):
    """`bits` and `affine` of a model family for all members of an ensemble."""

    def pattern(self, z: Tensor) -> Tensor:
        """(K, rows, M) -> (K, rows, gates) bool."""

    def affine(self, pattern: Tensor) -> tuple[Tensor, Tensor]:
        """Matrices (K, rows, M, M) and offsets (K, rows, M)."""


class _ALRNNRegions:
    def __init__(self, ensemble: Ensemble) -> None:
        p = ensemble.parameters
        self.linear_units = ensemble.model.state_dim - cast(ALRNN, ensemble.model).relu_units
        self.W, self.h, self.diagonal = p["W"], p["h"][:, None], torch.diag_embed(p["A"])[:, None]

    def pattern(self, z: Tensor) -> Tensor:
        return z[..., self.linear_units :] > 0

    def affine(self, pattern: Tensor) -> tuple[Tensor, Tensor]:
        on = torch.nn.functional.pad(pattern.to(self.W.dtype), (self.linear_units, 0), value=1.0)
        return torch.addcmul(self.diagonal, self.W[:, None], on[..., None, :]), self.h.expand(on.shape)


class _ShallowPLRNNRegions:
    def __init__(self, ensemble: Ensemble) -> None:
        p = ensemble.parameters
        self.clipped = cast(ShallowPLRNN, ensemble.model).clipped
        self.W2, self.h2 = p["W2"].transpose(1, 2), p["h2"][:, None]
        # the map of a region is a sum over its open gates: for all states together one matrix product
        slope = torch.einsum("kml,kln->klmn", p["W1"], p["W2"]).flatten(2)
        offset = p["h2"][:, :, None] * p["W1"].transpose(1, 2)
        self.by_gate = torch.cat([slope, offset], dim=2)
        if self.clipped:
            self.by_gate = torch.cat([self.by_gate, torch.cat([-slope, torch.zeros_like(offset)], dim=2)], dim=1)
        self.without = torch.cat([torch.diag_embed(p["A"]).flatten(1), p["h1"]], dim=1)[:, None]

    def pattern(self, z: Tensor) -> Tensor:
        if not self.clipped:
            return torch.baddbmm(self.h2, z, self.W2) > 0
        u = z @ self.W2
        return torch.cat([u + self.h2 > 0, u > 0], dim=-1)

    def affine(self, pattern: Tensor) -> tuple[Tensor, Tensor]:
        dim = self.W2.shape[1]
        affine = torch.baddbmm(self.without, pattern.to(self.W2.dtype), self.by_gate)
        return affine[..., : dim * dim].unflatten(-1, (dim, dim)), affine[..., dim * dim :]


_REGIONS: dict[type[Model], type[_Regions]] = {ALRNN: _ALRNNRegions, ShallowPLRNN: _ShallowPLRNNRegions}


def _regions(ensemble: Ensemble) -> _Regions:
    family = type(ensemble.model)
    if family not in _REGIONS:
        raise SpecError(
            f"training in parallel over time of a {family.__name__}",
            "one of " + ", ".join(sorted(m.__name__ for m in _REGIONS)),
            "choose another training.backend",
        )
    return cast(type, _REGIONS[family])(ensemble)
