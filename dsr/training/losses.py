"""Losses beside the mean squared error, for `fit(..., losses=[...])`: what one-step errors do not see of an attractor.

Each is called as loss(model, windows (batch, T + 1, obs), predictions (batch, T, obs)), in standardised units, and
returns a scalar that is added to the training loss. They serve every model, and say so where they do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from ..models import Model


@dataclass(frozen=True)
class MeasureMatching:
    """Maximum mean discrepancy between the last predictions of a batch of windows and the data there.

    Squared, in the kernel sum_a a^2 / (a^2 + d^2) over `scales` a, d the distance of two rows; every prediction is
    compared with every row, so the model is asked to be where the attractor is, not where the window ended. At least 0,
    and 0 for equal samples. last : rows taken from the end of each window. Of use where the windows are longer than
    predictions stay valid; with one-step windows it repeats the squared error. Needs large batches (hundreds): its own
    sampling error is of order 1 / batch.

    Source: Schiff et al. (DySLIM), ICML 2024, arXiv:2402.04467.
    """

    weight: float = 1.0
    scales: tuple[float, ...] = (0.2, 0.5, 0.9, 1.3)
    last: int = 1

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        _require(bool(self.scales) and min(self.scales) > 0, "scales", self.scales, "positive numbers")
        _require(self.last >= 1, "last", self.last, "1 or more")

    def __call__(self, model: Model, windows: Tensor, predictions: Tensor) -> Tensor:
        ours, theirs = (x[:, -self.last :].flatten(0, 1) for x in (predictions, windows[:, 1:]))
        within = self._kernel(ours, ours) + self._kernel(theirs, theirs)
        return self.weight * (within - 2 * self._kernel(ours, theirs))

    def _kernel(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean of the kernel over all pairs of rows (n, obs), (m, obs)."""
        square = (x[:, None] - y[None]).square().sum(-1)
        return torch.stack([(a * a / (a * a + square)).mean() for a in self.scales]).sum()


@dataclass(frozen=True)
class JacobianMatching:
    """Squared difference of the model's Jacobian from the true one, at rows of the data: mean over its entries.

    jacobian : states (n, obs) in data units, float64 -> (n, obs, obs), of the vector field in data units, such as
        `system.jacobian` of `dsr.systems`; so this is for data from known equations.
    of : "field", or "step" where `jacobian` is that of the map from one row to the next.
    rows : windows of a batch that are compared, at their first row; 0 for all.

    A model with a field of its own (`field_jacobian`) is compared field by field, per sampling step; every other one by
    its step, with the true step's Jacobian taken as exp of the mean over the step (a midpoint rule, error of order
    dt^3). The model must have one state per observed column. A small squared error with wrong exponents is what this
    repairs.

    Source: Park, Yang, Chandramoorthy, NeurIPS 2024, arXiv:2411.06311.
    """

    jacobian: Callable[[np.ndarray], np.ndarray]
    weight: float = 1.0
    of: str = "field"
    rows: int = 64

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        _require(self.of in ("field", "step"), "of", self.of, "field or step")
        _require(self.rows >= 0, "rows", self.rows, "0 or more")

    def __call__(self, model: Model, windows: Tensor, predictions: Tensor) -> Tensor:
        if model.state_dim != model.obs_dim:
            raise SpecError(
                f"Jacobian matching for a {type(model).__name__} with {model.state_dim} states and {model.obs_dim} "
                "observed columns",
                "a model with one state per observed column",
                "set latent_dim to the number of columns, or leave the loss out",
            )
        rows = windows[: self.rows or None, :2]
        z, true = model.initial(rows[:, :1]), self._true(model, rows[:, 0])
        field = getattr(model, "field_jacobian", None)
        if self.of == "step":
            found, wanted = model.jacobian(z), true
        elif field is not None:
            found, wanted = field(z) * model.dt.to(z.dtype), true * model.dt
        else:
            mean = (true + self._true(model, rows[:, 1])) / 2
            found, wanted = model.jacobian(z), torch.linalg.matrix_exp(mean * model.dt)
        return self.weight * (found - wanted.to(found)).square().mean()

    def _true(self, model: Model, y: Tensor) -> Tensor:
        """True Jacobians (n, obs, obs) at rows y (n, obs), in standardised coordinates."""
        std = model.data_std
        x = model.data_mean + std * y.detach().double()
        return (
            torch.as_tensor(self.jacobian(x.cpu().numpy()), dtype=torch.float64, device=x.device) * std / std[:, None]
        )


@dataclass(frozen=True)
class Dissipativity:
    """Growth of the distance from the mean, over one step, of states far outside the data: mean of its squared relative
    growth, 0 where every such state moves inwards.

    radius : where "far outside" begins, in standard deviations per column; states are spread over random directions,
        from there to twice as far. states, seed : how many, and their draw, the same at every call.

    The data say nothing about that region, so this asks for what is known of most systems: orbits come back. It is
    wrong for a system whose orbits first move away there, as excitable ones do; choose `radius` beyond that. Unlike
    `dissipative` in the neural ODE it guarantees nothing.
    """

    weight: float = 1.0
    radius: float = 5.0
    states: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        _require(self.radius > 0, "radius", self.radius, "a positive number")
        _require(self.states >= 1, "states", self.states, "1 or more")

    def __call__(self, model: Model, windows: Tensor, predictions: Tensor) -> Tensor:
        rng = torch.Generator().manual_seed(self.seed)
        directions = torch.randn((self.states, windows.shape[2]), generator=rng, dtype=torch.float64)
        lengths = self.radius * torch.linspace(1.0, 2.0, self.states)[:, None] * windows.shape[2] ** 0.5
        far = (lengths * torch.nn.functional.normalize(directions, dim=1)).to(windows)
        moved = model.decode(model.step(model.initial(far[:, None])))
        growth = torch.linalg.vector_norm(moved, dim=1) / torch.linalg.vector_norm(far, dim=1) - 1
        return self.weight * torch.relu(growth).square().mean()


def _require(condition: bool, key: str, value: object, accepted: str) -> None:
    if not condition:
        raise SpecError(f"a loss with {key} = {value}", accepted, f"give another {key}")


def _check_weight(weight: float) -> None:
    _require(weight >= 0, "weight", weight, "0 or more")
