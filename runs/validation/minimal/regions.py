"""Linear regions that a free run uses: how many, which follows which, and how fast their itinerary makes surprises."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....analysis import (
    SymbolSequence,
    TransitionMatrix,
    entropy_rate,
    occupancy_curve,
    topological_entropy,
    transition_matrix,
)

USED = 1e-3  # share of time from which a region counts as used
STEPS = 100_000  # of the free run, in which regions are counted
PHASES = 4  # samples per period of the itinerary whose words are counted
MOST_EDGES = 256  # transitions that are kept


def region_record(symbols: SymbolSequence, period: float) -> dict[str, Any]:
    """Plain values about the regions of a free run, one symbol a step.

    markov_rate : entropy rate of the first-order chain of the steps. entropy_rate, topological_entropy : of the region
    seen four times a period; for few regions an upper bound, and with many regions the words are too short to bind. All
    in nats per unit of time, of the same run; zero for a single region.
    """
    symbols = SymbolSequence(symbols.symbols[:STEPS], symbols.alphabet, symbols.times[:STEPS])
    curve = occupancy_curve(symbols)
    matrix = transition_matrix(symbols, blocks=None)
    every = max(1, round(period / PHASES / symbols.step))
    seen = SymbolSequence(symbols.symbols[::every], symbols.alphabet, symbols.times[::every])
    several, nats = len(seen.visited) > 1, np.log(2.0) / seen.step
    return {
        "visited": len(curve.names),
        "used": int((curve.frequencies >= USED).sum()),
        "needed": int(curve.measure.value),
        "shares": dict(zip(curve.names, curve.frequencies.tolist(), strict=True)),
        "edges": [[e.source, e.target, e.weight, e.probability] for e in matrix.edges[:MOST_EDGES]],
        "markov_rate": markov_rate(matrix) / symbols.step,
        "entropy_rate": float(entropy_rate(seen).value * nats) if several else 0.0,
        "topological_entropy": float(topological_entropy(seen).measure.value * nats) if several else 0.0,
    }


def markov_rate(matrix: TransitionMatrix) -> float:
    """- sum_i pi_i sum_j p_ij ln p_ij, nats per step, pi being the share of transitions that leave i."""
    share = matrix.counts / matrix.counts.sum()
    return float(-(share * np.log(matrix.probabilities)).sum()) + 0.0
