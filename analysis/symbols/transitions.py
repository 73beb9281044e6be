"""Transitions between symbols: counts, row-stochastic probabilities with errors, and the edges of their graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dsr.errors import SpecError

from ..jackknife import block_of
from .sequence import as_symbol_sequence

DENSE = 4096  # symbols above which no dense matrix is made (128 MB)


class Edge(NamedTuple):
    """One arrow of the transition graph: how often (weight) and with which probability source went to target."""

    source: str
    target: str
    weight: int
    probability: float


@dataclass(frozen=True, eq=False)
class TransitionMatrix:
    """Observed transitions, kept sparse, in the order of (source, target).

    Attributes
    ----------
    alphabet : names of the symbols; a symbol that is never left has a row of zeros.
    source, target : int64 (edges,), positions in `alphabet`.
    counts : int64 (edges,).
    probabilities, errors : (edges,), share among the transitions that leave `source`, and its standard error.
    settings : number of transitions, and how the errors were found.
    """

    alphabet: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray
    counts: np.ndarray
    probabilities: np.ndarray
    errors: np.ndarray
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The transition graph as a list of weighted edges, the most frequent first."""
        order = np.argsort(-self.counts, kind="stable")
        columns = (c[order].tolist() for c in (self.source, self.target, self.counts, self.probabilities))
        return tuple(Edge(self.alphabet[i], self.alphabet[j], n, p) for i, j, n, p in zip(*columns, strict=True))

    def dense(self, values: np.ndarray | None = None) -> np.ndarray:
        """`values` (edges,) as a matrix (symbols, symbols), zero where no transition was seen; None: probabilities.

        `matrix.dense(matrix.counts)` gives the counts. Raises `SpecError` above 4096 symbols.
        """
        size = len(self.alphabet)
        if size > DENSE:
            raise SpecError(f"{size} symbols", f"at most {DENSE} for a dense matrix", "work with the edges")
        values = self.probabilities if values is None else values
        full = np.zeros((size, size), dtype=values.dtype)
        full[self.source, self.target] = values
        return full


def transition_matrix(sequence: Any, *, lag: int = 1, blocks: int | None = 32) -> TransitionMatrix:
    """Row-stochastic transition matrix p_ij = n_ij / n_i of a symbol sequence.

    Parameters
    ----------
    sequence : a `SymbolSequence`, a text, or whole numbers (time,).
    lag : steps from source to target; transitions overlap for lag > 1.
    blocks : blocks of time from whose scatter the errors of n_ij - p_ij n_i follow: they hold for any memory that
        is short against a block. None: the binomial errors of a Markov chain of first order, for short sequences.

    A probability of 1 (the only exit seen) has no scatter: its error is that of a binomial share seen n_i times
    in n_i, with a uniform prior. An edge that is absent has no entry; after n_i exits its probability is likely
    below 3 / n_i. Raises `DataError` or `SpecError` for a sequence with fewer transitions than blocks.

    When it misleads: region codes of a flow are no Markov chain of first order; powers of the matrix do not
    predict the words.
    """
    if lag < 1:
        raise SpecError(f"lag = {lag}", "1 or more steps", "use the default 1")
    found = as_symbol_sequence(sequence, rows=lag + 1)
    size = len(found.alphabet)
    first, second = found.symbols[:-lag], found.symbols[lag:]
    pair, edge, counts = np.unique(first * size + second, return_inverse=True, return_counts=True)
    source, target = pair // size, pair % size
    exits = np.bincount(first, minlength=size)
    share = counts / exits[source]
    binomial = np.sqrt((counts + 1) * (exits[source] - counts + 1) / (exits[source] + 3)) / (exits[source] + 2)
    errors = binomial if blocks is None else _block_errors(first, edge, source, share, exits, blocks)
    errors = np.where(errors > 0, errors, binomial)
    settings = {
        "transitions": int(first.size),
        "lag": lag,
        "errors": "binomial" if blocks is None else f"scatter over {blocks} blocks",
    }
    return TransitionMatrix(found.alphabet, source, target, counts, share, errors, settings)


def embedded_chain(sequence: Any, *, blocks: int | None = 32) -> TransitionMatrix:
    """Where a symbol goes when it changes: transitions of the run-compressed itinerary, without self-transitions.

    Parameters, errors and warnings as in `transition_matrix`; a sequence that never changes is refused.
    """
    return transition_matrix(as_symbol_sequence(sequence).run_compressed(), blocks=blocks)


def _block_errors(
    first: np.ndarray, edge: np.ndarray, source: np.ndarray, share: np.ndarray, exits: np.ndarray, blocks: int
) -> np.ndarray:
    """Standard error of the ratio n_ij / n_i from its residuals n_ij - p_ij n_i in blocks of time."""
    block = block_of(first.size, blocks)
    square = np.zeros(source.size)
    for b in range(blocks):
        inside = block == b
        here = np.bincount(edge[inside], minlength=source.size)
        square += (here - share * np.bincount(first[inside], minlength=exits.size)[source]) ** 2
    return np.sqrt(square * blocks / (blocks - 1)) / exits[source]
