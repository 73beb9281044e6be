"""Boundedness that does not depend on training: self-connections below 1 by parametrisation, and the box that every
orbit then enters.

A clipped unit is a difference of two ReLUs, which never exceeds its threshold: |relu(x - t) - relu(x)| <= |t|. So the
nonlinear part of state i is at most a constant c_i, and |z_i'| <= |A_i| |z_i| + c_i. With |A_i| < 1 every orbit comes
into the box |z_i| <= c_i / (1 - |A_i|) = R_i: a state in it stays, since |A_i| R_i + c_i = R_i, and the excess of any
other over R_i shrinks at least by the factor |A_i| each step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import SpecError

LIMIT = 0.999  # below 1, so that rounding of tanh cannot reach 1, and the box stays finite


def bounded_diagonal(raw: Tensor) -> Tensor:
    """Self-connections A between -LIMIT and LIMIT from parameters without bounds."""
    return LIMIT * torch.tanh(raw)


def raw_diagonal(A: Tensor) -> Tensor:
    """The parameters that give self-connections A; those beyond 0.99 are moved there, where they can still learn."""
    return torch.atanh(A.clamp(-0.99, 0.99) / LIMIT)


# where a penalty that draws A to 1 draws the parameter to
SLOWEST = float(raw_diagonal(torch.ones(())))


def trapping_box(A: Tensor, drive: Tensor, clipped: bool) -> Tensor:
    """Half widths R (M,) of the box that all orbits enter, for self-connections A (M,) and the largest absolute value
    c (M,) of all other terms.

    Raises `SpecError` when the model is not clipped or some |A| is 1 or more: then nothing is guaranteed.
    """
    largest = float(A.detach().abs().max())
    if not (clipped and largest < 1):
        raise SpecError(
            f"a trapping box of a model with {'clipped' if clipped else 'plain'} ReLUs and |A| up to {largest:.4g}",
            "clipped ReLUs, and all |A| below 1",
            "build the model with clipped=True and bounded=True, and train it again",
        )
    return drive / (1 - A.abs())


def require_clipped(bounded: bool, clipped: bool) -> None:
    """Refuse `bounded` where it would promise what plain ReLUs cannot hold."""
    if bounded and not clipped:
        raise SpecError(
            "bounded = true with plain ReLUs, which grow without limit",
            "bounded = true together with clipped = true",
            "set clipped = true, or bounded = false",
        )
