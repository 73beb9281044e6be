"""Words of returns: how far two symbol sequences are apart, and which words one of them lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsr.measure import Floor

from ....analysis import SymbolSequence, entropy_rate, topological_entropy, word_counts, word_divergence
from ....analysis.scorecard.floor import INDEPENDENT, quantile_floor

EXPECTED = 10.0  # occurrences below which an absence is chance
FEWEST = 100  # returns of a run whose words are counted
SHORT, LONG = 5, 8  # word lengths: of the criteria, and of the longest words compared


def tallies(sequences: Sequence[SymbolSequence], n: int) -> dict[str, int]:
    """How often each n-word occurs in the sequences together."""
    found: dict[str, int] = {}
    for sequence in sequences:
        counted = word_counts(sequence, n)
        for name, count in zip(counted.names, counted.counts.tolist(), strict=True):
            found[name] = found.get(name, 0) + count
    return found


def lacking(
    have: Sequence[SymbolSequence], lack: Sequence[SymbolSequence], n_max: int, expected: float = EXPECTED
) -> list[str]:
    """The shortest words, of 1 .. `n_max` letters, that occur in `have` and never in `lack`, though at the frequency
    that they have in `have` they would have occurred there `expected` times or more. Longer words around them are not
    listed."""
    found: list[str] = []
    for n in range(1, n_max + 1):
        mine, theirs = tallies(have, n), tallies(lack, n)
        share = sum(theirs.values()) / sum(mine.values())
        absent = [word for word, count in mine.items() if word not in theirs and count * share >= expected]
        found += sorted(word for word in absent if not any(part in word for part in found))
    return found


def divergence_floor(reference: SymbolSequence, others: Sequence[SymbolSequence], n: int) -> Floor:
    """`word_divergence` of independent true sequences, as long as a reconstruction's, from the reference."""
    return quantile_floor([word_divergence(reference, other, n).value for other in others], INDEPENDENT)


def entropies(sequence: SymbolSequence) -> dict[str, float]:
    """Entropy rate (of block entropies) and topological entropy (growth of the number of words, that is of laps of a
    unimodal return map), both in nats per unit of time, and the mean time between returns."""
    nats = np.log(2.0) / sequence.step
    return {
        "return_time": sequence.step,
        "entropy_rate": float(entropy_rate(sequence).value * nats),
        "topological_entropy": float(topological_entropy(sequence).measure.value * nats),
    }


def word_record(reference: SymbolSequence, others: Sequence[SymbolSequence], letters: SymbolSequence) -> dict[str, Any]:
    """Plain values: divergence of the words at two lengths from those of the reference, words that one side lacks (all
    true sequences together), entropies per unit of time."""
    true = (reference, *others)
    return {
        "returns": len(letters),
        "divergence": {str(n): word_divergence(reference, letters, n).value for n in (SHORT, LONG)},
        "missing": lacking(true, [letters], LONG),
        "foreign": lacking([letters], true, LONG),
        **entropies(letters),
    }


def coin_tosses(like: SymbolSequence, seed: int) -> SymbolSequence:
    """As many letters as in a sequence of two, at the same mean distance in time, each by a fair coin."""
    tosses = np.random.default_rng(seed).integers(0, 2, len(like))
    return SymbolSequence(tosses, like.alphabet, like.step * np.arange(len(like)))
