"""How much the Jacobian products of an ensemble's members grow per step: the N of adaptive teacher forcing.

N is estimated from the Jacobians J_t at the forcing signals of windows, not at model states; the strength
alpha = 1 - 1/N then keeps gradients bounded. With ||.|| the spectral norm, each the maximum over a batch of windows:

    product_upper_bound   geometric mean over t of ||J_t||
    arithmetic_mean       || mean over t of J_t ||
    explog_approx         || exp(mean over t of log J_t) ||, principal matrix logarithm
    batch_maximum         maximum over t of ||J_t||
    jacobian_upper_bound  max |A| + ||W1|| ||W2||, of shallow PLRNNs; needs no data

The first bounds the growth of products most closely; the fourth and the fifth bound it too, in this order. The two
means can be smaller than the growth, or larger.

Source: Hess, Monfared, Brenner, Durstewitz, ICML 2023, arXiv:2306.04406.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from ..errors import SpecError, unknown
from ..models import ShallowPLRNN
from ..models.bounded import bounded_diagonal
from .ensemble import Ensemble
from .gradients.signal_jacobians import SMALL, SignalJacobians, signal_jacobians


@torch.no_grad()
def jacobian_norms(ensemble: Ensemble, windows: Tensor, estimator: str) -> Tensor:
    """N of each member (members,), from windows (T + 1, members, batch, obs) in standardised units.

    `estimator` is one of `ESTIMATORS`. NaN for a member whose Jacobians are not finite, and for `explog_approx` where a
    Jacobian has no logarithm (it is singular or cannot be diagonalised). Raises `SpecError` for an unknown estimator
    and for `jacobian_upper_bound` of another family.

    Cost: the first, third and fourth need a matrix at each of the T * batch signals (equal ones once); its spectral
    norm takes some 0.2 us up to 3 latent states, 10 us at 20 and 0.4 ms at 100, its logarithm five to ten times as
    long. For large models take `arithmetic_mean`, which needs one norm per window.
    """
    if estimator not in ESTIMATORS:
        raise unknown("estimator of the Jacobian norm", estimator, ESTIMATORS)
    if estimator == "jacobian_upper_bound":
        return _jacobian_upper_bound(ensemble)
    return ESTIMATORS_AT_SIGNALS[estimator](signal_jacobians(ensemble, windows)).to(ensemble.flat.dtype)


def _product_upper_bound(jacobians: SignalJacobians) -> Tensor:
    matrices, index = jacobians.distinct()
    return spectral_norms(matrices).flatten().log()[index].mean(1).amax(1).exp()


def _batch_maximum(jacobians: SignalJacobians) -> Tensor:
    matrices, index = jacobians.distinct()
    return spectral_norms(matrices).flatten()[index].amax((1, 2))


def _arithmetic_mean(jacobians: SignalJacobians) -> Tensor:
    return spectral_norms(jacobians.mean()).amax(1)


def _explog_approx(jacobians: SignalJacobians) -> Tensor:
    matrices, index = jacobians.distinct()
    m = matrices.shape[-1]
    logs = torch.view_as_real(_logarithms(matrices.flatten(0, -3))).flatten(1)
    mean = embedding_bag(index.transpose(1, 2).flatten(0, 1), logs, mode="mean").view(-1, m, m, 2)
    norm = spectral_norms(torch.matrix_exp(torch.view_as_complex(mean)))
    return norm.view(len(index), -1).amax(1)


def _jacobian_upper_bound(ensemble: Ensemble) -> Tensor:
    if not isinstance(ensemble.model, ShallowPLRNN):
        raise SpecError(
            f"estimator = 'jacobian_upper_bound' for a {type(ensemble.model).__name__}",
            "a shallow PLRNN, whose norms of A, W1 and W2 bound every Jacobian",
            "set forcing.estimator = 'product_upper_bound'",
        )
    p = ensemble.parameters
    A = bounded_diagonal(p["atanh_A"]) if "atanh_A" in p else p["A"]
    return A.abs().amax(1) + (spectral_norms(p["W1"]) * spectral_norms(p["W2"])).to(A.dtype)


ESTIMATORS_AT_SIGNALS: dict[str, Callable[[SignalJacobians], Tensor]] = {
    "product_upper_bound": _product_upper_bound,
    "arithmetic_mean": _arithmetic_mean,
    "explog_approx": _explog_approx,
    "batch_maximum": _batch_maximum,
}
ESTIMATORS = (*ESTIMATORS_AT_SIGNALS, "jacobian_upper_bound")
PIECE = 1 << 18  # numbers


def spectral_norms(matrices: Tensor) -> Tensor:
    """Largest singular values of real or complex matrices (u, ..., m, n), in double precision, from the largest
    eigenvalue of J^H J: relative error below 1e-7. NaN where an entry is not finite."""
    usable = matrices.isfinite().all(-1).all(-1)
    if matrices.shape[-2] < matrices.shape[-1]:
        matrices = matrices.mT
    if matrices.shape[-2] <= SMALL and not matrices.is_complex():
        square = _largest_of_three(matrices)
    else:
        # LAPACK refuses matrices with NaN, and one lost member must not stop the others
        square = _largest_by_lapack(torch.where(usable[..., None, None], matrices, 0.0))
    return torch.where(usable, square.clamp(min=0.0).sqrt(), torch.nan)


def _largest_of_three(matrices: Tensor) -> Tensor:
    """Largest eigenvalue of J^T J for J (..., m, n), m >= n, n <= 3, by the trigonometric solution of the cubic: with
    many matrices far faster than LAPACK, which takes them one by one."""
    columns = pad(matrices, (0, 3 - matrices.shape[-1])).unbind(-1)
    x, y, z = (c.double().unbind(-1) for c in columns)
    (xx, xy, xz), (yy, yz), zz = (_dots(x, (x, y, z)), _dots(y, (y, z)), _dots(z, (z,))[0])
    mean = (xx + yy + zz) / 3
    a, b, c = xx - mean, yy - mean, zz - mean
    off = xy * xy + xz * xz + yz * yz
    spread = ((a * a + b * b + c * c + 2 * off) / 6).sqrt()
    determinant = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)
    cosine = determinant / (2 * spread**3).clamp(min=torch.finfo(torch.float64).tiny)
    return mean + 2 * spread * torch.cos(torch.acos(cosine.clamp(-1, 1)) / 3)


def _largest_by_lapack(matrices: Tensor) -> Tensor:
    """The same of any real or complex matrices; an iteration would need more products than this costs. Pieces that
    stay in the cache save a third of the time at 100 states."""
    flat = matrices.flatten(0, -3).to(torch.complex128 if matrices.is_complex() else torch.float64)
    pieces = flat.split(max(1, PIECE // (flat.shape[1] * flat.shape[2])))
    largest = [torch.linalg.eigvalsh(piece.mH @ piece)[:, -1] for piece in pieces]
    return torch.cat(largest).view(matrices.shape[:-2])


def _dots(one: tuple[Tensor, ...], others: tuple[tuple[Tensor, ...], ...]) -> list[Tensor]:
    return [sum((p * q for p, q in zip(one[1:], other[1:], strict=True)), one[0] * other[0]) for other in others]


def _logarithms(matrices: Tensor) -> Tensor:
    """Principal matrix logarithms (U, M, M) complex128, by diagonalisation; not finite where there is none."""
    usable = matrices.isfinite().all(-1).all(-1)[:, None, None]
    values, vectors = torch.linalg.eig(torch.where(usable, matrices, 0.0).double())
    inverse, _ = torch.linalg.inv_ex(vectors)
    return (vectors * values.log()[:, None]) @ inverse
