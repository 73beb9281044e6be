"""Windows of consecutive standardised rows, sampled for every step from (seed, step) alone, so that a resumed run
sees the same windows as one that was never interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from ..series import TimeSeries

BLOCK = 100  # training steps that share one generator


class Windows:
    """Random windows of `length` + 1 rows that never straddle two trajectories."""

    def __init__(
        self,
        series: Sequence[TimeSeries],
        mean: np.ndarray,
        std: np.ndarray,
        length: int,
        *,
        seed: int,
        dtype: torch.dtype,
    ) -> None:
        require_rows(series, length)
        self.rows = torch.as_tensor((np.concatenate([s.values for s in series]) - mean) / std, dtype=dtype)
        offsets = np.cumsum([0] + [len(s) for s in series])
        firsts = [np.arange(a, b - length) for a, b in pairwise(offsets)]
        self.firsts = torch.from_numpy(np.concatenate(firsts))
        self.steps = torch.arange(length + 1)[:, None, None]
        self.seed = seed

    def block(self, number: int, members: int, batch: int, noise: float) -> Iterator[Tensor]:
        """The windows of training steps number * BLOCK ..., each (length + 1, members, batch, dim)."""
        key = np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)[0]
        rng = torch.Generator().manual_seed(int(key >> np.uint64(1)))
        picks = torch.randint(len(self.firsts), (BLOCK, 1, members, batch), generator=rng)
        for pick in picks:
            window = self.rows[self.firsts[pick] + self.steps]
            yield window if noise == 0 else window + noise * _normal(window, rng)


def require_rows(series: Sequence[TimeSeries], length: int) -> None:
    """Raise `DataError` when no series is longer than one training window of `length` steps."""
    longest = max(len(s) for s in series)
    if longest <= length:
        raise DataError(
            f"a training series of {longest} rows",
            f"more rows than one training window of {length} steps",
            f"shorten the window (training.window={max(longest // 4, 1)}) or bring a longer series",
        )


def _normal(like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng, dtype=like.dtype)
