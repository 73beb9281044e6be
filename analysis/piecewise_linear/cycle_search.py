"""Search for cycles where words cannot be enumerated: from a word to its cycle, and on to the regions of that cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cycle_equations import solve_words
from .protocol import Pieces
from .regions import Regions
from .words import canonical_rotation, is_primitive

# of the words in each iteration; without, half of the cycles of a strongly folding map are never met, since the
# iteration prefers some
MUTATED = 0.3


@dataclass(frozen=True)
class Search:
    """Batches of random words, each followed for some iterations."""

    batches: int
    words_per_batch: int
    iterations: int
    seed: int


def search_words(
    pieces: Pieces, regions: Regions, period: int, search: Search
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, int]:
    """Words (period, gates) that agree with the regions of their own cycle, words without a single solution, the
    number of distinct words after each batch (batches,), and how many equations were solved.

    A word is replaced by the regions of its cycle's points (Newton's method on all points), or of the orbit from its
    first point (as published), at random; in some, one region is then drawn anew. Where a word agrees with itself it
    has a real cycle, and a random word takes its place.
    """
    rng = np.random.default_rng(search.seed)
    found: dict[bytes, np.ndarray] = {}
    singular: dict[bytes, np.ndarray] = {}
    saturation, solved, size = np.zeros(search.batches, np.int64), 0, search.words_per_batch
    for batch in range(search.batches):
        words = regions.draw(rng, (size, period))
        for _ in range(search.iterations):
            points, single = solve_words(pieces, words)
            solved += size
            points[~single] = 0.0
            following = pieces.bits(points.reshape(-1, pieces.states)).reshape(words.shape)
            agrees = (following == words).all((1, 2)) & single
            for word in words[agrees]:
                _keep(found, word)
            for word in words[~single]:
                _keep(singular, word)
            along = np.flatnonzero(rng.random(size) < 0.5)
            following[along] = _regions_along(pieces, points[along, 0], period)
            changed = np.flatnonzero(rng.random(size) < MUTATED)
            following[changed, rng.integers(period, size=len(changed))] = regions.draw(rng, (len(changed),))
            again = agrees | ~single
            following[again] = regions.draw(rng, (int(again.sum()), period))
            words = following
        saturation[batch] = len(found)
    return list(found.values()), list(singular.values()), saturation, solved


def _regions_along(pieces: Pieces, z: np.ndarray, period: int) -> np.ndarray:
    """Regions (n, period, gates) of the orbits from z (n, M); where one overflows its last regions mean nothing."""
    found = []
    for _ in range(period):
        found.append(pieces.bits(z))
        z = pieces.step(z)
    return np.stack(found, axis=1)


def _keep(known: dict[bytes, np.ndarray], word: np.ndarray) -> None:
    if is_primitive(word):
        turned = np.roll(word, -canonical_rotation(word), axis=0)
        known.setdefault(turned.tobytes(), turned)
