"""Free runs of many AL-RNNs side by side: one model per vector lane, two orbits and their tangent vectors each.

A step of one small model leaves vector units idle; eight models fill them. With 20 units in single precision an orbit
step with its tangent vector then costs 30 ns, where one orbit alone (`Model.orbit`) costs 200 ns on the same core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

WIDTH, STARTS, UNIT = 8, 2, 8  # models per vector, orbits per model, steps between normalisations
ROWS = 2  # of the product, computed together: as many sums as hide the latency of an addition
BLOCKS = 10  # of a run, over which the growth is told apart
REACH = 20.0  # standard deviations of the data: an orbit that goes beyond is lost


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of several models: A, h (models, M), W (models, M, M), lift (models, M - N, N); units from
    `first` on are rectified."""

    A: np.ndarray
    W: np.ndarray
    h: np.ndarray
    lift: np.ndarray
    first: int

    def start(self, rows: np.ndarray) -> np.ndarray:
        """States (models, starts, M) that standardised rows (starts, N) begin with."""
        seen = np.broadcast_to(rows, (len(self.A), *rows.shape))
        return np.concatenate([seen, rows @ self.lift.transpose(0, 2, 1)], axis=2)


@dataclass(frozen=True, eq=False)
class Box:
    """Cells in which visits are counted: `bins` per observed coordinate from `low` on, `scale` cells per unit, in
    standardised units. noise (2, steps, N) is added to the observations, the same for every model."""

    low: np.ndarray
    scale: np.ndarray
    bins: int
    noise: np.ndarray


@dataclass(frozen=True, eq=False)
class Visits:
    """counts (models, cells) of both orbits; growth (models, 2, BLOCKS) of the tangent vectors, in nats; lost (models,)
    bool; states (models, 2, M) at the end."""

    counts: np.ndarray
    growth: np.ndarray
    lost: np.ndarray
    states: np.ndarray


