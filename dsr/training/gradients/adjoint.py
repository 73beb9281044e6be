"""Transitions of the PLRNN family, forwards and backwards, for a leading ensemble axis; and the list of all adjoints.

Each class mirrors one model file: `forward` is its `step`, `backward` the transposed Jacobian times a gradient.
Parameters and gradients are the ensemble's views. What a step multiplies by weights lies side by side in one row
(states, activations and a one for the bias), so that a step is one matrix product or two, and the gradients of all
weights come from one product over time and batch.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor

from ...models import ALRNN, DendriticPLRNN, MeanCentredPLRNN, Model, ShallowPLRNN, VanillaPLRNN
from ...models.observation import AffineObservation, IdentityObservation, NonlinearObservation, Observation
from ..ensemble import Ensemble
from .adjoint_parts import SelfConnections, outer, rows
from .observation_adjoints import AffineAdjoint, IdentityAdjoint, NonlinearAdjoint
from .off_diagonal_adjoints import DendriticPLRNNAdjoint, MeanCentredPLRNNAdjoint, VanillaPLRNNAdjoint


class TransitionAdjoint(Protocol):
    """The transition of one model family and its transpose, over the steps t = 0, 1, ... of a window.

    inputs[t], deltas[t] : (members, batch, state) views that the caller writes the forced states and the gradients at
    the predictions to, before `forward(t)` and `backward(t)`.
    """

    inputs: tuple[Tensor, ...]
    deltas: tuple[Tensor, ...]

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...]) -> None:
        """size: (T, members, batch, state)."""

    def load(self) -> None:
        """Take over the present weights, before a forward loop."""

    def forward(self, t: int, out: Tensor) -> None:
        """out = F(inputs[t]), keeping what the way back needs."""

    def gates(self) -> None:
        """Activation pattern at all inputs, after the forward loop."""

    def backward(self, t: int, out: Tensor) -> None:
        """out = F'(inputs[t])^T deltas[t]."""

    def accumulate(self) -> None:
        """Fill the parameter gradients from all inputs and deltas."""


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
    """z' = A z + W phi(z) + h. A row is [z, phi of the rectified units, 1]; on linear units A and W act as one."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...]) -> None:
        self.parameters, self.gradients = ensemble.parameters, ensemble.gradients
        m, p = size[3], cast(ALRNN, ensemble.model).relu_units
        self.states, self.linear, self.relu_units = m, m - p, p
        self.row = rows(ensemble.flat, size, m + p + 1)
        self.row[..., -1] = 1.0
        self.delta = rows(ensemble.flat, size, m)
        self.rows, self.deltas = self.row.unbind(0), self.delta.unbind(0)
        self.inputs = self.row[..., :m].unbind(0)
        self.rectified = self.row[..., m - p : m].unbind(0), self.row[..., m : m + p].unbind(0)
        self.gate = ensemble.flat.new_empty((*size[:3], p))
        self.gate_views = self.gate.unbind(0)
        self.back = ensemble.flat.new_empty((*size[1:3], m + p))
        self.back_parts = self.back[..., :m], self.back[..., m - p : m], self.back[..., m:]
        self.weight = ensemble.flat.new_zeros((size[1], m, m + p + 1))

    def load(self) -> None:
        m, q, weight, W = self.states, self.linear, self.weight, self.parameters["W"]
        weight[..., :q] = W[..., :q]
        weight[..., q:m] = 0.0
        weight[..., :m].diagonal(dim1=1, dim2=2).add_(self.parameters["A"])
        weight[..., m:-1] = W[..., q:]
        weight[..., -1] = self.parameters["h"]
        self.onward, self.backward_weight = weight.transpose(1, 2), weight[..., :-1]

    def forward(self, t: int, out: Tensor) -> None:
        if self.relu_units:
            torch.clamp_min(self.rectified[0][t], 0, out=self.rectified[1][t])
        torch.bmm(self.rows[t], self.onward, out=out)

    def gates(self) -> None:
        torch.gt(self.row[..., self.linear : self.states], 0, out=self.gate)

    def backward(self, t: int, out: Tensor) -> None:
        torch.bmm(self.deltas[t], self.backward_weight, out=self.back)
        states, rectified, activations = self.back_parts
        if self.relu_units:
            rectified.addcmul_(activations, self.gate_views[t])
        out.copy_(states)

    def accumulate(self) -> None:
        m, q = self.states, self.linear
        product = outer(self.delta, self.row)
        self.gradients["A"].copy_(product[..., :m].diagonal(dim1=1, dim2=2))
        self.gradients["W"][..., :q] = product[..., :q]
        self.gradients["W"][..., q:] = product[..., m:-1]
        self.gradients["h"].copy_(product[..., -1])


class ShallowPLRNNAdjoint:
    """z' = A z + W1 r + h1, r = relu(W2 z + h2), minus relu(W2 z) when clipped. A row is [z, 1, r]."""

    def __init__(self, ensemble: Ensemble, size: tuple[int, ...]) -> None:
        model = cast(ShallowPLRNN, ensemble.model)
        self.diagonal = SelfConnections(ensemble)
        self.parameters, self.gradients, self.clipped = ensemble.parameters, ensemble.gradients, model.clipped
        m, hidden = size[3], model.hidden_dim
        self.states = m
        self.merged = m <= 16  # A as a dense matrix in the product: for few states cheaper than an operation of its own
        self.row = rows(ensemble.flat, size, m + 1 + hidden)
        self.row[..., m] = 1.0
        self.rows, self.inputs = self.row.unbind(0), self.row[..., :m].unbind(0)
        self.inputs_and_one, self.one_and_hidden = self.row[..., : m + 1].unbind(0), self.row[..., m:].unbind(0)
        self.hidden = self.row[..., m + 1 :].unbind(0)
        self.delta = rows(ensemble.flat, size, m + hidden)  # [delta of the states, delta of the hidden units]
        self.delta_rows, self.deltas = self.delta.unbind(0), self.delta[..., :m].unbind(0)
        self.hidden_deltas = self.delta[..., m:].unbind(0)
        self.u = ensemble.flat.new_empty((*size[:3], hidden))
        self.slope = torch.empty_like(self.u)
        self.us, self.slopes = self.u.unbind(0), self.slope.unbind(0)
        self.raw = torch.empty_like(self.u if self.clipped else self.u[:1])  # only clipping needs it at all times
        self.raws = self.raw.expand(size[0], -1, -1, -1).unbind(0)
        self.first = ensemble.flat.new_empty((size[1], hidden, m + 1))
        self.second = ensemble.flat.new_zeros((size[1], m, m + 1 + hidden))
        self.third = ensemble.flat.new_zeros((size[1], m, m + hidden))

    def load(self) -> None:
        m, p = self.states, self.parameters
        A = self.diagonal.value()
        self.A, self.h2, self.W1, self.W2 = A[:, None], p["h2"][:, None], p["W1"], p["W2"]
        self.first[..., :m] = p["W2"]
        self.first[..., m] = 0.0 if self.clipped else p["h2"]
        self.second[..., :m].diagonal(dim1=1, dim2=2).copy_(A)
        self.second[..., m] = p["h1"]
        self.second[..., m + 1 :] = p["W1"]
        self.third[..., :m].diagonal(dim1=1, dim2=2).copy_(A)
        self.third[..., m:] = p["W2"].transpose(1, 2)
        self.to_hidden, self.onward = self.first.transpose(1, 2), self.second.transpose(1, 2)
        self.onward_hidden = self.second[..., m:].transpose(1, 2)
        self.backward_weight = self.third.transpose(1, 2)  # so laid out, the product is twice as fast

    def forward(self, t: int, out: Tensor) -> None:
        u = self.us[t]
        torch.bmm(self.inputs_and_one[t], self.to_hidden, out=u)
        if self.clipped:
            torch.sub(torch.add(u, self.h2).relu_(), torch.relu(u), out=self.hidden[t])
        else:
            torch.clamp_min(u, 0, out=self.hidden[t])
        if self.merged:
            torch.bmm(self.rows[t], self.onward, out=out)
        else:
            torch.bmm(self.one_and_hidden[t], self.onward_hidden, out=out)
            out.addcmul_(self.A, self.inputs[t])

    def gates(self) -> None:
        if not self.clipped:
            torch.gt(self.u, 0, out=self.slope)
            return
        self.bias_gate = (self.u + self.h2 > 0).to(self.u.dtype)
        torch.sub(self.bias_gate, (self.u > 0).to(self.u.dtype), out=self.slope)

    def backward(self, t: int, out: Tensor) -> None:
        torch.bmm(self.deltas[t], self.W1, out=self.raws[t])
        torch.mul(self.raws[t], self.slopes[t], out=self.hidden_deltas[t])
        if self.merged:
            torch.bmm(self.delta_rows[t], self.backward_weight, out=out)
        else:
            torch.bmm(self.hidden_deltas[t], self.W2, out=out)
            out.addcmul_(self.A, self.deltas[t])

    def accumulate(self) -> None:
        m, grad = self.states, self.gradients
        onward = outer(self.delta[..., :m], self.row)
        self.diagonal.store(onward[..., :m].diagonal(dim1=1, dim2=2))
        grad["h1"].copy_(onward[..., m])
        grad["W1"].copy_(onward[..., m + 1 :])
        to_hidden = outer(self.delta[..., m:], self.row[..., : m + 1])
        grad["W2"].copy_(to_hidden[..., :m])
        grad["h2"].copy_((self.raw * self.bias_gate).sum((0, 2)) if self.clipped else to_hidden[..., m])


ADJOINTS: dict[type[Model], type[TransitionAdjoint]] = {
    ALRNN: ALRNNAdjoint,
    DendriticPLRNN: DendriticPLRNNAdjoint,
    MeanCentredPLRNN: MeanCentredPLRNNAdjoint,
    ShallowPLRNN: ShallowPLRNNAdjoint,
    VanillaPLRNN: VanillaPLRNNAdjoint,
}
OBSERVATION_ADJOINTS: dict[type[Observation], type[ObservationAdjoint]] = {
    IdentityObservation: IdentityAdjoint,
    AffineObservation: AffineAdjoint,
    NonlinearObservation: NonlinearAdjoint,
}
