"""The vector field of a neural ODE: a linear part and a network, on standardised states."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, silu

from ...errors import SpecError, unknown
from ..initialise import uniform

FIELDS = ("mlp", "linear+mlp", "plrnn")
SCALE = 0.1  # standardised data that move ten times less, or four times more, in one step train as well


def tanh_gelu(u: Tensor) -> Tensor:
    return gelu(u, approximate="tanh")


# in the order of their numbers in the compiled loop
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "silu": silu,
    "gelu": tanh_gelu,
    "relu": torch.relu,
}


class Field(nn.Module):
    """dz/dtau = A z + s network(z), (..., dim) -> (..., dim), tau counted in steps of the data, s = `SCALE`.

    A field per step has no unit of time, so one learning rate serves data however they are sampled.

    kind : "mlp", no linear part; "linear+mlp", a full matrix A; "plrnn", a diagonal A and one hidden ReLU layer,
    A z + W1 relu(W2 z + h2) + h1.
    bound : None, or a largest damping. Then dz/dtau = -c z + a tanh(network), with learned 0 < c <= bound and a > 0 for
    each coordinate: |z_i| falls wherever it is above a_i / c_i (see `radius`), so no orbit escapes.
    """

    def __init__(
        self,
        dim: int,
        kind: str,
        hidden_dim: int,
        layers: int,
        activation: str,
        bound: float | None,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        if kind not in FIELDS:
            raise unknown("field", kind, FIELDS)
        if activation not in ACTIVATIONS:
            raise unknown("activation", activation, ACTIVATIONS)
        if bound is not None and kind != "mlp":
            raise SpecError(
                f"dissipative = true with field = '{kind}', whose linear part has no bound",
                "the field 'mlp'",
                "set field = 'mlp', or dissipative = false",
            )
        if kind == "plrnn":
            layers, activation = 1, "relu"
        self.kind, self.activation, self.bound = kind, activation, bound
        shape = {"mlp": None, "linear+mlp": (dim, dim), "plrnn": (dim,)}[kind]
        self.A = None if shape is None else nn.Parameter(torch.zeros(shape))
        sizes = [dim, *[hidden_dim] * layers, dim]
        pairs = list(zip(sizes[1:], sizes[:-1], strict=True))
        self.names = tuple((f"W{k}", f"b{k}") for k in range(1, len(pairs) + 1))
        for (weight, bias), pair in zip(self.names, pairs, strict=True):
            self.register_parameter(weight, nn.Parameter(uniform(pair, pair[1], rng)))
            self.register_parameter(bias, nn.Parameter(uniform(pair[:1], pair[1], rng)))
        self.log_c = self.log_a = None
        if bound is not None:
            self.log_c = nn.Parameter(torch.zeros(dim))
            self.log_a = nn.Parameter(torch.full((dim,), 2.3))  # radius 10 to begin with

    def forward(self, z: Tensor) -> Tensor:
        *hidden, (last, shift) = self.affine_maps()
        act, h = ACTIVATIONS[self.activation], z
        for weight, bias in hidden:
            h = act(linear(h, weight, bias))
        h = linear(h, last, shift)
        if self.log_c is not None:
            return self.gain * torch.tanh(h) - self.damping * z
        h = SCALE * h
        return h if self.A is None else h + (self.A * z if self.A.ndim == 1 else z @ self.A.T)

    def tangent(self, z: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The field at z (..., dim) and its Jacobian times v (..., dim, k): (..., dim), (..., dim, k)."""
        *hidden, (last, shift) = self.affine_maps()
        act, h, dh = ACTIVATIONS[self.activation], z, v
        for weight, bias in hidden:
            u = linear(h, weight, bias)
            h, slope = act(u), torch.func.jvp(act, (u,), (torch.ones_like(u),))[1]
            dh = slope[..., None] * (weight @ dh)
        h, dh = linear(h, last, shift), last @ dh
        if self.log_c is not None:
            h, c = torch.tanh(h), self.damping
            slope = self.gain * (1 - h * h)
            return self.gain * h - c * z, slope[..., None] * dh - c[:, None] * v
        h, dh = SCALE * h, SCALE * dh
        if self.A is None:
            return h, dh
        matrix = torch.diag(self.A) if self.A.ndim == 1 else self.A
        return h + z @ matrix.T, dh + matrix @ v

    def affine_maps(self) -> list[tuple[Tensor, Tensor]]:
        """Matrix and bias of each layer, (outputs, inputs) and (outputs,)."""
        return [(getattr(self, weight), getattr(self, bias)) for weight, bias in self.names]

    @property
    def damping(self) -> Tensor:
        """c (dim,), per step, of a dissipative field."""
        assert self.log_c is not None
        return (SCALE * self.log_c.exp()).clamp(max=self.bound)

    @property
    def gain(self) -> Tensor:
        """a (dim,), per step, of a dissipative field."""
        assert self.log_a is not None
        return SCALE * self.log_a.exp()
