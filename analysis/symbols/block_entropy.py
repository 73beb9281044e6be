"""Block entropies of a symbol sequence and the entropy rate that their increments converge to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.measure import Measure

from ..jackknife import counts_per_block, jackknife_error
from .sequence import SymbolSequence, as_symbol_sequence, check_word_length
from .words import word_labels

PER_WORD = 10  # occurrences per possible word below which increments collapse


@dataclass(frozen=True, eq=False)
class BlockEntropies:
    """Entropy of words against their length, in bits.

    Attributes
    ----------
    lengths : (k,) word lengths 1 .. n_max.
    entropies, errors : (k,) H_n with Miller-Madow correction, and its standard error.
    plug_in : (k,) H_n of the raw frequencies.
    increments, increment_errors : (k,) H_n - H_(n-1) with H_0 = 0: bits per symbol, falling towards the entropy
        rate from above.
    words : (k,) distinct words.
    sampled_up_to : `longest_sampled_word`; longer words have too few occurrences.
    measure : "entropy rate", the increment one below the longest sampled word (but at least at n = 2). Its error
        joins the standard error and the step from the increment before it: what is left of the bias (0.0025 bit for
        coins of 1:4) and of the convergence.
    """

    lengths: np.ndarray
    entropies: np.ndarray
    errors: np.ndarray
    plug_in: np.ndarray
    increments: np.ndarray
    increment_errors: np.ndarray
    words: np.ndarray
    sampled_up_to: int
    measure: Measure
    settings: Mapping[str, Any] = field(default_factory=dict)


def longest_sampled_word(length: int, symbols: int) -> int:
    """n_max = floor(log(length / 10) / log(symbols)), at least 1: ten occurrences per possible word.

    For two symbols floor(log2(N / 10)). Beyond it increments of the block entropy collapse (0.84 instead of 0.98
    bit for Lorenz at n = 14 with 2.6e4 returns).
    """
    if symbols < 2 or length < PER_WORD * symbols:
        return 1
    return max(1, math.floor(math.log(length / PER_WORD) / math.log(symbols) + 1e-12))


def block_entropies(sequence: Any, n_max: int | None = None, *, blocks: int = 20) -> BlockEntropies:
    """Entropies H_n of the words of length 1 .. `n_max`, their increments, and the entropy rate.

    Parameters
    ----------
    sequence : a `SymbolSequence`, a text, or whole numbers (time,); at least 2 symbols per block.
    n_max : longest word; None for the longest sampled one. Longer ones are computed and not used for the rate,
        nor is a word longer than `n_max`.
    blocks : blocks of time that are left out in turn for the standard errors.

    Returns `BlockEntropies`. Raises `DataError` or `SpecError` for input that is too short.

    When it misleads: an increment is an upper bound of the entropy rate (up to its error), and the rate of a
    partition that does not generate is below that of the system. Per row of a flow the words repeat one symbol
    and the bound is loose: where symbols last longer than the words, `low` is NaN and a note says so; use returns or
    run-compressed itineraries. Sources: Miller (1955); Madow (1948);
    Schuermann & Grassberger, doi:10.1063/1.166191.
    """
    found = as_symbol_sequence(sequence, rows=2 * blocks)
    visited, symbols = np.unique(found.symbols, return_inverse=True)
    limit = longest_sampled_word(len(found), visited.size)
    n_max = limit if n_max is None else n_max
    check_word_length(n_max, len(found) - blocks + 1)
    plug_in, entropy, words = np.zeros(n_max), np.zeros(n_max), np.zeros(n_max, dtype=np.int64)
    left_out = np.zeros((n_max + 1, blocks))
    for n in range(1, n_max + 1):
        (labels,), table = word_labels([symbols], n, visited.size)
        counts = counts_per_block(labels, len(table), blocks)
        total = counts.sum(0)
        plug_in[n - 1], entropy[n - 1] = _plug_in(total), _corrected(total)
        words[n - 1] = len(table)
        left_out[n] = [_corrected(total - c) for c in counts]
    used = min(n_max, limit, max(2, limit - 1))
    increments = np.diff(entropy, prepend=0.0)
    errors = jackknife_error(np.diff(left_out, axis=0).T)
    step = float(increments[used - 1] - increments[used - 2]) if used > 1 else 0.0
    settings = {
        "length": len(found),
        "symbols": int(visited.size),
        "n": used,
        "longest_sampled_word": limit,
        "correction": "Miller-Madow",
        "blocks": blocks,
    }
    return BlockEntropies(
        np.arange(1, n_max + 1),
        entropy,
        jackknife_error(left_out[1:].T),
        plug_in,
        increments,
        errors,
        words,
        limit,
        _rate(float(increments[used - 1]), math.hypot(errors[used - 1], step), found, settings),
        settings,
    )


def entropy_rate(sequence: Any, *, n: int | None = None, blocks: int = 20) -> Measure:
    """Entropy rate in bits per symbol: an increment H_n - H_(n-1) of the sampled block entropies.

    `n`: longest word, None for the longest sampled one. settings hold the n used and the rate in nats
    per unit of time, to be compared with the sum of positive Lyapunov exponents (Pesin) where no note calls it an upper
    bound. See `block_entropies`.
    """
    return block_entropies(sequence, n, blocks=blocks).measure


def _rate(value: float, error: float, sequence: SymbolSequence, settings: Mapping[str, Any]) -> Measure:
    nats = value * math.log(2.0) / sequence.step
    n, stay = settings["n"], len(sequence) / len(sequence.run_compressed())
    note = "one word length only: an upper bound" if n == 1 and settings["symbols"] > 1 else ""
    lasting = stay > n > 1 and settings["symbols"] > 1
    if lasting:
        note = f"upper bound: symbols last {stay:.3g} steps, longer than words of {n}: use run_compressed() itineraries"
    return Measure(
        "entropy rate",
        value,
        math.nan if lasting else value - error,
        value + error,
        unit="bits per symbol",
        settings={**settings, "nats_per_time": nats},
        note=note,
    )


def _plug_in(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-np.sum(share * np.log2(share))) + 0.0


def _corrected(counts: np.ndarray) -> float:
    return _plug_in(counts) + float(np.count_nonzero(counts) - 1) / (2 * float(counts.sum()) * math.log(2.0))
