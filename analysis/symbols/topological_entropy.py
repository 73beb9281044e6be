"""Topological entropy of a symbol sequence: how fast the number of different words grows with their length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.measure import Measure

from .block_entropy import longest_sampled_word
from .sequence import SymbolSequence, as_symbol_sequence, check_word_length
from .words import word_labels

DENSE = 256


@dataclass(frozen=True, eq=False)
class TopologicalEntropy:
    """Two estimates against the word length, in bits per symbol; both fall towards the value from above as long
    as every allowed word has been seen.

    Attributes
    ----------
    lengths : (k,) word lengths n = 1 .. n_max.
    words : (k,) distinct n-words N(n).
    growth : (k,) log2 N(n) / n.
    increments : (k,) log2 N(n) - log2 N(n-1), N(0) = 1.
    spectral : (k,) log2 of the spectral radius of the n-block graph, whose vertices are the n-words and whose edges
        are the (n+1)-words; -inf where the graph has no cycle.
    measure : "topological entropy", the last value of `spectral`.
    """

    lengths: np.ndarray
    words: np.ndarray
    growth: np.ndarray
    increments: np.ndarray
    spectral: np.ndarray
    measure: Measure
    settings: Mapping[str, Any] = field(default_factory=dict)


def topological_entropy(sequence: Any, n_max: int | None = None) -> TopologicalEntropy:
    """Topological entropy in bits per symbol, from n-block graphs and from the growth of the number of words.

    Parameters
    ----------
    sequence : a `SymbolSequence`, a text, or whole numbers (time,).
    n_max : longest vertex word; its edges are (n_max + 1)-words. None: the longest sampled one, see
        `longest_sampled_word`, less one, at least 1.

    Returns `TopologicalEntropy`; its measure is bounded by the value from the first half of the record (which has
    seen fewer words) and by the one of words shorter by one (which forbid less).

    When it misleads: one missing word too many lowers it and one wrong symbol raises it, since a word counts
    however rare it is. Per row of a flow it is a very loose bound (1.27 bits per step for a model with an exponent
    of 0.013 bits per step): use returns or run-compressed itineraries. Source: Lind & Marcus, Symbolic Dynamics and
    Coding (1995), doi:10.1017/CBO9780511626302.
    """
    found = as_symbol_sequence(sequence, rows=4)
    if n_max is None:
        n_max = max(1, longest_sampled_word(len(found), found.visited.size) - 1)
    check_word_length(n_max + 1, len(found))
    tables = [_words(found.symbols, n, len(found.alphabet)) for n in range(1, n_max + 2)]
    words = np.array([len(t) for t in tables[:-1]])
    spectral = np.array([_spectral_radius(tables[n - 1], tables[n]) for n in range(1, n_max + 1)])
    lengths = np.arange(1, n_max + 1)
    settings = {"n": n_max, "length": len(found), "symbols": int(found.visited.size), "words": int(words[-1])}
    return TopologicalEntropy(
        lengths,
        words,
        np.log2(words) / lengths,
        np.diff(np.log2(words), prepend=0.0),
        spectral,
        _measure(found, n_max, spectral, settings),
        settings,
    )


def _measure(found: SymbolSequence, n_max: int, spectral: np.ndarray, settings: Mapping[str, Any]) -> Measure:
    value = float(spectral[-1])
    if not math.isfinite(value):
        note = "the words seen form no cycle: bring a longer sequence"
        return Measure("topological entropy", math.nan, unit="bits per symbol", settings=settings, note=note)
    half = found.symbols[: max(n_max + 1, len(found) // 2)]
    size = len(found.alphabet)
    low = _spectral_radius(_words(half, n_max, size), _words(half, n_max + 1, size))
    high = float(spectral[-2]) if n_max > 1 else math.log2(max(1, found.visited.size))
    low = low if math.isfinite(low) else 0.0
    return Measure("topological entropy", value, min(low, value), max(high, value), "bits per symbol", settings)


def _words(symbols: np.ndarray, n: int, size: int) -> np.ndarray:
    return word_labels([symbols], n, size)[1]


def _spectral_radius(vertices: np.ndarray, edges: np.ndarray) -> float:
    """log2 of the largest |eigenvalue| of the graph from words (W, n) along longer words (E, n + 1)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    place = {w.tobytes(): i for i, w in enumerate(np.ascontiguousarray(vertices))}
    source = np.array([place[np.ascontiguousarray(e[:-1]).tobytes()] for e in edges])
    target = np.array([place[np.ascontiguousarray(e[1:]).tobytes()] for e in edges])
    graph = csr_array((np.ones(len(edges)), (source, target)), shape=(len(vertices), len(vertices)))
    _, component = connected_components(graph, directed=True, connection="strong")
    inner = component[source] == component[target]  # a radius is that of one strongly connected component
    largest = 0.0
    for c in np.unique(component[source[inner]]):
        here = np.flatnonzero(component == c)
        block = graph[here][:, here]
        largest = max(largest, _perron_value(block))
    return math.log2(largest) if largest > 0 else -math.inf


def _perron_value(graph: Any) -> float:
    """Largest eigenvalue of a strongly connected graph: dense when small, else by Collatz-Wielandt bounds."""
    if graph.shape[0] <= DENSE:
        return float(np.abs(np.linalg.eigvals(graph.toarray())).max())
    vector = np.ones(graph.shape[0])
    low, high = 0.0, math.inf
    for _ in range(20_000):
        moved = graph @ vector + vector  # the identity is added: a cyclic graph would make the ratios oscillate
        ratio = moved / vector
        low, high = float(ratio.min()), float(ratio.max())
        if high - low <= 1e-10 * high:
            break
        vector = moved / moved.max()
    return (low + high) / 2 - 1.0
