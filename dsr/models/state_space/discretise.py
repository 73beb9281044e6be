"""From x' = A x + B u to x_{k+1} = Ab x_k + Bb u_k, for dense and for diagonal systems.

The step D is in the layer's own unit of time: one row of the data. GBT(alpha) is the generalised bilinear transform
Ab = (1 - alpha D A)^-1 (1 + (1 - alpha) D A), Bb = (1 - alpha D A)^-1 D B: alpha 0 Euler, 1/2 bilinear, 1 backward
Euler. Zero-order hold is exact for an input constant over the step: Ab = exp(D A), Bb = int_0^D exp(s A) ds B.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import unknown
from ..plrnn import require

METHODS = ("zoh", "bilinear")
SERIES = 1e-4  # below this size of z, (e^z - 1) / z is its series


def gbt(A: Tensor, B: Tensor, step: Tensor | float, alpha: float = 0.5) -> tuple[Tensor, Tensor]:
    """Generalised bilinear transform of A (..., N, N), B (..., N, inputs)."""
    require(0 <= alpha <= 1, f"alpha = {alpha}", "0 to 1")
    eye = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    scaled = step * A
    right = torch.cat([eye + (1 - alpha) * scaled, (step * B).expand(*scaled.shape[:-1], B.shape[-1])], dim=-1)
    both = torch.linalg.solve(eye - alpha * scaled, right)
    return both[..., : A.shape[-1]], both[..., A.shape[-1] :]


def bilinear(A: Tensor, B: Tensor, step: Tensor | float) -> tuple[Tensor, Tensor]:
    """GBT(1/2): maps the left half-plane onto the unit disc, so a stable system stays stable at any step."""
    return gbt(A, B, step, 0.5)


def zoh(A: Tensor, B: Tensor, step: Tensor | float) -> tuple[Tensor, Tensor]:
    """Zero-order hold through one matrix exponential of [[A, B], [0, 0]], which needs no inverse of A: it holds for
    singular A as well."""
    n, inputs = B.shape[-2:]
    top = torch.cat([step * A, (step * B).expand(*(step * A).shape[:-1], inputs)], dim=-1)
    block = torch.cat([top, top.new_zeros((*top.shape[:-2], inputs, n + inputs))], dim=-2)
    both = torch.linalg.matrix_exp(block)[..., :n, :]
    return both[..., :n], both[..., n:]


def dense(method: str, A: Tensor, B: Tensor, step: Tensor | float) -> tuple[Tensor, Tensor]:
    """Ab, Bb by the name of the method."""
    require_method(method)
    return zoh(A, B, step) if method == "zoh" else bilinear(A, B, step)


def diagonal(method: str, eigenvalues: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Poles and the gains that B is to be multiplied by, of the shape of eigenvalues * step."""
    require_method(method)
    z = eigenvalues * step
    if method == "zoh":
        return torch.exp(z), step * relative_expm1(z)
    return (1 + z / 2) / (1 - z / 2), step / (1 - z / 2)


def relative_expm1(z: Tensor) -> Tensor:
    """(e^z - 1) / z for complex z, to rounding for all z including 0."""
    small = z.abs() < SERIES
    safe = torch.where(small, torch.ones_like(z), z)
    x, y = safe.real, safe.imag
    real = torch.expm1(x) * torch.cos(y) - 2 * torch.sin(y / 2) ** 2
    series = 1 + z / 2 * (1 + z / 3 * (1 + z / 4))
    return torch.where(small, series, torch.complex(real, torch.exp(x) * torch.sin(y)) / safe)


def require_method(method: str) -> None:
    """Refuse a discretisation that does not exist."""
    if method not in METHODS:
        raise unknown("discretisation", method, METHODS)
