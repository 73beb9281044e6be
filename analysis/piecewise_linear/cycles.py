"""Cycles of a piecewise-linear map: every word of regions where they can be counted, else a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .cycle_equations import gates_within_reach, periodic_orbit, solve_words
from .cycle_search import Search, search_words
from .gates import Gates, find_gates
from .periodic_orbit import MarginalSet, PeriodicOrbit, PeriodicOrbits
from .protocol import TOLERANCE, Pieces, PiecewiseLinearMap, as_pieces
from .reduced import NO, SINGULAR, YES, reduced_equations
from .regions import Regions, checked_states, find_regions
from .words import canonical_rotation, lyndon_words

CHUNK_BYTES = 2e7


def cycles(
    model: PiecewiseLinearMap | Pieces,
    period: int,
    *,
    method: str = "auto",
    most: float = 1e7,
    states: Any = None,
    samples: int = 20_000,
    batches: int = 20,
    words_per_batch: int = 200,
    iterations: int = 20,
    seed: int = 0,
) -> PeriodicOrbits:
    """Cycles of exactly `period` steps (1: fixed points), each once, with its multipliers, residual and type.

    Parameters
    ----------
    model : see `PiecewiseLinearMap`. A model of the package is taken in double precision.
    method : "exhaustive" solves every primitive necklace of regions; "search" draws random words and follows each
        from cycle to the regions of that cycle until it agrees with itself; "auto" is exhaustive up to `most` words
        (regions ** period) and searches beyond.
    states, samples : where regions cannot be enumerated, the search draws from those of `states` (time, M) and of
        random points around them.
    batches, words_per_batch, iterations : of the search. seed : of everything random.

    Returns
    -------
    PeriodicOrbits. After a search look at its `saturation`: a curve that still rises means more batches are needed.

    Raises `SpecError` for a period below 1, an unknown method, or exhaustive enumeration of too many words.

    Source: Eisenmann, Monfared, Göring, Durstewitz, NeurIPS 2023, arXiv:2310.17561 (the search).
    """
    if period < 1 or method not in ("auto", "exhaustive", "search") or min(batches, words_per_batch, iterations) < 1:
        raise SpecError(
            f"period = {period}, method = '{method}', batches = {batches}, words_per_batch = {words_per_batch}",
            "period, batches, words_per_batch and iterations of 1 or more, method 'auto', 'exhaustive' or 'search'",
            "change that setting",
        )
    pieces = as_pieces(model)
    gates = find_gates(pieces)
    regions = find_regions(pieces, gates, most=most, states=checked_states(states, pieces), samples=samples, seed=seed)
    few = regions.complete and regions.count**period <= most
    if method == "exhaustive" and not few:
        raise SpecError(
            f"{regions.count:.3g} regions, hence {regions.count:.3g}**{period} words",
            f"at most most = {most:.3g} words, of regions that can be enumerated",
            "use method='search', or raise most",
        )
    settings = {"most": most, "seed": seed}
    if few and method != "search":
        return _exhaustive(pieces, gates, regions, period, settings)
    search = Search(batches, words_per_batch, iterations, seed)
    found, singular, saturation, solved = search_words(pieces, regions, period, search)
    orbits, marginal = confirmed(pieces, gates, [*found, *singular])
    settings |= {"samples": samples, "batches": batches, "words_per_batch": words_per_batch, "iterations": iterations}
    return PeriodicOrbits(orbits, period, "search", False, solved, -1, settings, marginal, saturation)


def _exhaustive(
    pieces: Pieces, gates: Gates | None, regions: Regions, period: int, settings: dict[str, Any]
) -> PeriodicOrbits:
    bits = regions.bits
    if bits is None:
        raise SpecError("regions that were not listed", "a list of regions", "raise most")
    words = lyndon_words(len(bits), period)
    reduced = None
    if gates is not None and pieces.gates and (period * pieces.gates) ** 3 <= 4 * period * pieces.states**3:
        reduced = reduced_equations(gates, period)
    if reduced is not None:
        verdict = reduced.judge(bits, words)
    else:
        verdict = _judge_in_full(pieces, gates, bits, words)
    chosen = (bits[word] for word in words[verdict != NO])
    orbits, marginal = confirmed(pieces, gates, chosen)
    undecided = {_key(bits[word]) for word in words[verdict == SINGULAR]}
    virtual = int((verdict != SINGULAR).sum()) - sum(_key(orbit.bits) not in undecided for orbit in orbits)
    method = "full" if reduced is None else "reduced"
    return PeriodicOrbits(orbits, period, method, True, len(words), virtual, settings, marginal)


def _judge_in_full(pieces: Pieces, gates: Gates | None, bits: np.ndarray, words: np.ndarray) -> np.ndarray:
    """As `ReducedEquations.judge`, with M x M equations."""
    verdict = np.empty(len(words), np.int8)
    at_once = max(1, int(CHUNK_BYTES / (8 * pieces.states**2 + 8 * words.shape[1] * (pieces.states + pieces.gates))))
    for i in range(0, len(words), at_once):
        word = bits[words[i : i + at_once]]
        points, single = solve_words(pieces, word)
        flat = points.reshape(-1, pieces.states)
        differs = np.zeros(word.shape, bool)
        usable = np.repeat(single, word.shape[1])
        found = pieces.bits(flat[usable])
        wrong = found != word.reshape(len(flat), -1)[usable]
        some = np.flatnonzero(wrong.any(1))
        wrong[some] &= ~gates_within_reach(pieces, gates, flat[usable][some])
        differs.reshape(len(flat), -1)[usable] = wrong
        large = np.abs(points).max((1, 2)) > 1 / TOLERANCE  # nearly singular: left to the careful test
        verdict[i : i + at_once] = np.where(single & ~large, np.where(differs.any((1, 2)), NO, YES), SINGULAR)
    return verdict


def confirmed(
    pieces: Pieces, gates: Gates | None, words: Iterable[np.ndarray]
) -> tuple[tuple[PeriodicOrbit, ...], tuple[MarginalSet, ...]]:
    """Orbits of the words (period, gates) that pass the exact test, each once, and the sets that are not isolated.

    An orbit on a border comes up in every region that touches it; it is kept once.
    """
    orbits: dict[bytes, PeriodicOrbit] = {}
    marginal: dict[bytes, MarginalSet] = {}
    on_border: list[PeriodicOrbit] = []
    for word in words:
        found = periodic_orbit(pieces, gates, word)
        if isinstance(found, MarginalSet):
            marginal[_key(word)] = found
        elif found is not None:
            turned = _turned(found)
            if not turned.border:
                orbits[turned.bits.tobytes()] = turned
            elif not _repeats(turned) and not any(same_points(turned, other) for other in on_border):
                on_border.append(turned)
    everything = sorted([*orbits.values(), *on_border], key=lambda orbit: orbit.bits.tobytes())
    return tuple(everything), tuple(marginal.values())


def _key(word: np.ndarray) -> bytes:
    return np.roll(word, -canonical_rotation(word), axis=0).tobytes()


def same_points(a: PeriodicOrbit, b: PeriodicOrbit) -> bool:
    """Whether two orbits of one period are the same points, in the same order up to a shift."""
    close = TOLERANCE * 100 * (1 + np.abs(a.points).max())
    return any(np.abs(np.roll(a.points, s, axis=0) - b.points).max() < close for s in range(a.period))


def _repeats(orbit: PeriodicOrbit) -> bool:
    """Whether a cycle on a border is a shorter one run through several times."""
    n, close = orbit.period, TOLERANCE * 100 * (1 + np.abs(orbit.points).max())
    return any(
        n % d == 0 and np.abs(np.roll(orbit.points, d, axis=0) - orbit.points).max() < close for d in range(1, n)
    )


def _turned(orbit: PeriodicOrbit) -> PeriodicOrbit:
    """The orbit from its canonical first point on."""
    shift = -canonical_rotation(orbit.bits)
    points, bits = np.roll(orbit.points, shift, axis=0), np.roll(orbit.bits, shift, axis=0)
    return PeriodicOrbit(points, bits, orbit.multipliers, orbit.residual, orbit.border)
