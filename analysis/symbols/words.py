"""Words: the stretches of n symbols that a sequence contains, and those it never does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .sequence import as_symbol_sequence, check_word_length


@dataclass(frozen=True, eq=False)
class WordCounts:
    """The n-words of a sequence in lexicographic order.

    words : int64 (distinct, n), positions in `alphabet`. counts : int64 (distinct,), overlapping occurrences.
    """

    n: int
    alphabet: tuple[str, ...]
    words: np.ndarray
    counts: np.ndarray

    @property
    def frequencies(self) -> np.ndarray:
        return self.counts / self.counts.sum()

    @property
    def names(self) -> tuple[str, ...]:
        """The words as text, one character (or blank-separated name) per symbol."""
        return tuple(word_name(w, self.alphabet) for w in self.words)


@dataclass(frozen=True)
class ForbiddenWord:
    """A word that does not occur although both its shorter parts do.

    expected : how often it would have occurred if its last symbol did not depend on its first, given the symbols
    between. The chance of missing an allowed word of this frequency is about exp(-expected).
    """

    name: str
    symbols: tuple[int, ...]
    expected: float


def word_counts(sequence: Any, n: int) -> WordCounts:
    """Count all overlapping words of length `n`.

    sequence : a `SymbolSequence`, a text, or whole numbers (time,). Raises `SpecError` for n outside 1 .. time.
    Words of consecutive rows of a flow are mostly repetitions of one symbol: compress runs, or take returns.
    """
    found = as_symbol_sequence(sequence, rows=1)
    (labels,), words = word_labels([found.symbols], n, len(found.alphabet))
    return WordCounts(n, found.alphabet, words, np.bincount(labels, minlength=len(words)))


def forbidden_words(sequence: Any, n_max: int, *, expected: float = 10.0) -> list[ForbiddenWord]:
    """Minimal forbidden words of length 2 .. `n_max`: absent, while all their shorter parts are present.

    Parameters
    ----------
    sequence : a `SymbolSequence`, a text, or whole numbers (time,).
    expected : words that would have occurred fewer times than this are not called forbidden: with 10 an allowed
        word is missed with probability below 1e-4, so a dozen false ones are not to be feared.

    Returns the words ordered by length, then lexicographically; from them all others follow. Unvisited symbols
    of the alphabet are not listed. Raises `SpecError` for n_max below 2 or beyond the sequence.

    When it misleads: noise near a border of the partition fills in forbidden words. Source: Crutchfield &
    Packard, doi:10.1016/0167-2789(83)90127-6.
    """
    found = as_symbol_sequence(sequence)
    if not (np.isfinite(expected) and expected > 0):
        raise SpecError(f"expected = {expected}", "a positive number", "use the default 10")
    if n_max < 2:
        raise SpecError(f"n_max = {n_max}", "2 or more", "a single symbol that is absent is not a forbidden word")
    check_word_length(n_max, len(found))
    tables = [_table(found, n) for n in range(1, n_max + 1)]
    missing = []
    for n in range(2, n_max + 1):
        shorter, present = tables[n - 2], tables[n - 1]
        whole: dict[tuple[int, ...], float] = {(): float(len(found))}
        middle = tables[n - 3] if n > 2 else whole
        by_start: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for word in shorter:
            by_start.setdefault(word[:-1], []).append(word)
        for first in shorter:
            for second in by_start.get(first[1:], ()):
                word = (*first, second[-1])
                estimate = shorter[first] * shorter[second] / middle[first[1:]] if first[1:] in middle else 0.0
                if word not in present and estimate >= expected:
                    missing.append(ForbiddenWord(word_name(word, found.alphabet), word, float(estimate)))
    return missing


def word_labels(pieces: Sequence[np.ndarray], n: int, size: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Labels of the n-words of several sequences over the same `size` symbols.

    Returns one int64 array of labels per sequence, (time - n + 1,), and the words (distinct, n) that they stand
    for, in lexicographic order. Keys are relabelled before they overflow, so n has no limit.
    """
    for piece in pieces:
        check_word_length(n, piece.size)
    lengths = [p.size - n + 1 for p in pieces]
    key = np.zeros(sum(lengths), dtype=np.int64)
    bound = 1
    for k in range(n):
        if bound > 2**62 // size:
            found, key = np.unique(key, return_inverse=True)
            bound = found.size
        key = key * size + np.concatenate([p[k : k + m] for p, m in zip(pieces, lengths, strict=True)])
        bound *= size
    _, first, labels = np.unique(key, return_index=True, return_inverse=True)
    ends = np.cumsum(lengths)
    piece = np.searchsorted(ends, first, side="right")
    start = first - np.concatenate([[0], ends[:-1]])[piece]
    words = np.array([pieces[p][s : s + n] for p, s in zip(piece, start, strict=True)], dtype=np.int64)
    return list(np.split(labels, ends[:-1])), words


def word_name(word: Any, alphabet: tuple[str, ...]) -> str:
    """A word as text: names joined, with blanks where a name is longer than one character."""
    return ("" if all(len(a) == 1 for a in alphabet) else " ").join(alphabet[s] for s in word)


def _table(sequence: Any, n: int) -> dict[tuple[int, ...], float]:
    found = word_counts(sequence, n)
    return {tuple(w): float(c) for w, c in zip(found.words.tolist(), found.counts, strict=True)}
