"""What a readout is charged for besides its size: answers to small noise on the input, and a large Jacobian."""

from __future__ import annotations

import numpy as np


class NoiseResponse:
    """Mean over t of the sum over k and columns d of v v^T with v = dr_(t+k) / dy_(t,d). Times sd^2 it is, to first
    order, what independent noise of standard deviation sd on every input adds to the mean of r r^T.

    A readout charged with it is one trained on infinitely many draws of small noise ("linearised multi-noise
    training"): Wikner, Harvey, Girvan, Hunt, Pomerance, Antonsen, Ott, Neural Networks 170, 94 (2024),
    arXiv:2211.05262. Left out, as there, is the curvature of tanh, which moves the mean of r.
    """

    def __init__(self, units: int) -> None:
        self.sums, self.times = np.zeros((units, units)), 0

    def add(self, responses: np.ndarray) -> None:
        """All v (any number, units) of one time t."""
        self.sums += responses.T @ responses
        self.times += 1

    def penalty(self, sd: float) -> np.ndarray:
        """P (units, units)."""
        return sd**2 / self.times * self.sums


class SquaredJacobian:
    """Mean over rows of G G^T with G = dr' / d(x, r) = a diag(d) [W_in, A] + (1 - a) [0, 1], d = 1 - tanh^2: then
    tr(W P W^T) is the mean squared Frobenius norm of what the readout contributes to the Jacobian of the closed loop,
    dx' / d(x, r) = W G. As d enters twice at most, P needs only the means of d d^T and of d:

        P = a^2 <d d^T> * (W_in W_in^T + A A^T) + a (1 - a) (diag<d> A + A^T diag<d>) + (1 - a)^2 1,   * by elements

    Jacobian regularisation in the manner of rescompy, whose penalty is the part with W_in alone.
    """

    def __init__(self, units: int) -> None:
        self.products, self.sums, self.rows = np.zeros((units, units)), np.zeros(units), 0

    def add(self, slopes: np.ndarray) -> None:
        """d (rows, units)."""
        self.products += slopes.T @ slopes
        self.sums += slopes.sum(0)
        self.rows += len(slopes)

    def penalty(self, inputs: np.ndarray, recurrent: np.ndarray, leak: float) -> np.ndarray:
        """P (units, units) for W_in (units, obs) and A (units, units)."""
        cross = (self.sums / self.rows)[:, None] * recurrent
        outer = self.products / self.rows * (inputs @ inputs.T + recurrent @ recurrent.T)
        return leak**2 * outer + leak * (1 - leak) * (cross + cross.T) + (1 - leak) ** 2 * np.eye(len(recurrent))
