"""Permutation entropy: how evenly a series uses the orders in which successive samples can stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import as_columns_that_vary, only_column

from ..jackknife import block_of, jackknife_error

LARGEST_ORDER = 8


@dataclass(frozen=True, eq=False)
class PermutationEntropy:
    """`measure` and what it was counted from.

    patterns (order!, order): row p lists the positions of the samples from the smallest to the largest; counts
    (order!,): how often each occurs. A pattern that never occurs in a long series is forbidden: a sign of determinism.
    """

    measure: Measure
    patterns: np.ndarray
    counts: np.ndarray


def permutation_entropy(x: Any, *, order: int = 4, delay: int = 1, blocks: int = 20) -> PermutationEntropy:
    """Shannon entropy of the ordinal patterns of `order` samples `delay` steps apart, over ln(order!): in [0, 1].

    Parameters
    ----------
    x : (time,) or (time, 1), one observable. Equal samples stand in the order of time.
    order : 2 .. 8. blocks : of time, left out one after another for the error; 0 for none.

    Returns
    -------
    PermutationEntropy, its measure with Miller and Madow's correction of the bias of short series (settings: "bias",
    "forbidden" patterns) and -+ one standard error, that of the value before it is cut off at 1. A note where fewer
    than five stretches fall on each pattern.

    When it misleads: with a delay of 1 on a finely sampled flow nearly all samples rise or fall in order; choose the
    delay by mutual information. Ties (quantised data) count as rising. Blind to amplitudes. Source: Bandt & Pompe,
    doi:10.1103/PhysRevLett.88.174102.
    """
    column = only_column(as_columns_that_vary(x))
    if not 2 <= order <= LARGEST_ORDER or delay < 1 or blocks < 0:
        raise SpecError(
            f"order = {order}, delay = {delay}, blocks = {blocks}",
            f"order 2 .. {LARGEST_ORDER}, delay from 1, blocks from 0",
            "use the defaults",
        )
    stretches = len(column) - (order - 1) * delay
    if stretches < 10:
        raise DataError(f"{len(column)} rows", f"at least {10 + (order - 1) * delay}", "bring a longer series")
    samples = np.stack([column[i * delay : i * delay + stretches] for i in range(order)], axis=1)
    ranks = np.argsort(samples, axis=1, kind="stable")
    found = ranks @ order ** np.arange(order)
    patterns = _permutations(order)
    keys = patterns @ order ** np.arange(order)
    position = np.argsort(keys)
    label = position[np.searchsorted(keys[position], found)]
    parts = min(blocks, stretches // 10)
    per_block = np.bincount(label, minlength=len(keys))[None]
    if parts > 1:
        joint = block_of(stretches, parts) * len(keys) + label
        per_block = np.bincount(joint, minlength=parts * len(keys)).reshape(parts, -1)
    counts = per_block.sum(0)
    value, bias = _entropy(counts)
    value = min(1.0, value)
    error = math.nan
    if parts > 1:
        error = float(jackknife_error(np.array([_entropy(counts - c)[0] for c in per_block])))
    settings = {
        "order": order, "delay": delay, "length": len(column), "blocks": parts if parts > 1 else 0, "bias": bias,
        "forbidden": int((counts == 0).sum()),
    }  # fmt: skip
    note = "" if stretches >= 5 * len(keys) else f"{stretches} stretches for {len(keys)} patterns: lower the order"
    measure = Measure("permutation entropy", value, value - error, value + error, "", settings, note=note)
    return PermutationEntropy(measure, patterns, counts)


def _entropy(counts: np.ndarray) -> tuple[float, float]:
    """(entropy, the correction in it), both over its maximum; the correction may take it beyond 1."""
    most = math.log(counts.size)
    share = counts[counts > 0] / counts.sum()
    bias = float((share.size - 1) / (2 * counts.sum())) / most
    return float(-(share * np.log(share)).sum()) / most + bias, bias


def _permutations(order: int) -> np.ndarray:
    from itertools import permutations

    return np.array(list(permutations(range(order))))
