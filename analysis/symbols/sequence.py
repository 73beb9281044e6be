"""`SymbolSequence`: a trajectory written as symbols, each with the time at which it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError


@dataclass(frozen=True, eq=False)
class SymbolSequence:
    """Symbols in time.

    Attributes
    ----------
    symbols : int64 (n,), positions in `alphabet`.
    alphabet : the names of the symbols, unvisited ones included; two sequences compare by these names.
    times : float64 (n,), when each symbol begins, increasing; 0, 1, 2, ... where no time is known.
    """

    symbols: np.ndarray
    alphabet: tuple[str, ...]
    times: np.ndarray

    def __post_init__(self) -> None:
        symbols, times = np.asarray(self.symbols), np.asarray(self.times, dtype=np.float64)
        if symbols.ndim != 1 or symbols.size < 1 or symbols.dtype.kind not in "iu":
            raise DataError(
                f"symbols of shape {symbols.shape} and type {symbols.dtype}",
                "whole numbers of shape (n,), n >= 1",
                "encode the trajectory first, for example with fit_partition or region_symbols",
            )
        if symbols.min() < 0 or symbols.max() >= len(self.alphabet):
            raise DataError(
                f"symbols from {symbols.min()} to {symbols.max()} in an alphabet of {len(self.alphabet)}",
                "positions in the alphabet, 0 .. its size - 1",
                "name every symbol in the alphabet",
            )
        if len(set(self.alphabet)) != len(self.alphabet):
            raise DataError("an alphabet with one name twice", "different names", "rename one of the two")
        if times.shape != symbols.shape or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise DataError(
                f"times of shape {times.shape} for {symbols.size} symbols, or times that do not increase",
                "one finite, increasing time per symbol",
                "bring the times at which the symbols begin, or leave them out",
            )
        object.__setattr__(self, "symbols", symbols.astype(np.int64))
        object.__setattr__(self, "times", times)

    def __len__(self) -> int:
        return self.symbols.size

    def __str__(self) -> str:
        """The symbols in a row; separated by blanks where a name is longer than one character."""
        separator = "" if all(len(name) == 1 for name in self.alphabet) else " "
        return separator.join(self.alphabet[s] for s in self.symbols)

    @property
    def visited(self) -> np.ndarray:
        """Positions in the alphabet that occur, ascending."""
        return np.unique(self.symbols)

    @property
    def step(self) -> float:
        """Mean time from one symbol to the next; NaN for a single symbol."""
        return float(self.times[-1] - self.times[0]) / (len(self) - 1) if len(self) > 1 else float("nan")

    def run_compressed(self) -> SymbolSequence:
        """The itinerary: every run of one symbol becomes one symbol, at the time at which the run begins."""
        starts = np.flatnonzero(np.diff(self.symbols, prepend=-1))
        return SymbolSequence(self.symbols[starts], self.alphabet, self.times[starts])


def as_symbol_sequence(x: Any, name: str = "the sequence", *, rows: int = 2) -> SymbolSequence:
    """`x` as a `SymbolSequence`: one already, a text such as "LRRL", or an integer or boolean array (n,).

    An array or a text gets the alphabet of what occurs in it, in ascending order, and times 0, 1, 2, ...
    Raises `DataError` for fewer than `rows` symbols and for numbers that are not whole.
    """
    if isinstance(x, SymbolSequence):
        found = x
    else:
        array = np.array(list(x)) if isinstance(x, str) else np.asarray(x)
        if array.ndim != 1 or array.size < 1 or array.dtype.kind not in "iubU":
            raise DataError(
                f"{name} of shape {array.shape} and type {array.dtype}",
                "a SymbolSequence, a text, or whole numbers of shape (n,)",
                "encode a trajectory first, for example with fit_partition or region_symbols",
            )
        values, symbols = np.unique(array, return_inverse=True)
        alphabet = tuple(str(v) if array.dtype.kind == "U" else str(int(v)) for v in values)
        found = SymbolSequence(symbols.astype(np.int64), alphabet, np.arange(array.size, dtype=np.float64))
    if len(found) < rows:
        raise DataError(f"{name} has {len(found)} symbols", f"at least {rows}", "bring a longer sequence")
    return found


def same_alphabet(first: SymbolSequence, second: SymbolSequence) -> tuple[np.ndarray, np.ndarray, int]:
    """Both as positions in the common alphabet (in order of appearance in the two), and its size."""
    place = {name: i for i, name in enumerate(dict.fromkeys(first.alphabet + second.alphabet))}
    one, two = (np.array([place[n] for n in s.alphabet], dtype=np.int64)[s.symbols] for s in (first, second))
    return one, two, len(place)


def check_word_length(n: int, length: int) -> None:
    """Raise `SpecError` unless words of length n fit into a sequence of this length."""
    if not 1 <= n <= length:
        raise SpecError(f"word length {n} for {length} symbols", f"1 .. {length}", "choose shorter words")
