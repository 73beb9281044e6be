"""Compiled loops for the exact flow of a piecewise-linear vector field; see `region_flow` for the mathematics.

Plain Python, compiled on first use (a few seconds per process); everything is float64 on the CPU.
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import Any

import numpy as np

from ..orbits import compiled

ORDER = 18  # of the power series; with |J| t <= 1 what it leaves out is below 1e-17
NARROWEST = 2.0**-40  # part of a piece within which two roots are one touch of the border
MOST_SEGMENTS = 4096  # in one call; a field too fast for them is not resolved


Weights = tuple[np.ndarray, np.ndarray, np.ndarray, int]
"""A (state,), W (state, state), h (state,) in double precision, and the first rectified coordinate."""


def region_itinerary(weights: Weights, z: np.ndarray, span: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pieces of the exact orbits from z (batch, state) over the times span (batch,).

    Returns lengths (segments, batch) in units of time, 0 behind an orbit's last piece; gates (segments, batch, state),
    1 for coordinates that pass the rectifier; and the end states (batch, state), NaN for an orbit that leaves the
    finite numbers or needs more than `MOST_SEGMENTS` pieces. A region change takes place only between two pieces; a
    piece also ends where its power series would no longer converge.
    """
    room, none = 8, np.empty((len(z), z.shape[1], 0))
    while True:
        lengths, gates = np.zeros((room, len(z))), np.zeros((room, *z.shape))
        end = np.array(z, dtype=np.float64, order="C")
        used = compiled(trace_all)(*weights, reach(weights), bernstein(), end, none, span, lengths, gates, *parts())
        if used <= room or room == MOST_SEGMENTS:
            return lengths[:used], gates[:used], end
        room = min(2 * room, MOST_SEGMENTS)


def reach(weights: Weights) -> float:
    """Time over which the power series of every region converges to rounding: 1 / bound on the norm of its matrix."""
    A, W, _, _ = weights
    norm = float((np.abs(A) + np.abs(W).sum(axis=1)).max(initial=0.0))
    return 1.0 / max(norm, 1e-300)


@cache
def bernstein() -> np.ndarray:
    """(ORDER + 1, ORDER + 1): coefficients of a polynomial on [0, 1] from powers to Bernstein form, which has at least
    as many sign changes as the polynomial has roots."""
    n = ORDER
    return np.array([[comb(i, k) / comb(n, k) for k in range(n + 1)] for i in range(n + 1)])


def parts() -> tuple[Any, ...]:
    """The compiled functions that the loops hand on to each other."""
    return tuple(compiled(part) for part in (trace, first_crossing, polish))


def trace_all(A, W, h, first, reach, bernstein, z, v, span, lengths, gates, trace, first_crossing, polish):
    """`trace` for every state of a batch; the most segments that one of them needed (more than there is room for:
    the results are to be thrown away, unless there is no larger room)."""
    most = 0
    for b in range(z.shape[0]):
        used = trace(
            A, W, h, first, reach, bernstein, z[b], v[b], span[b], lengths[:, b], gates[:, b], first_crossing, polish
        )
        most = max(most, used)
    return most


