"""Closed chains of affine maps, z_{t+1} = A_t z_t + c_t with z_k = z_0, for all points at once by orthogonal steps.

Composing the maps loses a factor |A_{k-1} ... A_0| of all digits. The k M equations together are as well conditioned
as the cycle is hyperbolic: QR takes z_1, ..., z_{k-1} out of them one after the other, and M equations for z_0 remain.
"""

from __future__ import annotations

import numpy as np

NULL = 1e-10  # singular values below this, relative to 1 + the largest, belong to directions that stay where they are
GROWTH = 1e4  # entries of a product of maps up to which composing them costs no digits that matter


def paired(A: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chains of maps A (n, k, M, M), c (n, k, M) with each two in a row composed; the last of an odd number stays."""
    even = A.shape[1] // 2 * 2
    second = A[:, 1:even:2]
    both = second @ A[:, 0:even:2], (second @ c[:, 0:even:2, :, None])[..., 0] + c[:, 1:even:2]
    return np.concatenate([both[0], A[:, even:]], axis=1), np.concatenate([both[1], c[:, even:]], axis=1)


def solve_chains(A: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, k, M) of closed chains of maps A (n, k, M, M), c (n, k, M), and (n,) whether there is a single
    solution; nan where there is not. Maps that grow little together are composed first."""
    short, stride = (A, c), 1
    while short[0].shape[1] > 1:
        shorter = paired(*short)
        if not np.abs(shorter[0]).max() <= GROWTH:
            break
        short, stride = shorter, 2 * stride
    found, single = ClosedChains(short[0], short[1][..., None]).solve()
    points = np.empty(c.shape)
    points[:, ::stride] = found[..., 0]
    for t in range(1, c.shape[1]):
        if t % stride:
            points[:, t] = (A[:, t - 1] @ points[:, t - 1, :, None])[..., 0] + c[:, t - 1]
    return points, single


class ClosedChains:
    """n chains of k maps A (n, k, M, M), c (n, k, M, r), with r right sides each.

    left (n, M, M), right (n, M, r) : what remains for the first points, left z_0 = right. left is I - A_{k-1} ... A_0
    times a matrix that takes the growth along the chain away; for k = 1 it is I - A_0.

    Source: Wright, SIAM J. Sci. Stat. Comput. 13, 742 (1992) (structured orthogonal factorization).
    """

    def __init__(self, A: np.ndarray, c: np.ndarray) -> None:
        M = A.shape[2]
        eye = np.broadcast_to(np.eye(M), (len(A), M, M))
        first, last, value = -A[:, 0], eye, c[:, 0]  # first z_0 + last z_t = value
        self._steps: list[tuple[np.ndarray, ...]] = []
        for t in range(1, A.shape[1]):
            q, r = np.linalg.qr(np.concatenate([last, -A[:, t]], axis=1), mode="complete")
            turn = np.swapaxes(q, 1, 2)
            above, below = turn[:, :, :M], turn[:, :, M:]
            first, value = above @ first, above @ value + below @ c[:, t]
            self._steps.append((r[:, :M], first[:, :M], below[:, :M], value[:, :M]))
            first, last, value = first[:, M:], below[:, M:], value[:, M:]
        self.left, self.right = first + last, value

    def points(self, z: np.ndarray, *, offsets: bool = True) -> np.ndarray:
        """All points (n, k, M, r) of the chains whose first points are z (n, M, r), which solve left z = right;
        without offsets those of the chains with c = 0. Not finite where there is no single solution."""
        import torch

        found = [z]
        for upper, first, following, value in reversed(self._steps):
            rest = -first @ z - following @ found[-1]
            rest = rest + value if offsets else rest
            solved = torch.linalg.solve_triangular(torch.from_numpy(upper), torch.from_numpy(rest), upper=True)
            found.append(solved.numpy())
        return np.stack([z, *found[:0:-1]], axis=1)

    @property
    def single(self) -> np.ndarray:
        """(n,), whether the equations of a chain have one solution, far enough from none or a line of them."""
        usable = np.isfinite(self.left).all((1, 2)) & np.isfinite(self.right).all((1, 2))
        sizes = np.linalg.svd(self.left[usable], compute_uv=False)
        usable[usable] = sizes[:, -1] > NULL * (1 + sizes[:, 0])
        return usable

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, k, M, r), nan where there is no single solution, and `single`."""
        single = self.single
        z = np.full(self.right.shape, np.nan)
        z[single] = np.linalg.solve(self.left[single], self.right[single])
        return self.points(z), single
