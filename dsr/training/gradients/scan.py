"""Linear recurrences z_t = J_t z_{t-1} + b_t for all times at once: a scan of log T rounds in place of a loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Up to this many coordinates a matrix product is faster as sums of elementwise products along the batch. Measured
# ratio to batched matrix products on one core, 16 sequences, T = 1000, float32: 1.4 at 3, 2.0 at 6, 0.8 at 8.
ELEMENTWISE_DIM = 6
# below this length the loop over time has fewer operations than two more levels of the scan
SHORTEST = 8

_Product = Callable[[Tensor, Tensor], Tensor]


def affine_scan(matrices: Tensor, offsets: Tensor, start: Tensor, *, reverse: bool = False) -> Tensor:
    """All states of z_t = J_t z_{t-1} + b_t, t = 0..T-1, with z_{-1} = start.

    Parameters
    ----------
    matrices : (T, ..., M, M) J_t; offsets : (T, ..., M) b_t; start : (..., M). One dtype, one device; T may be 0.
    reverse : run from the end, z_t = J_t z_{t+1} + b_t with z_T = start; with transposed matrices this is the
        gradient of the forward recurrence.

    Returns the states (T, ..., M). Neighbouring maps are composed pairwise, the recurrence of half the length is
    solved, and the states between follow by one product each: T matrix products and 2 T products with a vector in
    2 log2 T rounds, where the loop needs T products with a vector in T rounds. So it pays only where rounds cost
    more than arithmetic: tiny M, long T. Rounding errors grow with the norm of the products J_t ... J_s, as they do
    in the loop. Source: Blelloch, Prefix sums and their applications, 1990, CMU-CS-90-190.
    """
    if reverse:
        return affine_scan(matrices.flip(0), offsets.flip(0), start).flip(0)
    length, dim = offsets.shape[0], offsets.shape[-1]
    z = start.reshape(-1, dim)
    J, b = matrices.reshape(length, len(z), dim, dim), offsets.reshape(length, len(z), dim)
    if dim > ELEMENTWISE_DIM:
        return _scan(J, b, z, torch.matmul, _apply).reshape(offsets.shape)
    units_first = _scan(
        J.permute(0, 2, 3, 1).contiguous(),
        b.transpose(1, 2).contiguous(),
        z.T.contiguous(),
        _elementwise_product,
        _elementwise_apply,
    )
    return units_first.transpose(1, 2).reshape(offsets.shape)


def _scan(J: Tensor, b: Tensor, start: Tensor, product: _Product, apply: _Product) -> Tensor:
    length = b.shape[0]
    states = torch.empty_like(b)
    if length <= SHORTEST:
        z = start[None]
        for t in range(length):
            z = torch.add(apply(J[t : t + 1], z), b[t : t + 1], out=states[t : t + 1])
        return states
    pairs = length // 2
    first, second = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    odd = _scan(product(J[second], J[first]), apply(J[second], b[first]).add_(b[second]), start, product, apply)
    states[second] = odd
    before = torch.cat([start[None], odd[: (length - 1) // 2]])
    states[::2] = apply(J[::2], before).add_(b[::2])
    return states


def _apply(J: Tensor, z: Tensor) -> Tensor:
    """(T, rows, M, M), (T, rows, M) -> (T, rows, M)."""
    return (J @ z[..., None])[..., 0]


def _elementwise_product(left: Tensor, right: Tensor) -> Tensor:
    """(T, M, M, rows) twice: the rows are vector lanes."""
    out = left[:, :, 0, None] * right[:, None, 0]
    for k in range(1, left.shape[2]):
        out.addcmul_(left[:, :, k, None], right[:, None, k])
    return out


def _elementwise_apply(J: Tensor, z: Tensor) -> Tensor:
    """(T, M, M, rows), (T, M, rows) -> (T, M, rows)."""
    out = J[:, :, 0] * z[:, None, 0]
    for k in range(1, J.shape[2]):
        out.addcmul_(J[:, :, k], z[:, None, k])
    return out
