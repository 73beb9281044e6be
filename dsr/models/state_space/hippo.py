"""HiPPO matrices, their normal-plus-low-rank form, and the diagonal initialisations that come from them.

A HiPPO system x' = A x + B u keeps in x the coefficients of the input's past in an orthogonal basis. All is NumPy in
double precision. Sources: Gu, Dao, Ermon, Rudra, Re, NeurIPS 2020, arXiv:2008.07669; Gu, Goel, Re, ICLR 2022,
arXiv:2111.00396 (S4); Gu, Johnson, Timalsina, Rudra, Re, ICLR 2023, arXiv:2206.12037 (FouT); Gu, Gupta, Goel, Re,
NeurIPS 2022, arXiv:2206.11893 (S4D).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import unknown
from ..plrnn import require

HIPPO = ("legs", "legt", "lagt", "fout")
DIAGONAL = ("lin", "inv", "real", "legs")
ZERO = 1e-9  # relative size below which an eigenvalue of the skew part counts as zero


@dataclass(frozen=True, eq=False)
class DiagonalPlusLowRank:
    """One half of the conjugate pairs of A = V (diag(eigenvalues) - P P*) V*, B = V B: what the other half holds is the
    conjugate. eigenvalues (N/2,), P (N/2, rank), B (N/2,), V (N, N/2), complex."""

    eigenvalues: np.ndarray
    P: np.ndarray
    B: np.ndarray
    V: np.ndarray

    def dense(self) -> tuple[np.ndarray, np.ndarray]:
        """The real A (N, N) and B (N,) again."""
        p = 2 * (self.V @ self.P).real
        a = 2 * ((self.V * self.eigenvalues) @ self.V.conj().T).real - p @ p.T
        return a, 2 * (self.V @ self.B).real


def hippo(name: str, order: int) -> tuple[np.ndarray, np.ndarray]:
    """A (order, order) and B (order,) of x' = A x + B u. "legs": Legendre polynomials scaled to the whole past;
    "legt", "fout": Legendre and Fourier functions on a window of length 2; "lagt": Laguerre functions, of exponential
    weight."""
    _require_known(name, order)
    n = np.arange(order)
    row, column = n[:, None], n[None, :]
    root = np.sqrt(2.0 * n + 1)
    if name == "legs":
        a = -np.tril(np.outer(root, root), -1) - np.diag(n + 1.0)
        return a, root
    if name == "legt":
        sign = np.where(row >= column, 1.0, (-1.0) ** (row - column))
        return -0.5 * np.outer(root, root) * sign, 0.5 * root
    if name == "lagt":
        return 0.5 * np.eye(order) - np.tril(np.ones((order, order))), np.ones(order)
    b = np.where(n % 2 == 0, np.sqrt(2.0), 0.0)
    b[0] = 1.0
    turns = np.where(n % 2 == 0, n // 2, 0)[:-1]  # cosine and sine of one frequency turn into each other
    a = np.pi * (np.diag(turns, -1) - np.diag(turns, 1))
    return a - np.outer(b, b), b


def low_rank(name: str, order: int) -> np.ndarray:
    """P (order, rank) such that A + P P^T is a multiple of the identity plus a skew-symmetric matrix."""
    _require_known(name, order)
    n = np.arange(order)
    if name == "legs":
        return np.sqrt(n + 0.5)[:, None]
    if name == "legt":
        p = np.sqrt(0.5 * (2 * n + 1))
        return np.stack([np.where(n % 2 == 0, p, 0.0), np.where(n % 2 == 1, p, 0.0)], axis=1)
    if name == "lagt":
        return np.full((order, 1), np.sqrt(0.5))
    return hippo(name, order)[1][:, None]


def diagonal_plus_low_rank(name: str, order: int) -> DiagonalPlusLowRank:
    """The HiPPO system in the eigenbasis of its normal part.

    S = A + P P^T = s + skew is diagonalised as the Hermitian matrix -i (S - s), whose eigenvectors are orthonormal.
    The eigenvectors of A itself are useless: their condition number is 1e5 at order 8 and 1e18 at 32. `order` must be
    even.
    """
    _require_even(order)
    a, b = hippo(name, order)
    p = low_rank(name, order)
    s = a + p @ p.T
    shift = float(np.mean(np.diag(s)))
    skew = (s - s.T) / 2
    w, v = np.linalg.eigh(-1j * skew)
    half = order // 2
    w, upper = w[half:], v[:, half:]
    if w[0] < ZERO * w[-1]:
        # eigh returns any basis of the null space; the pair needs one vector and its conjugate
        null = v[:, half - 1 : half + 1]
        basis = np.linalg.eigh((null @ null.conj().T).real)[1][:, -2:]
        upper[:, 0] = (basis[:, 0] + 1j * basis[:, 1]) / np.sqrt(2)
    back = upper.conj().T
    return DiagonalPlusLowRank(shift + 1j * w, back @ p, back @ b, upper)


def diagonal(name: str, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (order/2,) and B (order/2,) of a diagonal system, one of each conjugate pair, n = 0, 1, ...:
    "lin" -1/2 + i pi n; "inv" -1/2 + i (N/pi) (N/(2n+1) - 1); "real" -(n+1); "legs" the normal part of HiPPO-LegS."""
    if name not in DIAGONAL:
        raise unknown("diagonal initialisation", name, DIAGONAL)
    _require_even(order)
    n, ones = np.arange(order // 2), np.ones(order // 2, dtype=complex)
    if name == "legs":
        form = diagonal_plus_low_rank("legs", order)
        return form.eigenvalues, form.B
    if name == "lin":
        return -0.5 + 1j * np.pi * n, ones
    if name == "inv":
        return -0.5 + 1j * (order / np.pi) * (order / (2 * n + 1) - 1), ones
    return -(n + 1.0) + 0j, ones


def _require_known(name: str, order: int) -> None:
    if name not in HIPPO:
        raise unknown("HiPPO matrix", name, HIPPO)
    require(order >= 1, f"order = {order}", "1 or more")


def _require_even(order: int) -> None:
    require(order >= 2 and order % 2 == 0, f"order = {order}", "an even number, 2 or more (conjugate pairs)")