def trace(A, W, h, first, reach, bernstein, z, v, span, lengths, gates, first_crossing, polish):
    """Advance z (state,) and its tangent vectors v (state, k) by the time `span`, in place; the number of segments."""
    M, columns, order = z.shape[0], v.shape[1], bernstein.shape[0] - 1
    on, c, term, moved = np.empty(M), np.empty((order + 1, M)), np.empty((M, columns)), np.empty((M, columns))
    work = np.empty((48, order + 1))
    for i in range(M):
        on[i] = 1.0 if i < first or z[i] > 0.0 else 0.0
    for i in range(first, M):
        if z[i] == 0.0:  # on the border: the side that the flow enters, the same seen from both
            rate = h[i]
            for j in range(M):
                rate += W[i, j] * on[j] * z[j]
            on[i] = 1.0 if rate > 0.0 else 0.0
    left, used, fresh = span, 0, -1
    while left > 0.0:
        if used == lengths.shape[0]:
            z[:] = np.nan
            return used + 1
        tau = min(left, reach)
        for i in range(M):
            c[0, i] = z[i]
        for k in range(1, order + 1):
            for i in range(M):
                s = A[i] * c[k - 1, i] + (h[i] if k == 1 else 0.0)
                for j in range(M):
                    s += W[i, j] * on[j] * c[k - 1, j]
                c[k, i] = s * tau / k
        u, who = 1.0, -1
        for j in range(first, M):
            found = first_crossing(c[:, j], 2.0 * on[j] - 1.0, j == fresh, bernstein, work, polish)
            if found < u or (who < 0 and found == u):
                u, who = found, j
        for i in range(M):
            s = c[order, i]
            for k in range(order - 1, -1, -1):
                s = s * u + c[k, i]
            z[i] = s
        if columns > 0:
            for i in range(M):
                for m in range(columns):
                    term[i, m] = v[i, m]
            for k in range(1, order + 1):
                for i in range(M):
                    for m in range(columns):
                        moved[i, m] = A[i] * term[i, m]
                    for j in range(M):
                        if on[j] > 0.0:
                            for m in range(columns):
                                moved[i, m] += W[i, j] * term[j, m]
                for i in range(M):
                    for m in range(columns):
                        term[i, m] = moved[i, m] * (u * tau / k)
                        v[i, m] += term[i, m]
        lengths[used] = u * tau
        for i in range(M):
            gates[used, i] = on[i]
        used += 1
        left = 0.0 if who < 0 and tau >= left else left - u * tau
        fresh = who
        if who >= 0:
            on[who] = 1.0 - on[who]
            z[who] = 0.0
    return used


def first_crossing(c, side, fresh, bernstein, work, polish):
    """First time u in [0, 1] at which side * (sum of c[k] u^k) turns negative, 2 if it does not. `fresh`: u = 0 is the
    root of the last switch and is divided out."""
    order = bernstein.shape[0] - 1
    skip = 1 if fresh else 0
    rest = 0.0
    for k in range(skip + 1, order + 1):
        rest += abs(c[k])
    if not side * c[skip] <= rest:  # the usual case, and NaN
        return 2.0
    if side * c[skip] < 0.0:  # already beyond, by rounding
        return 0.0
    for i in range(order + 1):
        s = 0.0
        for k in range(order + 1 - skip):
            s += bernstein[i, k] * c[k + skip]
        work[0, i] = side * s
    # depth first, the left half first: intervals [lo, lo + width] wait in `work`, the widths halve from row to row
    lows, widths, top = np.empty(48), np.empty(48), 0
    lows[0], widths[0] = 0.0, 1.0
    while top >= 0:
        b, lo, width = work[top], lows[top], widths[top]
        changes = 0
        for i in range(order):
            if (b[i] < 0.0) != (b[i + 1] < 0.0):
                changes += 1
        if b[0] < 0.0:
            return lo
        if changes == 0 or (width < NARROWEST and b[order] >= 0.0):
            top -= 1
        elif width < NARROWEST:
            return lo
        elif changes == 1:
            return polish(c, side, skip, lo, lo + width)
        else:  # de Casteljau: the right half stays in this row, the left one goes on top
            new = work[top + 1]
            for r in range(order + 1):
                new[r] = b[0]
                for i in range(order - r):
                    b[i] = 0.5 * (b[i] + b[i + 1])
            lows[top], lows[top + 1] = lo + 0.5 * width, lo
            widths[top], widths[top + 1] = 0.5 * width, 0.5 * width
            top += 1
    return 2.0


def polish(c, side, skip, lo, hi):
    """The one root of a polynomial that falls through 0 between lo and hi, by Newton steps kept inside the bracket."""
    order, u = c.shape[0] - 1, 0.5 * (lo + hi)
    for _ in range(100):
        value, slope = c[order], 0.0
        for k in range(order - 1, skip - 1, -1):
            slope = slope * u + value
            value = value * u + c[k]
        if side * value > 0.0:
            lo = u
        else:
            hi = u
        following = u - value / slope if slope != 0.0 else lo
        if not lo < following < hi:
            following = 0.5 * (lo + hi)
        if abs(following - u) <= 1e-16 or following == lo or following == hi:
            return following
        u = following
    return u
