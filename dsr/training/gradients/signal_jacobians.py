"""Jacobians of an ensemble's members at the forcing signals of windows, as few of them as possible.

A piecewise-linear Jacobian depends on the state only through the slopes of its gates. Hence their mean over time is the
Jacobian at the mean slopes, and states with one pattern of slopes share one Jacobian. Where the forcing signal has
fewer coordinates than the state, the others are taken as 0.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...models import ALRNN, PLRNN, Model, ShallowPLRNN
from ..ensemble import Ensemble
from .adjoint import OBSERVATION_ADJOINTS

# up to this size a norm in closed form costs less than finding out which patterns are equal
SMALL = 3
DIGITS = 20  # slopes are -1, 0 or 1, balanced ternary digits: 20 of them fit in the lower 32 bits of a sorting key


class SignalJacobians(Protocol):
    """Jacobians at rows 1..T of windows (T + 1, members, batch, obs)."""

    def mean(self) -> Tensor:
        """Mean over time, (members, batch, M, M)."""

    def distinct(self) -> tuple[Tensor, Tensor]:
        """(matrices (..., M, M), index (members, T, batch)): which of the matrices, counted through, holds where."""


def signal_jacobians(ensemble: Ensemble, windows: Tensor) -> SignalJacobians:
    """The Jacobians of the members at the forcing signals of the windows (T + 1, members, batch, obs)."""
    model = ensemble.model
    family = None if getattr(model, "bounded", False) else FAMILIES.get(type(model))
    if family is None or type(cast(PLRNN, model).observation) not in OBSERVATION_ADJOINTS:
        return ModelJacobians(ensemble, windows)
    observation = OBSERVATION_ADJOINTS[type(cast(PLRNN, model).observation)](ensemble)
    signal = observation.signal(windows[1:]).permute(1, 3, 0, 2)
    length, batch = signal.shape[2:]
    columns = pad(signal.flatten(2), (0, 0, 0, model.state_dim - signal.shape[1]))
    return family(ensemble, columns, (length, batch))


class ALRNNJacobians:
    """diag(A) + W diag(slope), slope 1 on linear and active units. With few units rectified, or rectified units that
    are not observed, hardly any patterns differ."""

    def __init__(self, ensemble: Ensemble, z: Tensor, shape: tuple[int, int]) -> None:
        self.A, self.W, self.shape = ensemble.parameters["A"], ensemble.parameters["W"], shape
        floor = cast(ALRNN, ensemble.model).floor.to(z)
        self.slope = (z > floor[:, None]).to(z.dtype)

    def mean(self) -> Tensor:
        slope = self.slope.unflatten(2, self.shape).mean(2).transpose(1, 2)
        return self._matrices(self.A[:, None], self.W[:, None], slope)

    def distinct(self) -> tuple[Tensor, Tensor]:
        first, index = distinct_columns(self.slope)
        member = first // self.slope.shape[2]
        slope = self.slope[member, :, first % self.slope.shape[2]]
        return self._matrices(self.A[member], self.W[member], slope), index.unflatten(1, self.shape)

    @staticmethod
    def _matrices(A: Tensor, W: Tensor, slope: Tensor) -> Tensor:
        return W * slope[..., None, :] + torch.diag_embed(A)


class ShallowPLRNNJacobians:
    """diag(A) + W1 diag(slope) W2: all of them as one product of the slopes with the L outer products of the columns
    of W1 and the rows of W2."""

    def __init__(self, ensemble: Ensemble, z: Tensor, shape: tuple[int, int]) -> None:
        p = ensemble.parameters
        self.A, self.shape = p["A"], shape
        self.outer = (p["W1"][:, :, None] * p["W2"].transpose(1, 2)[:, None]).flatten(1, 2)  # (K, M M, L)
        u = p["W2"] @ z
        slope = (u > -p["h2"][:, :, None]).to(z.dtype)
        self.slope = slope.sub_((u > 0).to(z.dtype)) if cast(ShallowPLRNN, ensemble.model).clipped else slope

    def mean(self) -> Tensor:
        return self._matrices(self.slope.unflatten(2, self.shape).mean(2))

    def distinct(self) -> tuple[Tensor, Tensor]:
        matrices = self._matrices(self.slope)
        if self.A.shape[1] <= SMALL:
            return matrices, _numbered(self.slope.shape[0], self.shape, matrices.device)
        first, index = distinct_columns(self.slope)
        return matrices.flatten(0, 1)[first], index.unflatten(1, self.shape)

    def _matrices(self, slope: Tensor) -> Tensor:
        """(K, L, n) -> (K, n, M, M), a view in which equal entries of the matrices lie side by side."""
        m = self.A.shape[1]
        product = (self.outer @ slope).unflatten(1, (m, m))
        product.diagonal(dim1=1, dim2=2).add_(self.A[:, None])
        return product.permute(0, 3, 1, 2)


class ModelJacobians:
    """Jacobians of any model, through `Model.jacobian`, member by member."""

    def __init__(self, ensemble: Ensemble, windows: Tensor) -> None:
        at_signal = _AtSignal(ensemble.model)
        found = []
        for k in range(ensemble.members):
            parameters = {f"model.{name}": p[k] for name, p in ensemble.parameters.items()}
            y = windows[1:, k].flatten(0, 1)
            found.append(torch.func.functional_call(at_signal, parameters, (y,)).detach())
        self.matrices, self.shape = torch.stack(found), (len(windows) - 1, windows.shape[2])

    def mean(self) -> Tensor:
        return self.matrices.unflatten(1, self.shape).mean(1)

    def distinct(self) -> tuple[Tensor, Tensor]:
        return self.matrices, _numbered(len(self.matrices), self.shape, self.matrices.device)


class _AtSignal(torch.nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, y: Tensor) -> Tensor:
        signal = self.model.encode(y)
        return self.model.jacobian(pad(signal, (0, self.model.state_dim - signal.shape[-1])))


FAMILIES: dict[type[Model], type[ALRNNJacobians] | type[ShallowPLRNNJacobians]] = {
    ALRNN: ALRNNJacobians,
    ShallowPLRNN: ShallowPLRNNJacobians,
}


def distinct_columns(slope: Tensor) -> tuple[Tensor, Tensor]:
    """Of slopes (K, L, n) in {-1, 0, 1}: (first, index), `first` (U,) a column k * n + i of each distinct pair of
    member and pattern, `index` (K, n) the pair of each column.

    Exact, and faster than sorting rows: L slopes become whole numbers of 20 ternary digits each, and equal pairs of
    the rank so far and the next number get the next rank.
    """
    members, units, columns = slope.shape
    rank = torch.arange(members, device=slope.device)[:, None].expand(-1, columns).flatten()
    powers = 3.0 ** torch.arange(DIGITS, dtype=torch.float64, device=slope.device)
    for start in range(0, units, DIGITS):
        digits = slope[:, start : start + DIGITS].double()
        number = (powers[: digits.shape[1]] @ digits).long().flatten()
        rank = torch.unique((rank << 32) + number, return_inverse=True)[1]
    first = torch.empty(int(rank.max()) + 1, dtype=torch.long, device=slope.device)
    first[rank] = torch.arange(members * columns, device=slope.device)
    return first, rank.unflatten(0, (members, columns))


def _numbered(members: int, shape: tuple[int, int], device: torch.device) -> Tensor:
    return torch.arange(members * shape[0] * shape[1], device=device).view(members, *shape)
