"""Symbols of a piecewise-linear model: which linear region each state is in, packed into whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.points import as_points

from .sequence import SymbolSequence

PACKED = 63  # bits that fit into a non-negative int64
ROWS = 1 << 16


def region_codes(bits: Any) -> np.ndarray:
    """Region codes int64 (time,) of switching bits (time, P), bool.

    Up to 63 bits: the sum of bit i times 2^i, so codes of different trajectories compare. With more bits equal
    rows get equal labels 0, 1, ... in lexicographic order of the packed bits, which compare only within one
    call. Without bits all rows are in the one region 0. Raises `DataError` for anything but bits.
    """
    rows, packed = _pack(bits)
    if rows.shape[1] <= PACKED:
        padded = np.zeros((len(rows), 8), dtype=np.uint8)
        padded[:, : packed.shape[1]] = packed
        return padded.view("<i8")[:, 0].astype(np.int64)
    return np.unique(_as_keys(packed), return_inverse=True)[1].astype(np.int64)


def region_symbols(bits: Any | Callable[[np.ndarray], Any], states: Any = None, *, dt: float = 1.0) -> SymbolSequence:
    """The regions that a trajectory of a piecewise-linear model visits, as a `SymbolSequence`.

    Parameters
    ----------
    bits : switching bits (time, P), or a function that gives them for states (rows, state), such as
        `lambda z: model.bits(torch.from_numpy(z))`.
    states : (time, state), needed with a function; it is called on at most 65,536 rows at once.
    dt : time per row.

    The alphabet holds the visited regions as bit strings, bit 0 first, in ascending order of their codes ("linear" for
    a map without bits): equal regions of two runs of the same model have equal names. Regions of different models have
    nothing to do with each other (units can be permuted): compare models through `fit_partition`, or by itineraries.
    Raises `DataError` for bits that are none.
    """
    if callable(bits):
        points = as_points(states, "states", rows=1)
        pieces = [np.asarray(bits(points[i : i + ROWS])) for i in range(0, len(points), ROWS)]
        if any(p.ndim != 2 or p.shape[0] != min(ROWS, len(points) - i * ROWS) for i, p in enumerate(pieces)):
            raise DataError(
                f"the function gave bits of shape {pieces[0].shape}",
                "(rows, P) for states (rows, state)",
                "return one row of bits per state",
            )
        bits = np.concatenate(pieces)
    if not np.isfinite(dt) or dt <= 0:
        raise DataError(f"dt = {dt}", "a positive number", "give the time per row")
    rows, _ = _pack(bits)
    _, first, symbols = np.unique(region_codes(rows), return_index=True, return_inverse=True)
    names = tuple("".join("1" if b else "0" for b in rows[i]) or "linear" for i in first)
    return SymbolSequence(symbols.astype(np.int64), names, np.arange(len(rows)) * float(dt))


def _pack(bits: Any) -> tuple[np.ndarray, np.ndarray]:
    rows = np.asarray(bits)
    if rows.ndim != 2 or rows.shape[0] < 1 or rows.dtype.kind not in "biu":
        raise DataError(
            f"bits of shape {rows.shape} and type {rows.dtype}",
            "booleans of shape (time, P)",
            "pass model.bits(states), not the states",
        )
    if rows.dtype.kind != "b":
        if not np.isin(rows, (0, 1)).all():
            raise DataError(
                "bits other than 0 and 1", "booleans of shape (time, P)", "pass model.bits(states), not codes"
            )
        rows = rows.astype(bool)
    return rows, np.packbits(rows, axis=1, bitorder="little")


def _as_keys(packed: np.ndarray) -> np.ndarray:
    """One opaque key per row, so that rows sort and compare whole."""
    packed = np.ascontiguousarray(packed)
    return packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