def run_lanes(weights: Weights, z: np.ndarray, box: Box, skip: int, dtype: Any = np.float32) -> Visits:
    """Both orbits of every model from z (models, 2, M) over `skip` + steps steps (steps: length of the noise), counted
    after the first `skip`. Both lengths must be multiples of `UNIT`. Tangent vectors start along (1, ..., 1)."""
    models, M = weights.A.shape
    odd = M % ROWS  # a unit that stays 0 makes the number of rows even
    tiles = -(-models // WIDTH)
    fill = np.arange(tiles * WIDTH) % models  # the last tile is filled with the first models again

    def lanes(array: np.ndarray) -> np.ndarray:  # (models, ...) -> (tiles, ..., WIDTH)
        padded = np.pad(array, [(0, 0)] + [(0, odd if size == M else 0) for size in array.shape[1:]])
        tiled = padded[fill].reshape(tiles, WIDTH, *padded.shape[1:])
        return np.ascontiguousarray(np.moveaxis(tiled, 1, -1), dtype=dtype)

    state = np.concatenate([z, np.full_like(z, M**-0.5)], axis=1)  # both orbits, then both tangent vectors
    state = lanes(np.moveaxis(state, 1, 2))
    counts = np.zeros((tiles, WIDTH, box.bins ** box.noise.shape[2]), np.int32)
    growth, lost = np.zeros((tiles, WIDTH, STARTS, BLOCKS)), np.zeros((tiles, WIDTH), np.bool_)
    noise, low, scale = (np.ascontiguousarray(a, dtype=dtype) for a in (box.noise, box.low, box.scale))
    with np.errstate(all="ignore"):
        _loop()(
            *map(lanes, (weights.A, weights.W, weights.h)), weights.first, M - weights.first, state, skip,
            noise, low, scale, box.bins, counts, growth, lost,
        )  # fmt: skip
    ends = np.moveaxis(state, -1, 1).reshape(tiles * WIDTH, M + odd, 2 * STARTS)[:models, :M, :STARTS]
    counts, growth, lost = (a.reshape(tiles * WIDTH, *a.shape[2:])[:models] for a in (counts, growth, lost))
    return Visits(counts, growth, lost, ends.transpose(0, 2, 1))


@cache
def _loop() -> Callable:
    import numba

    multiply = _multiply()

    def loop(A, W, h, first, rectified, state, skip, noise, low, scale, bins, counts, growth, lost):
        tiles, M = A.shape[:2]
        steps, N = noise.shape[1:]
        phi, then = np.empty_like(state[0]), np.empty_like(state[0])
        norm = np.empty((STARTS, WIDTH), state.dtype)
        for tile in range(tiles):
            z, gone = state[tile], lost[tile]
            a, w, b = A[tile], W[tile], h[tile]
            phi[:] = z
            for t in range(skip + steps):
                for i in range(first, first + rectified):
                    for s in range(STARTS):
                        for k in range(WIDTH):
                            if z[i, s, k] <= 0.0:
                                phi[i, s, k] = 0.0
                                phi[i, STARTS + s, k] = 0.0
                for i in range(0, M, ROWS):
                    multiply(a, w, b, phi, z, then, i)
                phi, then = then, phi
                if t % UNIT == UNIT - 1:
                    norm[:] = 0.0
                    for i in range(M):
                        for s in range(STARTS):
                            for k in range(WIDTH):
                                norm[s, k] += z[i, STARTS + s, k] * z[i, STARTS + s, k]
                    block = (t - skip) * BLOCKS // steps
                    for s in range(STARTS):
                        for k in range(WIDTH):
                            if not (1e-30 < norm[s, k] < 1e30):
                                gone[k] = True
                            for n in range(N):
                                if not abs(z[n, s, k]) < REACH:
                                    gone[k] = True
                            if t >= skip:
                                growth[tile, k, s, block] += 0.5 * np.log(norm[s, k])
                            norm[s, k] = 1.0 / np.sqrt(norm[s, k])
                    for i in range(M):
                        for s in range(STARTS):
                            for k in range(WIDTH):
                                z[i, STARTS + s, k] *= norm[s, k]
                    phi[:] = z
                    if gone.all():
                        break
                if t >= skip:
                    for s in range(STARTS):
                        for k in range(WIDTH):
                            cell, inside = 0, True
                            for n in range(N):
                                x = (z[n, s, k] + noise[s, t - skip, n] - low[n]) * scale[n]
                                if x >= 0 and x < bins:
                                    cell = cell * bins + int(x)
                                else:
                                    inside = False
                            if inside:
                                counts[tile, k, cell] += 1

    return numba.njit(error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz"})(loop)


def _multiply() -> Any:
    """Rows i and i + 1 of z' = A z + W phi + h for the lanes of a tile, written to z and to a copy `then`.

    In explicit vectors: LLVM leaves the plain loop scalar, because it cannot tell that the arrays do not overlap.
    """
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    @intrinsic
    def multiply(typing: Any, a: Any, w: Any, b: Any, phi: Any, z: Any, then: Any, i: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = [
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args[:6], arguments[:6], strict=True)
            ]
            row = builder.sext(arguments[6], ir.IntType(64)) if arguments[6].type.width < 64 else arguments[6]
            scalar = arrays[0].data.type.pointee
            vector = ir.VectorType(scalar, WIDTH)
            align = context.get_abi_sizeof(scalar)
            length = builder.extract_value(arrays[0].shape, 0)

            def at(array: Any, index: Any) -> Any:
                return builder.bitcast(builder.gep(array.data, [index]), vector.as_pointer())

            def number(n: int) -> Any:
                return ir.Constant(ir.IntType(64), n)

            A, W, h, p, state, copy = arrays
            columns = 2 * STARTS
            sums, weights = [], []
            for r in range(ROWS):
                here = builder.mul(builder.add(row, number(r)), number(WIDTH))
                slope, offset = (builder.load(at(x, here), align=align) for x in (A, h))
                weights.append(builder.mul(here, length))
                for c in range(columns):
                    index = builder.add(builder.mul(here, number(columns)), number(c * WIDTH))
                    place = at(state, index)
                    total = cgutils.alloca_once(builder, vector)
                    moved = builder.fmul(slope, builder.load(place, align=align))
                    builder.store(builder.fadd(moved, offset) if c < STARTS else moved, total)
                    sums.append((place, at(copy, index), total))
            with cgutils.for_range(builder, length) as loop:
                j = builder.mul(loop.index, number(WIDTH))
                sources = [builder.add(builder.mul(j, number(columns)), number(c * WIDTH)) for c in range(columns)]
                values = [builder.load(at(p, source), align=align) for source in sources]
                for r, first in enumerate(weights):
                    weight = builder.load(at(W, builder.add(first, j)), align=align)
                    for value, (*_, total) in zip(values, sums[r * columns :], strict=False):
                        product = builder.fmul(weight, value, flags=("contract",))  # fused with the sum
                        builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)
            for *places, total in sums:
                for place in places:
                    builder.store(builder.load(total), place, align=align)
            return context.get_dummy_value()

        return types.void(a, w, b, phi, z, then, i), build

    return multiply
