"""How many regions a trajectory needs: the occupancy curve, and the elbow of a score over the number of gates P."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from .sequence import as_symbol_sequence


@dataclass(frozen=True, eq=False)
class OccupancyCurve:
    """Regions by how often they are visited.

    names : visited symbols, the most frequent first. frequencies, cumulative : (visited,), share of the time.
    effective : 2^H regions, H the entropy of the frequencies in bits.
    measure : "regions needed", the least number that covers `share` of the time.
    """

    names: tuple[str, ...]
    frequencies: np.ndarray
    cumulative: np.ndarray
    effective: float
    measure: Measure
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GateElbow:
    """A score over the number of gates P.

    P : int64 (k,), ascending. median, error : (k,), over the runs with that P; error NaN for a single run.
    runs : int64 (k,).
    measure : "gates needed", the P beyond which the score no longer pays.
    """

    P: np.ndarray
    median: np.ndarray
    error: np.ndarray
    runs: np.ndarray
    measure: Measure


def occupancy_curve(sequence: Any, share: float = 0.99) -> OccupancyCurve:
    """Sorted region frequencies and the number of regions that cover `share` of the time.

    sequence : a `SymbolSequence` (`region_symbols`), a text, or whole numbers (time,); per row, not run-compressed,
    when time is to count. low and high of the measure are its range over the quarters of the record and the whole.

    When it misleads: regions needed to cover the time are not all needed for the dynamics: a rarely visited one can
    carry the switch between wings. Count a model's regions only after its transient.
    """
    if not 0 < share <= 1:
        raise SpecError(f"share = {share}", "a number in (0, 1]", "use the default 0.99")
    found = as_symbol_sequence(sequence, rows=4)
    counts = np.bincount(found.symbols, minlength=len(found.alphabet))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    frequencies = counts[order] / counts.sum()
    value = _needed(counts, share)
    parts = [_needed(np.bincount(p), share) for p in np.array_split(found.symbols, 4)]
    effective = float(2 ** -np.sum(frequencies * np.log2(frequencies)))
    settings = {"share": share, "length": len(found), "visited": int(order.size), "effective": effective}
    measure = Measure(
        "regions needed",
        float(value),
        float(min(*parts, value)),
        float(max(*parts, value)),
        unit="regions",
        settings=settings,
    )
    names = tuple(found.alphabet[i] for i in order)
    return OccupancyCurve(names, frequencies, np.cumsum(frequencies), effective, measure, settings)


def gate_elbow(results: Iterable[tuple[int, float]], *, tolerance: float = 0.1, seed: int = 0) -> GateElbow:
    """The least number of gates P whose score is nearly as good as the best.

    Parameters
    ----------
    results : pairs (P, score), lower is better; several with one P are runs with different seeds. At least two
        different P. Count a diverged run with the score of a surrogate, do not leave it out.
    tolerance : of the range from the worst to the best median, how much may be given away.
    seed : of the 1000 bootstrap samples of runs from which low and high (5 and 95 %) follow; NaN with single runs.

    The measure is the least P whose median is within `tolerance` of the best. Raises `DataError` for scores that
    are not finite; where all medians are equal the least P is it, with a note.

    When it misleads: where the score is at its floor for all P, differences are chance; the note of a flat curve
    comes only for exact equality.
    """
    pairs = [(int(p), float(s)) for p, s in results]
    if not 0 <= tolerance < 1:
        raise SpecError(f"tolerance = {tolerance}", "a number in [0, 1)", "use the default 0.1")
    if len({p for p, _ in pairs}) < 2 or any(not math.isfinite(s) for _, s in pairs):
        raise DataError(
            f"{len(pairs)} results with {len({p for p, _ in pairs})} different P",
            "finite scores for at least two different P",
            "train more sizes, and give a diverged run the score of a surrogate",
        )
    P = np.array(sorted({p for p, _ in pairs}))
    scale = max(abs(s) for _, s in pairs) or 1.0  # sums and squares of huge scores stay finite
    scores = [np.array([s / scale for q, s in pairs if q == p]) for p in P]
    runs = np.array([s.size for s in scores])
    rng = np.random.default_rng(seed)
    samples = np.array([np.median(rng.choice(s, (1000, s.size)), axis=1) for s in scores])
    median = np.array([np.median(s) for s in scores])
    several = bool((runs > 1).all())
    chosen = [int(P[_first_good(m, tolerance)]) for m in samples.T] if several else [math.nan]
    low, high = (float(v) for v in np.quantile(chosen, [0.05, 0.95]))
    settings = {"tolerance": tolerance, "P": P.tolist(), "runs": runs.tolist(), "bootstrap": 1000, "seed": seed}
    note = "the score is the same for all P" if np.ptp(median) == 0 else ""
    value = float(P[_first_good(median, tolerance)])
    measure = Measure("gates needed", value, low, high, unit="gates", settings=settings, note=note)
    error = np.where(runs > 1, samples.std(axis=1), np.nan) * scale
    return GateElbow(P, median * scale, error, runs, measure)


def _first_good(median: np.ndarray, tolerance: float) -> int:
    limit = median.min() + tolerance * (median.max() - median.min())
    return int(np.argmax(median <= limit))


def _needed(counts: np.ndarray, share: float) -> int:
    """Least number of entries of `counts` whose sum is at least `share` of the whole."""
    cumulative = np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(cumulative, share * cumulative[-1] * (1 - 1e-12))) + 1
