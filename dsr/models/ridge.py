"""Linear least squares with a ridge, for many ridges at the price of one decomposition."""

from __future__ import annotations

import numpy as np

RIDGES = tuple(10.0**e for e in range(0, -27, -2))  # strongest first, as a choice in closed loop wants them


class Ridge:
    """W(ridge) = argmin |features W - targets|^2 / rows + ridge |W|^2, by singular values of the features.

    features : (rows, terms). targets : (rows, outputs). Singular values below rounding are kept at ridge > 0 and left
    out at ridge = 0, which gives the solution of least norm. condition_number : largest over smallest singular value.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        left, self.singular, self.right = np.linalg.svd(features, full_matrices=False)
        self.projected, self.rows = left.T @ targets, len(features)
        self.rounding = np.finfo(np.float64).eps * max(features.shape)
        with np.errstate(divide="ignore"):
            self.condition_number = float(self.singular[0] / self.singular[-1])

    def __call__(self, ridge: float) -> np.ndarray:
        s = self.singular
        if ridge == 0:
            kept = s > self.rounding * s[0]
            factor = np.divide(1.0, s, out=np.zeros_like(s), where=kept)
        else:
            factor = s / (s**2 + ridge * self.rows)
        return self.right.T @ (factor[:, None] * self.projected)
