"""Block sizes of the Triton kernels for one model size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Tiling:
    """Sizes padded to powers of two, and how many threads share a program.

    tile : windows per program; states : padded number of states; block : hidden units worked on at once (0 without
    hidden layer); resident : that is all of them; dot : `tl.dot`, else multiply and sum; warps : groups of 32 threads.
    """

    tile: int
    states: int
    block: int
    resident: bool
    dot: bool
    warps: int

    @classmethod
    def choose(cls, batch: int, states: int, hidden: int | None, dtype: torch.dtype) -> Tiling:
        """Sizes that keep state, weights and products of a program in registers where that is possible.

        `tl.dot` from 16 x 16 weights on, in single precision; below, padding to its smallest size of 16 would cost more
        than it gains. The limits were set by compiling for compute capability 9.0 and counting spilt registers; they
        have not been timed.
        """
        rows, columns = _power_of_two(states), _power_of_two(states if hidden is None else hidden)
        dot = dtype == torch.float32 and rows >= 16 and columns >= 16
        if dot:
            block = columns if hidden is None else min(columns, max(4096 // rows, 16))
            tile = 16
            warps = 4 if rows * block <= 2048 else 8
        else:
            share = 2048 if dtype == torch.float32 else 1024  # products that 32 threads hold in registers
            block = columns if hidden is None else min(columns, max(8 * share // rows, 1))
            tile = max(1, min(_power_of_two(batch), 16, share // (rows * block)))
            warps = max(1, min(tile * rows * block // share, 8))
        return cls(tile, rows, 0 if hidden is None else block, hidden is None or block >= columns, dot, warps)

    def grid(self, members: int, batch: int) -> tuple[int]:
        return (members * -(-batch // self.tile),)

    @property
    def dense(self) -> dict[str, Any]:
        """Launch keywords of a kernel without hidden layer."""
        return {"TILE": self.tile, "STATES": self.states, "DOT": self.dot, "num_warps": self.warps}

    @property
    def layered(self) -> dict[str, Any]:
        """Launch keywords of a kernel with a hidden layer."""
        return self.dense | {"BLOCK": self.block, "RESIDENT": self.resident}


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()
