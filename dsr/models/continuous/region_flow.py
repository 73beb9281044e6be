"""The exact flow of a piecewise-linear vector field z' = A z + W phi(z) + h, linear region by linear region.

Inside a region the solution is a matrix exponential, summed as its power series over pieces so short that the series
ends at rounding error. A rectified coordinate is a polynomial on such a piece; its first root, isolated in Bernstein
form and polished to rounding, is the switching time.

The field is continuous across the border of two regions. So tangent vectors do not jump there (the saltation matrix is
the identity), and the end state depends on a switching time to second order only: its derivative with respect to the
start and to the weights is that of the matrix exponentials at fixed switching times, and none of a root is needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..states import require_width
from .region_loops import ORDER, region_itinerary


class Field(NamedTuple):
    """z' = A z + W phi(z) + h with A (state,), W (state, state), h (state,); phi rectifies the coordinates from
    `first` on."""

    A: Tensor
    W: Tensor
    h: Tensor
    first: int


def exact_flow(field: Field, z: Tensor, span: Tensor) -> Tensor:
    """State after the time span (..., 1), (..., state) -> (..., state); differentiable by z and the weights.

    NaN where an orbit leaves the finite numbers, or is faster than `MOST_SEGMENTS` pieces can resolve.
    """
    A, W, h, _ = field
    lengths, gates = itinerary(field, z, span)
    for s in range(lengths.shape[0]):
        term = z
        for k in range(1, ORDER + 1):
            term = A * term + (gates[s] * term) @ W.T
            term = (term + h if k == 1 else term) * (lengths[s] / k)
            z = z + term
    return z


def exact_tangent(field: Field, z: Tensor, v: Tensor, span: Tensor) -> Tensor:
    """Derivative of `exact_flow` with respect to its start, times v (..., state, k): the product of the matrix
    exponentials of the regions passed, in their order; no factor for the switches, since the field is continuous
    there."""
    lengths, gates = itinerary(field, z, span)
    for s in range(lengths.shape[0]):
        matrix = torch.diag(field.A) + field.W * gates[s][..., None, :]
        v = torch.linalg.matrix_exp(matrix * lengths[s][..., None]) @ v
    return v


def itinerary(field: Field, z: Tensor, span: Tensor) -> tuple[Tensor, Tensor]:
    """The pieces of the exact orbits from z (..., state) over span (..., 1): lengths (segments, ..., 1) and gates
    (segments, ..., state), without derivatives. A switch of a region is between two pieces, and some pieces end
    without one; behind the last piece of an orbit the lengths are 0."""
    A, W, h, first = field
    require_width(z, len(h))
    lengths, gates = _Itinerary.apply(z.detach(), span.detach(), A.detach(), W.detach(), h.detach(), first)
    return lengths, gates


class _Itinerary(torch.autograd.Function):
    """The search for switching times in terms that torch's function transforms accept."""

    @staticmethod
    def forward(z: Tensor, span: Tensor, A: Tensor, W: Tensor, h: Tensor, first: int) -> tuple[Tensor, Tensor]:
        rates, connections, bias = (w.cpu().double().contiguous().numpy() for w in (A, W, h))
        rows = z.cpu().double().reshape(-1, z.shape[-1]).numpy()
        times = span.cpu().double().expand(*z.shape[:-1], 1).reshape(-1).numpy()
        lengths, gates, end = region_itinerary((rates, connections, bias, first), rows, times)
        lengths[:, ~np.isfinite(end).all(axis=1)] = np.nan
        shape = (len(lengths), *z.shape[:-1])
        return (
            torch.from_numpy(lengths).to(z).reshape(*shape, 1),
            torch.from_numpy(gates).to(z).reshape(*shape, z.shape[-1]),
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, ...]:
        return (None,) * 6

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> tuple[None, None]:
        return None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], z: Tensor, span: Tensor, *rest: Any) -> tuple[Any, tuple[int, int]]:
        z, span = (
            x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
            for x, dim in ((z, in_dims[0]), (span, in_dims[1]))
        )
        return _Itinerary.apply(z, span, *rest), (1, 1)
