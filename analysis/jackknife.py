"""Errors of statistics of one long sequence: leave out one block of time after another."""

from __future__ import annotations

import numpy as np

from dsr.errors import SpecError


def block_of(length: int, blocks: int) -> np.ndarray:
    """The block 0 .. blocks - 1 of each of `length` positions: equal, contiguous, in order."""
    if not 2 <= blocks <= length:
        raise SpecError(
            f"{blocks} blocks of {length} words", f"2 .. {length}", "choose fewer blocks or bring a longer sequence"
        )
    return np.arange(length) * blocks // length


def counts_per_block(labels: np.ndarray, size: int, blocks: int) -> np.ndarray:
    """How often each label 0 .. size - 1 occurs in each block of time: int64 (blocks, size)."""
    block = block_of(labels.size, blocks)
    return np.bincount(block * size + labels, minlength=blocks * size).reshape(blocks, size)


def jackknife_error(left_out: np.ndarray) -> np.ndarray:
    """Standard error from the values (blocks, ...) that a statistic takes without each of the blocks.

    Holds when a block is long against the memory of the sequence. (Kuensch, doi:10.1214/aos/1176347265.)
    """
    blocks = len(left_out)
    return np.sqrt((blocks - 1) / blocks * ((left_out - left_out.mean(0)) ** 2).sum(0))
