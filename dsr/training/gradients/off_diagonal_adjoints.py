"""Transitions of the PLRNNs without a hidden layer, z' = A z + W phi(z) + h, forwards and backwards."""

from __future__ import annotations

import abc
from typing import cast

import torch
from torch import Tensor

from ...models import DendriticPLRNN
from ..ensemble import Ensemble
from .adjoint_parts import SelfConnections, outer, rows


class OffDiagonalAdjoint(abc.ABC):
    """A row is [z, phi(z), 1]; the subclasses know phi. The diagonal of W is left out, and its gradient is 0."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...]) -> None:
        self.parameters, self.gradients = ensemble.parameters, ensemble.gradients
        self.diagonal = SelfConnections(ensemble)
        m = self.states = size[3]
        self.row = rows(ensemble.flat, size, 2 * m + 1)
        self.row[..., -1] = 1.0
        self.delta = rows(ensemble.flat, size, m)
        self.rows, self.deltas = self.row.unbind(0), self.delta.unbind(0)
        self.z, self.sent = self.row[..., :m], self.row[..., m : 2 * m]
        self.inputs, self.outputs = self.z.unbind(0), self.sent.unbind(0)
        self.back = ensemble.flat.new_empty((*size[1:3], 2 * m))
        self.back_parts = self.back[..., :m], self.back[..., m:]
        self.weight = ensemble.flat.new_zeros((size[1], m, 2 * m + 1))

    def load(self) -> None:
        m, weight = self.states, self.weight
        weight[..., :m].diagonal(dim1=1, dim2=2).copy_(self.diagonal.value())
        weight[..., m:-1] = self.parameters["W"]
        weight[..., m:-1].diagonal(dim1=1, dim2=2).zero_()
        weight[..., -1] = self.parameters["h"]
        self.onward, self.backward_weight = weight.transpose(1, 2), weight[..., :-1]

    def forward(self, t: int, out: Tensor) -> None:
        self._send(t)
        torch.bmm(self.rows[t], self.onward, out=out)

    @abc.abstractmethod
    def _send(self, t: int) -> None:
        """Write phi(inputs[t]) to outputs[t]."""

    @abc.abstractmethod
    def gates(self) -> None: ...

    @abc.abstractmethod
    def _receive(self, t: int, gradient: Tensor, out: Tensor) -> None:
        """out += phi'(inputs[t])^T gradient."""

    def backward(self, t: int, out: Tensor) -> None:
        torch.bmm(self.deltas[t], self.backward_weight, out=self.back)
        states, sent = self.back_parts
        out.copy_(states)
        self._receive(t, sent, out)

    def accumulate(self) -> None:
        m = self.states
        product = outer(self.delta, self.row)
        self.diagonal.store(product[..., :m].diagonal(dim1=1, dim2=2))
        W = self.gradients["W"]
        W.copy_(product[..., m:-1])
        W.diagonal(dim1=1, dim2=2).zero_()
        self.gradients["h"].copy_(product[..., -1])


class VanillaPLRNNAdjoint(OffDiagonalAdjoint):
    """phi = relu."""

    def _send(self, t: int) -> None:
        torch.clamp_min(self.inputs[t], 0, out=self.outputs[t])

    def gates(self) -> None:
        self.gate_views = (self.sent > 0).to(self.sent.dtype).unbind(0)

    def _receive(self, t: int, gradient: Tensor, out: Tensor) -> None:
        out.addcmul_(gradient, self.gate_views[t])


class MeanCentredPLRNNAdjoint(VanillaPLRNNAdjoint):
    """phi = relu(z - mean(z)); the centring is symmetric, its own transpose."""

    def _send(self, t: int) -> None:
        z = self.inputs[t]
        torch.sub(z, z.mean(-1, keepdim=True), out=self.outputs[t]).clamp_min_(0)

    def _receive(self, t: int, gradient: Tensor, out: Tensor) -> None:
        gated = gradient * self.gate_views[t]
        out.add_(gated).sub_(gated.mean(-1, keepdim=True))


class DendriticPLRNNAdjoint(OffDiagonalAdjoint):
    """phi_i = sum_b alpha_b relu(z_i - H_ib), minus sum_b alpha_b relu(z_i) when clipped: one more threshold at 0.

    With the thresholds of a unit in order, phi is slope z + offset between two of them: a binary search in place of a
    sum over bases, and gradients of the bases from sums of what arrived between the thresholds.
    """

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...]) -> None:
        super().__init__(ensemble, size)
        self.clipped = cast(DendriticPLRNN, ensemble.model).clipped
        steps, members, batch, m = size
        self.place = torch.empty((steps, members, m, batch), dtype=torch.long, device=ensemble.flat.device)
        self.places = self.place.unbind(0)
        self.slope = ensemble.flat.new_empty((steps, members, m, batch))
        self.slopes = self.slope.unbind(0)
        self.slopes_back = self.slope.transpose(2, 3).unbind(0)
        self.received = torch.empty_like(self.delta)
        self.received_views = self.received.unbind(0)

    def load(self) -> None:
        super().load()
        alpha, H = self.parameters["alpha"], self.parameters["H"]
        weights = alpha[:, None].expand_as(H)
        if self.clipped:
            H = torch.cat([H, torch.zeros_like(H[..., :1])], dim=-1)
            weights = torch.cat([weights, -weights.sum(-1, keepdim=True)], dim=-1)
        self.thresholds, self.order = H.sort(dim=-1)
        self.weights = weights.gather(2, self.order)
        none = torch.zeros_like(self.weights[..., :1])
        self.steep = torch.cat([none, self.weights.cumsum(-1)], dim=-1)
        self.offset = torch.cat([none, -(self.weights * self.thresholds).cumsum(-1)], dim=-1)

    def _send(self, t: int) -> None:
        z = self.inputs[t].transpose(1, 2).contiguous()
        place, slope = self.places[t], self.slopes[t]
        torch.searchsorted(self.thresholds, z, out=place)  # how many thresholds lie below
        torch.gather(self.steep, 2, place, out=slope)
        self.outputs[t].copy_(torch.addcmul(self.offset.gather(2, place), slope, z).transpose(1, 2))

    def gates(self) -> None:
        pass  # found on the way forward

    def _receive(self, t: int, gradient: Tensor, out: Tensor) -> None:
        self.received_views[t].copy_(gradient)
        out.addcmul_(gradient, self.slopes_back[t])

    def accumulate(self) -> None:
        super().accumulate()
        above = self._sums_above(self.received)
        reach = self._sums_above(self.received * self.z) - above * self.thresholds
        by_weight = torch.empty_like(reach).scatter_(2, self.order, reach)
        by_threshold = torch.empty_like(above).scatter_(2, self.order, -above * self.weights)
        bases = self.gradients["H"].shape[2]
        self.gradients["H"].copy_(by_threshold[..., :bases])
        total = by_weight[..., :bases] - by_weight[..., bases:].sum(-1, keepdim=True)
        self.gradients["alpha"].copy_(total.sum(1))

    def _sums_above(self, x: Tensor) -> Tensor:
        """Sums of x (T, K, B, M) over all times and windows at which a state lay above each threshold, (K, M, n)."""
        members, m, count = self.steep.shape
        bins = self.place + count * torch.arange(members * m, device=x.device).view(members, m, 1)
        sums = x.new_zeros(members * m * count)
        sums.index_add_(0, bins.flatten(), x.transpose(2, 3).flatten())
        return sums.view(members, m, count).flip(-1).cumsum(-1).flip(-1)[..., 1:]
