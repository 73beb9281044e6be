"""The equations library x coefficients = derivative along a trajectory, three ways, and their sparse solution."""

from __future__ import annotations

import numpy as np

DERIVATIVES = ("weak", "finite_difference", "savitzky_golay")
BUMP_POWER = 12  # of the test function: so smooth at its ends that sums over rows equal integrals to rounding
ROWS_PER_WINDOW = 8  # test functions per half-width
AT_ONCE = 20  # the share of terms left out in one go is one over this


def rows_lost(derivative: str, window: int) -> int:
    """Rows at each end of a trajectory that have no equation."""
    return 2 if derivative == "finite_difference" else window


def equations(x: np.ndarray, phi: np.ndarray, dt: float, derivative: str, window: int) -> tuple[np.ndarray, np.ndarray]:
    """(A, b), (equations, terms) and (equations, dim), with A coefficients = b, from a trajectory x (time, dim) and
    its library phi (time, terms).

    weak : both sides are averaged with smooth bumps over 2 `window` + 1 rows, and the derivative is moved onto the
    bump: exact to rounding on clean data, and noise is averaged (Messenger, Bortz 2021, doi:10.1137/20M1343166).
    finite_difference : central, of fourth order. savitzky_golay : slope of a cubic over 2 `window` + 1 rows; its bias
    grows with the window.
    """
    from scipy.signal import oaconvolve, savgol_filter

    if derivative == "finite_difference":
        return phi[2:-2], (8 * (x[3:-1] - x[1:-3]) - (x[4:] - x[:-4])) / (12 * dt)
    if derivative == "savitzky_golay":
        slope = savgol_filter(x, 2 * window + 1, 3, deriv=1, delta=dt, axis=0)
        return phi[window:-window], slope[window:-window]
    t = np.arange(-window, window + 1) / window
    bump = (1 - t**2) ** BUMP_POWER
    slope = -2 * BUMP_POWER * t * (1 - t**2) ** (BUMP_POWER - 1) / (window * dt)
    every = max(1, window // ROWS_PER_WINDOW)
    scale = bump.sum()
    # a convolution turns the kernel round, which changes the sign of the odd slope: the minus of partial integration
    return tuple(
        oaconvolve(rows, kernel[:, None] / scale, mode="valid", axes=0)[::every]
        for rows, kernel in ((phi, bump), (x - x.mean(0), slope))
    )


class SparsePath:
    """Least-squares solutions of A coefficients = b with ever fewer terms in each equation.

    From all terms on, those are left out whose absence raises the residual least, one by one (of many terms, a
    twentieth at a time). Other than by dropping small coefficients, nearly collinear terms, of which many are large
    and cancel, are thus told apart. Source: stepwise sparse regression, Boninsegna, Nüske, Clementi, J. Chem. Phys.
    148, 241723 (2018), doi:10.1063/1.5018409.
    """

    def __init__(self, A: np.ndarray, b: np.ndarray) -> None:
        size = np.sqrt((A**2).mean(0))
        self.scale = np.where(size > 0, size, 1.0)
        self.slope = np.sqrt((b**2).sum(0))
        q, r = np.linalg.qr(A / self.scale)  # least squares with as few rows as terms
        self.A, self.b = r, q.T @ b
        self._paths: dict[int, list[list[tuple[np.ndarray, float]]]] = {}

    def __call__(self, threshold: float, terms: int) -> np.ndarray:
        """Coefficients (terms, dim): in each equation the fewest of the first `terms` terms that cost less than
        `threshold` of the root mean square of the derivative. The threshold has no unit, so equations do not depend
        on the units of the data."""
        if terms not in self._paths:
            self._paths[terms] = [self._path(terms, i) for i in range(self.b.shape[1])]
        solution = np.zeros((self.A.shape[1], self.b.shape[1]))
        for i, path in enumerate(self._paths[terms]):
            active = [kept for kept, cost in path if cost <= threshold * self.slope[i]][-1]
            solution[active, i] = self._solve(active, i)
        return solution / self.scale[:, None]

    def _solve(self, active: np.ndarray, i: int) -> np.ndarray:
        return np.linalg.lstsq(self.A[:, active], self.b[:, i], rcond=None)[0]

    def _path(self, terms: int, i: int) -> list[tuple[np.ndarray, float]]:
        """(terms, root of the sum of squares that leaving out the others has added) for fewer and fewer terms."""
        active, lost = np.arange(terms), 0.0
        path = [(active, lost)]
        reduced = np.column_stack([self.A[:terms, :terms], self.b[:terms, i]])  # triangular, and stays so
        while len(active):
            r, d = reduced[: len(active), :-1], reduced[: len(active), -1]
            inverse = _inverse(r)
            # leaving out term j alone adds solution_j^2 / (inverse Gram matrix)_jj
            weight = (inverse**2).sum(1)
            added = np.divide((inverse @ d) ** 2, weight, out=np.zeros_like(weight), where=weight > 0)
            stay = np.sort(np.argsort(added, kind="stable")[max(1, len(active) // AT_ONCE) :])
            active = active[stay]
            # the last entry is the norm of what the terms that stay leave over of d
            reduced = np.asarray(np.linalg.qr(np.column_stack([r[:, stay], d]), mode="r"))
            lost += float((reduced[len(active) :, -1] ** 2).sum())
            path.append((active, lost**0.5))
        return path


def _inverse(r: np.ndarray) -> np.ndarray:
    """Of an upper triangular matrix; the pseudo-inverse where columns depend on one another."""
    from scipy.linalg import solve_triangular

    pivots = np.abs(np.diag(r))
    if len(r) < r.shape[1] or pivots.min() <= np.finfo(float).eps * len(r) * pivots.max():
        return np.linalg.pinv(r)
    return solve_triangular(r, np.eye(len(r)), check_finite=False)
