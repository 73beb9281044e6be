"""The linear readout of a reservoir: ridge regression summed up over blocks of rows."""

from __future__ import annotations

import numpy as np

CHOLESKY = 10.0  # times rounding that a ridge must have for the normal equations
INTERPOLATION = 1.35  # rows per unit up to which a readout without ridge has an error peak


class Readout:
    """W = argmin mean over rows |W r - y|^2 + ridge |W|^2 + tr(W P W^T), for any ridge >= `smallest_ridge`.

    units, outputs : sizes of r and y. Features are taken to be of order one. Normal equations are solved by Cholesky
    factors where the ridge is well above their rounding, 10 eps units; below that, the rows are reduced by QR, which
    takes four times as long and does not square the condition number. Never by a pseudo-inverse of the Gram matrix,
    which throws away the small eigenvalues that a forecast of clean data lives on.
    """

    def __init__(self, units: int, outputs: int, smallest_ridge: float) -> None:
        self.units, self.rows = units, 0
        self.normal = smallest_ridge >= CHOLESKY * np.finfo(np.float64).eps * units
        # sums of r r^T, of which only the lower triangle is kept, and of y r^T
        self.gram, self.cross = np.zeros((units, units), order="F"), np.zeros((outputs, units))
        self.triangle = np.zeros((0, units + outputs))

    def add(self, features: np.ndarray, targets: np.ndarray) -> None:
        """Rows of r (rows, units) with their y (rows, outputs)."""
        self.rows += len(features)
        if self.normal:
            from scipy.linalg.blas import dsyrk

            self.gram = dsyrk(1.0, features.T, beta=1.0, c=self.gram, lower=1, overwrite_c=1)
            self.cross += targets.T @ features
        else:
            self.triangle = _triangle([self.triangle, np.concatenate([features, targets], axis=1)])

    def solve(self, ridge: float, penalty: np.ndarray | None = None) -> np.ndarray:
        """W (outputs, units); `penalty` is P (units, units), symmetric and not negative."""
        if not self.normal:
            return self._by_qr(ridge, penalty)
        from scipy.linalg import cho_factor, cho_solve

        matrix = self.gram / self.rows + ridge * np.eye(self.units)
        if penalty is not None:
            matrix += penalty
        return cho_solve(cho_factor(matrix, lower=True), self.cross.T / self.rows).T

    def _by_qr(self, ridge: float, penalty: np.ndarray | None) -> np.ndarray:
        n = self.units
        extra = [np.sqrt(ridge) * np.eye(n)]
        if penalty is not None:
            values, vectors = np.linalg.eigh(penalty)
            extra.append(np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T)
        below = np.pad(np.concatenate(extra), ((0, 0), (0, self.triangle.shape[1] - n)))
        reduced = _triangle([self.triangle / np.sqrt(self.rows), below])
        # least squares on the triangle: without a ridge it need not have full rank
        return np.linalg.lstsq(reduced[:n, :n], reduced[:n, n:], rcond=None)[0].T


def _triangle(blocks: list[np.ndarray]) -> np.ndarray:
    """R of the QR decomposition of the rows of all blocks, which has the same products of columns."""
    return np.asarray(np.linalg.qr(np.concatenate(blocks), mode="r"))
