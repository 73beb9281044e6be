"""Transitions and observation models of the PLRNN family, forwards and backwards, for a leading ensemble axis.

Each class mirrors one model file: `forward` is its `step`, `backward` the transposed Jacobian times a gradient. The
tensors are (T, members, batch, units); parameters and gradients are the ensemble's views.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor

from ..models import ALRNN, Model, ShallowPLRNN
from ..models.observation import AffineObservation, IdentityObservation, Observation
from .ensemble import Ensemble


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Sum over time and batch of left right^T: (T, K, B, m), (T, K, B, n) -> (K, m, n)."""
    return _by_member(left).transpose(1, 2) @ _by_member(right)


def _by_member(x: Tensor) -> Tensor:
    return x.transpose(0, 1).reshape(x.shape[1], -1, x.shape[3])


class TransitionAdjoint(Protocol):
    """The transition of one model family and its transpose. `t` counts the steps of the window from 0."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...], dtype: torch.dtype) -> None: ...

    def forward(self, t: int, z: Tensor, out: Tensor) -> None:
        """out = F(z), keeping what the way back needs."""

    def gates(self, z: Tensor) -> None:
        """Activation pattern at all forced states z (T, members, batch, state), after the forward loop."""

    def backward(self, t: int, delta: Tensor, out: Tensor) -> None:
        """out = F'(z_t)^T delta."""

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        """Fill the parameter gradients from all inputs z and all gradients delta at the outputs."""


class ObservationAdjoint(Protocol):
    """Loss, forcing signal and initial state of one observation model."""

    def __init__(self, ensemble: Ensemble) -> None: ...

    def signal(self, windows: Tensor) -> Tensor:
        """Forcing signals of the windows."""

    def initial(self, y: Tensor, signal: Tensor, out: Tensor) -> None:
        """First states from the first rows."""

    def loss_and_error(self, z: Tensor, y: Tensor, out: Tensor) -> Tensor:
        """Loss of each member; out = its gradient at the unforced states z."""

    def accumulate(self, y: Tensor, carry: Tensor) -> None:
        """Gradient through the initial state, from `carry` at it."""


class ALRNNAdjoint:
    """z' = A z + W max(z, floor) + h."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...], dtype: torch.dtype) -> None:
        p = ensemble.parameters
        self.grad = ensemble.gradients
        self.floor = cast(ALRNN, ensemble.model).floor.to(dtype)
        self.A, self.h, self.W = p["A"][:, None], p["h"][:, None], p["W"]
        self.phi = torch.empty(size, dtype=dtype)
        self.phi_views = self.phi.unbind(0)

    def forward(self, t: int, z: Tensor, out: Tensor) -> None:
        torch.maximum(z, self.floor, out=self.phi_views[t])
        torch.baddbmm(self.h, self.phi_views[t], self.W.transpose(1, 2), out=out)
        out.addcmul_(self.A, z)

    def gates(self, z: Tensor) -> None:
        self.on = (z > self.floor).to(z.dtype).unbind(0)

    def backward(self, t: int, delta: Tensor, out: Tensor) -> None:
        torch.bmm(delta, self.W, out=out)
        out.mul_(self.on[t]).addcmul_(self.A, delta)

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        self.grad["W"].copy_(_outer(delta, self.phi))
        self.grad["A"].copy_((z * delta).sum((0, 2)))
        self.grad["h"].copy_(delta.sum((0, 2)))


class ShallowPLRNNAdjoint:
    """z' = A z + W1 r + h1, r = relu(W2 z + h2), minus relu(W2 z) when clipped."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...], dtype: torch.dtype) -> None:
        p = ensemble.parameters
        model = cast(ShallowPLRNN, ensemble.model)
        self.grad, self.clipped = ensemble.gradients, model.clipped
        self.A, self.h1, self.h2 = (p[k][:, None] for k in ("A", "h1", "h2"))
        self.W1, self.W2 = p["W1"], p["W2"]
        hidden = (*size[:3], model.hidden_dim)
        self.u, self.r, self.g = (torch.empty(hidden, dtype=dtype) for _ in range(3))
        self.u_views, self.r_views, self.g_views = (x.unbind(0) for x in (self.u, self.r, self.g))
        self.tmp = torch.empty(size[1:], dtype=dtype)

    def forward(self, t: int, z: Tensor, out: Tensor) -> None:
        u, r = self.u_views[t], self.r_views[t]
        if self.clipped:
            torch.bmm(z, self.W2.transpose(1, 2), out=u)
            torch.add(u, self.h2, out=r)
            r.relu_().sub_(torch.relu(u))
        else:
            torch.baddbmm(self.h2, z, self.W2.transpose(1, 2), out=u)
            torch.clamp_min(u, 0, out=r)
        torch.baddbmm(self.h1, r, self.W1.transpose(1, 2), out=out)
        out.addcmul_(self.A, z)

    def gates(self, z: Tensor) -> None:
        on = self.u + self.h2 > 0 if self.clipped else self.u > 0
        self.bias_gate = on.to(z.dtype)
        slope = self.bias_gate - (self.u > 0).to(z.dtype) if self.clipped else self.bias_gate
        self.slope = slope.unbind(0)

    def backward(self, t: int, delta: Tensor, out: Tensor) -> None:
        g = self.g_views[t]
        torch.bmm(delta, self.W1, out=g)
        if self.clipped:  # the bias gradient needs g before the slope gate
            gated = g * self.slope[t]
        else:
            gated = g.mul_(self.slope[t])
        torch.mul(self.A, delta, out=self.tmp)
        torch.baddbmm(self.tmp, gated, self.W2, out=out)

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        grad, g = self.grad, self.g
        grad["h2"].copy_((g * self.bias_gate).sum((0, 2)) if self.clipped else g.sum((0, 2)))
        gated = g * torch.stack(self.slope) if self.clipped else g
        grad["W1"].copy_(_outer(delta, self.r))
        grad["W2"].copy_(_outer(gated, z))
        grad["A"].copy_((z * delta).sum((0, 2)))
        grad["h1"].copy_(delta.sum((0, 2)))


