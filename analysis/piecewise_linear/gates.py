"""The gates of a piecewise-linear map, read off its affine pieces: a continuous map gives them away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .protocol import Pieces

CLOSE = 1e-10


@dataclass(frozen=True, eq=False)
class Gates:
    """The map as z' = W z + b + U D y, y = V z + t, with D the 0/1 diagonal of the gates that are on (y > 0).

    W (M, M), b (M,) : the map with every gate off. U (M, P) : what a gate adds. V (P, M), t (P,) : the hyperplane of
    each gate, |V_p| = 1.
    """

    W: np.ndarray
    b: np.ndarray
    U: np.ndarray
    V: np.ndarray
    t: np.ndarray

    def values(self, z: np.ndarray) -> np.ndarray:
        """Signed distance of states (..., M) from each gate, (..., P)."""
        return z @ self.V.T + self.t

    @property
    def independent(self) -> bool:
        """Whether the hyperplanes cut state space into all 2**P regions, none of them empty."""
        return len(self.t) == 0 or int(np.linalg.matrix_rank(self.V)) == len(self.t)


def find_gates(pieces: Pieces) -> Gates | None:
    """Gates of a continuous map whose pieces add up gate by gate; None where it is not of this form.

    Across one gate a continuous map changes by a matrix of rank one that vanishes on the gate's hyperplane, so the
    difference of two neighbouring pieces is u (v z + t), and v z + t is the gate. All PLRNN families are of this form.
    None also where a gate changes nothing (its unit is not connected), or where the sum or the signs do not match the
    model at random regions and states.
    """
    M, P = pieces.states, pieces.gates
    maps, offsets = pieces.affine(np.concatenate([np.zeros((1, P), bool), np.eye(P, dtype=bool)]))
    W, b = maps[0], offsets[0]
    jump, shift = maps[1:] - W, offsets[1:] - b
    U, V, t = np.zeros((M, P)), np.zeros((P, M)), np.zeros(P)
    for p in range(P):
        v = jump[p, np.abs(jump[p]).max(1).argmax()]
        size = np.linalg.norm(v)
        if not size > 1e-12 * (1 + np.abs(W).max()):
            return None
        V[p] = v / size
        U[:, p] = jump[p] @ V[p]
        t[p] = U[:, p] @ shift[p] / (U[:, p] @ U[:, p])
    rng = np.random.default_rng(0)
    bits = rng.random((16, P)) < 0.5
    full, offset = pieces.affine(bits)
    wanted = W + np.einsum("mp,np,pk->nmk", U, bits, V), b + (bits * t) @ U.T
    scale = 1 + np.abs(full).max() + np.abs(offset).max()
    if max(np.abs(full - wanted[0]).max(), np.abs(offset - wanted[1]).max()) > CLOSE * scale:
        return None
    z = (1 + np.abs(t).max(initial=0.0)) * rng.standard_normal((256, M))
    y, on = z @ V.T + t, pieces.bits(z)
    sign = np.where(((y > 0) == on).mean(0) >= 0.5, 1.0, -1.0)  # a rank-one matrix does not tell the sign of v
    y, clear = y * sign, np.abs(y) > CLOSE * scale
    if ((y > 0) != on)[clear].any():
        return None
    return Gates(W, b, U * sign, V * sign[:, None], t * sign)
