"""Observation models of the PLRNN family, forwards and backwards, for a leading ensemble axis."""

from __future__ import annotations

import torch
from torch import Tensor

from ...models.observation import gauss_newton
from ..ensemble import Ensemble
from .adjoint_parts import outer


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
        self.grad_B.copy_(outer(scaled, z))
        self.grad_b.copy_(scaled.sum((0, 2)))
        return difference.square().mean((0, 2, 3))

    def accumulate(self, y: Tensor, carry: Tensor) -> None:
        pass  # the initial state does not depend on a trained quantity with gradient


class NonlinearAdjoint:
    """y = B z + b + V tanh(U z + c); forced and started through Gauss-Newton steps, which carry no gradient."""

    def __init__(self, ensemble: Ensemble) -> None:
        names = ("matrix", "bias", "inner", "shift", "outer")
        self.weights = [ensemble.parameters[f"observation.{name}"] for name in names]
        self.gradients = [ensemble.gradients[f"observation.{name}"] for name in names]

    def signal(self, windows: Tensor) -> Tensor:
        weights = [torch.nan_to_num(w) for w in self.weights]  # as in the affine model
        found = [
            gauss_newton(windows[:, k].flatten(0, 1), *(w[k] for w in weights)).unflatten(0, windows[:, k].shape[:2])
            for k in range(windows.shape[1])
        ]
        return torch.stack(found, dim=1)

    def initial(self, y: Tensor, signal: Tensor, out: Tensor) -> None:
        out.copy_(signal)

    def loss_and_error(self, z: Tensor, y: Tensor, out: Tensor) -> Tensor:
        B, b, U, c, V = self.weights
        active = torch.tanh(z @ U.transpose(1, 2) + c[:, None])
        difference = z @ B.transpose(1, 2) + active @ V.transpose(1, 2) + b[:, None] - y
        scaled = difference * (2 / (difference.numel() / y.shape[1]))
        hidden = (scaled @ V) * (1 - active.square())
        torch.matmul(scaled, B, out=out)
        out.add_(hidden @ U)
        found = outer(scaled, z), scaled.sum((0, 2)), outer(hidden, z), hidden.sum((0, 2)), outer(scaled, active)
        for view, gradient in zip(self.gradients, found, strict=True):
            view.copy_(gradient)
        return difference.square().mean((0, 2, 3))

    def accumulate(self, y: Tensor, carry: Tensor) -> None:
        pass  # as in the affine model