class IdentityAdjoint:
    """The first coordinates are observed; the others start at lift @ y."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.lift, self.grad = ensemble.parameters["observation.lift"], ensemble.gradients["observation.lift"]
        self.dim = ensemble.model.obs_dim

    def signal(self, windows: Tensor) -> Tensor:
        return windows

    def initial(self, y: Tensor, signal: Tensor, out: Tensor) -> None:
        out[..., : self.dim] = y
        out[..., self.dim :] = y @ self.lift.transpose(1, 2)

    def loss_and_error(self, z: Tensor, y: Tensor, out: Tensor) -> Tensor:
        difference = z[..., : self.dim] - y
        out.zero_()
        torch.mul(difference, 2 / (difference.numel() / y.shape[1]), out=out[..., : self.dim])
        return difference.square().mean((0, 2, 3))

    def accumulate(self, y: Tensor, carry: Tensor) -> None:
        self.grad.copy_(carry[..., self.dim :].transpose(1, 2) @ y)


class AffineAdjoint:
    """y = B z + b; forced and started through the pseudo-inverse, which carries no gradient."""

    def __init__(self, ensemble: Ensemble) -> None:
        self.B, self.b = ensemble.parameters["observation.matrix"], ensemble.parameters["observation.bias"][:, None]
        self.grad_B, self.grad_b = (ensemble.gradients[f"observation.{k}"] for k in ("matrix", "bias"))

    def signal(self, windows: Tensor) -> Tensor:
        # a member whose weights are no longer finite must not stop the others: the SVD refuses NaN
        return (windows - self.b) @ torch.linalg.pinv(torch.nan_to_num(self.B)).transpose(1, 2)

    def initial(self, y: Tensor, signal: Tensor, out: Tensor) -> None:
        out.copy_(signal)

    def loss_and_error(self, z: Tensor, y: Tensor, out: Tensor) -> Tensor:
        difference = z @ self.B.transpose(1, 2) + self.b - y
        scaled = difference * (2 / (difference.numel() / y.shape[1]))
        torch.matmul(scaled, self.B, out=out)
        self.grad_B.copy_(_outer(scaled, z))
        self.grad_b.copy_(scaled.sum((0, 2)))
        return difference.square().mean((0, 2, 3))

    def accumulate(self, y: Tensor, carry: Tensor) -> None:
        pass  # the initial state does not depend on a trained quantity with gradient


ADJOINTS: dict[type[Model], type[TransitionAdjoint]] = {ALRNN: ALRNNAdjoint, ShallowPLRNN: ShallowPLRNNAdjoint}
OBSERVATION_ADJOINTS: dict[type[Observation], type[ObservationAdjoint]] = {
    IdentityObservation: IdentityAdjoint,
    AffineObservation: AffineAdjoint,
}
