"""Cycles in terms of the gates alone: (I - K D) y = g, solved for very many words with what they share kept.

With every gate off the map is linear, so a k-cycle is the response of a linear system to the k P gated terms; only
those remain as unknowns. K is the same for all words, and D selects its columns: two words with a common beginning
share the first columns of the LU factors, and a gate with the wrong sign ends a word at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compiled import compiled
from .chains import ClosedChains
from .gates import Gates

NO, YES, SINGULAR = 0, 1, 2
BAND = 1e-8  # gate values this close to zero, relative to the largest, are left to the exact test that follows


@dataclass(frozen=True, eq=False)
class ReducedEquations:
    """K (k P, k P) and g (k P,) of the k-cycles of a map."""

    K: np.ndarray
    g: np.ndarray

    def judge(self, regions: np.ndarray, words: np.ndarray) -> np.ndarray:
        """int8 (words,): YES where the signs of the solution are those of the word, SINGULAR where there is no single
        solution. regions (R, P) bool, words (n, k) rows of `regions`; fastest in lexicographic order."""
        return compiled(_judge)(self.K, self.g, regions.astype(np.int8), words, BAND)


def reduced_equations(gates: Gates, period: int) -> ReducedEquations | None:
    """None where the map with every gate off has a multiplier 1 over the period, so that it cannot be eliminated."""
    M, P = gates.U.shape
    kick = np.zeros((1, period, M, P))
    kick[0, 0] = gates.U
    response, single = ClosedChains(np.broadcast_to(gates.W, (1, period, M, M)), kick).solve()
    if not single[0]:
        return None
    K = np.empty((period, P, period, P))
    for lag in range(period):
        block = gates.V @ response[0, lag]
        for now in range(period):
            K[now, :, (now - lag) % period] = block
    g = gates.V @ np.linalg.solve(np.eye(M) - gates.W, gates.b) + gates.t
    return ReducedEquations(K.reshape(period * P, -1), np.tile(g, period))


def _judge(K: np.ndarray, g: np.ndarray, regions: np.ndarray, words: np.ndarray, band: float) -> np.ndarray:
    """LU by columns with row pivots, kept for the columns that a word has in common with the one before it."""
    n, period = words.shape
    P = regions.shape[1]
    N = period * P
    verdict = np.zeros(n, np.int8)
    upper, lower, right = np.zeros((N, N)), np.zeros((N, N)), np.zeros((N + 1, N))  # rows hold columns
    right[0] = g
    columns = K.T.copy()
    pivot, order, on = np.zeros(N, np.int64), np.full(N, N), np.full(N, -1, np.int8)
    good, x, y = np.zeros(N, np.bool_), np.zeros(N), np.zeros(N)
    for w in range(n):
        first = N
        for t in range(period):
            for p in range(P):
                j = t * P + p
                bit = regions[words[w, t], p]
                if bit != on[j]:
                    first = min(first, j)
                    on[j] = bit
        for r in range(N):
            if order[r] >= first:
                order[r] = N
        for j in range(first, N):
            for r in range(N):
                x[r] = -columns[j, r] if on[j] else 0.0
            x[j] += 1.0
            for i in range(j):
                factor = x[pivot[i]]
                if factor != 0.0:
                    for r in range(N):
                        x[r] -= lower[i, r] * factor
            best, size, largest = 0, -1.0, 0.0
            for r in range(N):
                largest = max(largest, abs(x[r]))
                if order[r] == N and abs(x[r]) > size:
                    best, size = r, abs(x[r])
            good[j] = size > 1e-10 * max(1.0, largest)
            head = x[best] if good[j] else 1.0
            pivot[j], order[best] = best, j
            for r in range(N):
                upper[j, r] = x[r]
                lower[j, r] = x[r] / head if order[r] == N else 0.0
                right[j + 1, r] = right[j, r]
            factor = right[j, best]
            for r in range(N):
                right[j + 1, r] -= lower[j, r] * factor
        verdict[w] = 1
        for j in range(N):
            if not good[j]:
                verdict[w] = 2
        if verdict[w] == 2:
            continue
        for r in range(N):
            x[r] = right[N, r]
        scale = 1.0
        for j in range(N - 1, -1, -1):
            y[j] = x[pivot[j]] / upper[j, pivot[j]]
            scale = max(scale, abs(y[j]))
            if (y[j] > 0) != (on[j] == 1) and abs(y[j]) > band * scale:
                verdict[w] = 0
                break
            for r in range(N):
                x[r] -= upper[j, r] * y[j]
    return verdict
