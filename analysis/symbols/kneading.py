"""Kneading sequences: the itinerary of the peak of a return map, which decides what words are allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from .sequence import SymbolSequence, as_symbol_sequence
from .words import word_counts

TOLERANCE = 1e-12


def kneading_sequence_of_map(step: Callable[[float], float], critical: float, n: int) -> str:
    """Itinerary of the image of the critical point, `n` letters: L below it, R above, C within rounding of it.

    Parameters
    ----------
    step : a unimodal map, increasing left of `critical` and decreasing right of it (tent, logistic, cusp).
    critical : the place of its peak.

    Ends early at C, from where it repeats. In double precision the first 50 / h letters of a map of entropy h bits
    are right. Raises `DataError` where the orbit is not finite.
    """
    if n < 1 or not np.isfinite(critical):
        raise SpecError(f"n = {n}, critical = {critical}", "n >= 1 and a finite point", "change that setting")
    letters = ""
    x = float(critical)
    for _ in range(n):
        try:
            x = float(step(x))
        except OverflowError:  # Python's own numbers raise where those of numpy become infinite
            x = math.inf
        if not math.isfinite(x):
            raise DataError(
                f"the orbit of the peak is {x} after {len(letters) + 1} steps", "a bounded orbit", "check the map"
            )
        if abs(x - critical) <= TOLERANCE * max(1.0, abs(critical)):
            return letters + "C"
        letters += "L" if x < critical else "R"
    return letters


def kneading_sequence(sequence: Any, n: int = 8) -> str:
    """The kneading sequence that data show: the largest of its n-words in the order of a unimodal map.

    sequence : a `SymbolSequence` over L and R (`maxima_symbols`), or a text of these letters. Letters beyond those
    that a short record can show are too small, never too large, unless noise has put in a forbidden word. (Metropolis,
    Stein & Stein, doi:10.1016/0097-3165(73)90033-2; Milnor & Thurston, doi:10.1007/BFb0082847.)
    """
    found = _left_right(sequence)
    names = word_counts(found, n).names
    return max(names, key=cmp_to_key(compare_itineraries))


def compare_itineraries(first: str, second: str) -> int:
    """-1, 0 or 1: which of two itineraries of a unimodal map belongs to the smaller point.

    L < C < R at the first difference, reversed after an odd number of R, since the map decreases there. Equal
    common beginnings count as equal.
    """
    for word in (first, second):
        if not set(word) <= set("LCR"):
            raise DataError(f"itinerary '{word}'", "letters L, C and R", "name the symbols so")
    sign = 1
    for a, b in zip(first, second, strict=False):
        if a != b:
            return sign if "LCR".index(a) > "LCR".index(b) else -sign
        if a == "R":
            sign = -sign
    return 0


def is_admissible(word: str, kneading: str) -> bool:
    """Whether a map with this kneading sequence has the word: no shift of it exceeds the kneading sequence."""
    return all(compare_itineraries(word[i:], kneading) <= 0 for i in range(len(word)))


def kneading_entropy(kneading: str) -> Measure:
    """Topological entropy in bits per iteration from a kneading sequence: -log2 of the least zero in (0, 1) of the
    kneading determinant sum_k theta_k t^k, theta_k the sign of the slope of the k-th iterate of the peak.

    kneading : letters L and R, ended by C for a periodic peak (then exact). A sequence cut off after n letters
    leaves the next signs open: low and high are the entropies with all of them against and for it. Zero entropy is
    returned as 0 where no zero lies in (1/2, 1). Source: Milnor & Thurston, doi:10.1007/BFb0082847.
    """
    if not kneading or not set(kneading[:-1]) <= set("LR") or kneading[-1] not in "LRC":
        raise DataError(f"kneading sequence '{kneading}'", "letters L and R, C at most last", "check the letters")
    signs = np.cumprod([1.0] + [-1.0 if letter == "R" else 1.0 for letter in kneading.rstrip("C")])
    settings = {"kneading": kneading}
    if kneading.endswith("C"):
        value = _entropy(signs)
        return Measure("topological entropy", value, value, value, "bits per iteration", settings)
    # after n letters the rest of the series is at most t^(n+1) / (1 - t) in size
    ends = [_entropy(signs, tail) for tail in (1.0, -1.0)]
    return Measure("topological entropy", _entropy(signs), min(ends), max(ends), "bits per iteration", settings)


def _entropy(signs: np.ndarray, tail: float = 0.0) -> float:
    """-log2 of the first zero of sum signs_k t^k + tail * t^n / (1 - t) on a fine grid of (1/2, 1), refined."""
    from scipy.optimize import brentq

    def determinant(t: Any) -> Any:
        return np.polynomial.polynomial.polyval(t, signs) * (1.0 - t) + tail * t**signs.size

    grid = np.linspace(0.5, 1.0 - 1e-9, 20_001)
    values = determinant(grid)
    if values[0] <= 0:
        return 1.0
    crossing = np.flatnonzero(values <= 0)
    if not crossing.size:
        return 0.0
    k = int(crossing[0])
    return -math.log2(brentq(determinant, grid[k - 1], grid[k], xtol=1e-15))


def _left_right(sequence: Any) -> SymbolSequence:
    found = as_symbol_sequence(sequence, rows=1)
    if not set(found.alphabet) <= {"L", "R"}:
        raise DataError(f"the alphabet {', '.join(found.alphabet[:5])}", "the letters L and R", "use maxima_symbols")
    return found
