"""The tangent map of a piecewise-linear model from its region matrices: exact, and each matrix is made only once."""

from __future__ import annotations

import numpy as np

from ..protocol import TangentMap
from .protocol import PiecewiseLinearMap, as_pieces

MOST = 1 << 26  # bytes of matrices that are kept


def region_tangent_map(model: PiecewiseLinearMap) -> TangentMap:
    """(x (members, M), Q (members, M, k)) -> both advanced by one step, for `lyapunov_spectrum`.

    The derivative of a piecewise-linear map is the matrix of the region that a state is in, so nothing has to be
    differentiated: matrices of regions are kept from the first visit on (up to 64 MB of them), and members in one
    region are advanced by one product. Where an orbit meets a gate exactly, the derivative is that of the side which
    `bits` gives.

    Raises `SpecError` for a model that is not piecewise linear (see `PiecewiseLinearMap`).
    """
    pieces = as_pieces(model)
    M = pieces.states
    known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def advance(x: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        k = q.shape[2]
        both = np.concatenate([q, x[..., None]], axis=2)
        moved = np.empty_like(both)
        keys = pieces.bits(x)
        groups: dict[bytes, list[int]] = {}
        for i, row in enumerate(keys):
            groups.setdefault(row.tobytes(), []).append(i)
        for key, members in groups.items():
            if key not in known:
                if len(known) * M * M * 8 > MOST:
                    known.clear()
                W, b = pieces.affine(keys[members[:1]])
                known[key] = W[0].copy(), b[0].copy()
            W, b = known[key]
            here = W @ both[members].transpose(1, 0, 2).reshape(M, -1)
            here = here.reshape(M, len(members), k + 1).transpose(1, 0, 2)
            here[..., k] += b
            moved[members] = here
        return moved[..., k], moved[..., :k]

    return advance
