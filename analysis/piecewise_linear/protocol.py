"""What the exact analysis asks of a piecewise-linear model: the regions, their affine maps, and the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsr.errors import SpecError

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-9  # of residuals and of distances to a border, times 1 + |z|


class PiecewiseLinearMap(Protocol):
    """A map that is affine in each region of state space, in torch; every PLRNN of the package is one.

    bits (..., state) -> (..., gates) bool names the region of a state; affine (..., gates) -> (..., state, state),
    (..., state) gives the map there; step is the map itself. `state_dim` is the number of states.
    """

    state_dim: int

    def step(self, z: Tensor, /) -> Tensor: ...
    def bits(self, z: Tensor, /) -> Tensor: ...
    def affine(self, bits: Tensor, /) -> tuple[Tensor, Tensor]: ...


class Pieces:
    """The same map in numpy, double precision; `gates` is the number of gates, `states` that of states.

    Raises `SpecError` for an object without the three members, in single precision, with weights that are not finite,
    or whose pieces disagree with its step.
    """

    def __init__(self, model: PiecewiseLinearMap) -> None:
        import torch

        missing = [name for name in ("state_dim", "step", "bits", "affine") if not hasattr(model, name)]
        if missing:
            raise SpecError(
                f"a {type(model).__name__} without {', '.join(missing)}",
                "a piecewise-linear model with state_dim, step, bits and affine",
                "use smooth_points, which needs a step alone",
            )
        double = getattr(model, "in_float64", None)
        self._model: PiecewiseLinearMap = model if double is None else double()
        self._torch = torch
        self.states = int(model.state_dim)
        z = np.random.default_rng(0).standard_normal((8, self.states))
        with torch.no_grad():
            moved = self._model.step(torch.from_numpy(z))
            found = self._model.affine(self._model.bits(torch.from_numpy(z)))
        if moved.dtype != torch.float64 or found[0].dtype != torch.float64:
            raise SpecError("a model in single precision", "double precision", "call model.double() first")
        self.gates = self.bits(z).shape[1]
        W, b = self.affine(self.bits(z))
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise SpecError(
                "weights that are not finite", "a model of finite numbers", "train it again with a lower learning rate"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(np.einsum("nij,nj->ni", W, z) + b - moved.numpy())
            near = apart <= 1e-9 * (1 + np.abs(W).sum(2) * np.abs(z).max() + np.abs(b))
        if not near.all():
            raise SpecError(
                f"affine maps {np.nanmax(apart):.2g} away from the step",
                "affine(bits(z)) that reproduces step(z)",
                "check bits and affine of the model",
            )

    def step(self, z: np.ndarray) -> np.ndarray:
        with self._torch.no_grad():
            return self._model.step(self._torch.from_numpy(z)).detach().numpy()

    def bits(self, z: np.ndarray) -> np.ndarray:
        with self._torch.no_grad():
            return self._model.bits(self._torch.from_numpy(z)).numpy()

    def affine(self, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with self._torch.no_grad():
            W, b = self._model.affine(self._torch.from_numpy(np.ascontiguousarray(bits)))
        return W.detach().numpy(), b.detach().numpy()  # a view of a weight still carries its gradient


def as_pieces(model: Any) -> Pieces:
    """`model` as `Pieces`; one that is already comes back as it is."""
    return model if isinstance(model, Pieces) else Pieces(model)
