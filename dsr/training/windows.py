"""Windows of consecutive standardised rows. Which window a member sees at a step is a function of (seed, step, member,
place in the batch) alone: a resumed run, another backend and an ensemble of another size all see the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from ..points import constant_columns
from ..series import TimeSeries

TABLE = 1 << 16  # normal numbers that the training noise is cut from, at a random place for every window


class Windows:
    """Random windows of `length` + 1 rows that never straddle two trajectories, with noise of `noise` standard
    deviations added (to what is observed, as start and as target). Behind the observed columns stand the external
    inputs, standardised, and for series with time stamps of their own the time since the row before.

    Series of `length` rows or fewer have no window; `remark` says how many rows that concerns, empty for none.
    """

    def __init__(
        self,
        series: Sequence[TimeSeries],
        mean: np.ndarray,
        std: np.ndarray,
        length: int,
        *,
        seed: int,
        dtype: torch.dtype,
        noise: float = 0.0,
        device: str = "cpu",
        input_mean: np.ndarray | None = None,
        input_std: np.ndarray | None = None,
    ) -> None:
        require_rows(series, length)
        self.length, self.noise, self.dim = length, noise, series[0].dim
        self.remark = left_out(series, length, f"the window of {length} steps")
        columns = [(np.concatenate([s.values for s in series]) - mean) / std]
        if series[0].inputs is not None:
            inputs = np.concatenate([s.inputs for s in series if s.inputs is not None])
            _require_variation(inputs)
            input_mean = inputs.mean(0) if input_mean is None else input_mean
            columns.append((inputs - input_mean) / (inputs.std(0) if input_std is None else input_std))
        if any(s.stamps is not None for s in series):
            columns.append(np.concatenate([np.diff(s.times, prepend=s.times[0] - s.dt) for s in series])[:, None])
        values = np.concatenate(columns, axis=1)
        self.rows = torch.as_tensor(np.ascontiguousarray(values), dtype=dtype, device=device)
        offsets = np.cumsum([0] + [len(s) for s in series])
        self.firsts = np.concatenate([np.arange(a, b - length) for a, b in pairwise(offsets)]).astype(np.int64)
        self.key = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        rng = torch.Generator().manual_seed(self.key >> 1)
        normals = torch.randn(TABLE + (length + 1) * self.dim, generator=rng, dtype=torch.float64)
        self.normals = normals.to(device=device, dtype=dtype)
        self._time = torch.arange(length + 1, device=device)[:, None, None]
        self._cells = torch.arange((length + 1) * self.dim, device=device)

    def draws(self, first: int, steps: int, members: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """First row and place in the table of normal numbers, both (steps, members, batch), of the training steps
        first, first + 1, ..."""
        with np.errstate(over="ignore"):
            row = _mix(np.uint64(self.key) + np.arange(first, first + steps, dtype=np.uint64))
            place = (np.arange(members, dtype=np.uint64)[:, None] << np.uint64(32)) | np.arange(batch, dtype=np.uint64)
            draw = _mix(row[:, None, None] + place)
            high, low = draw >> np.uint64(32), draw & np.uint64(0xFFFFFFFF)
            pick = (high * np.uint64(len(self.firsts))) >> np.uint64(32)
            return self.firsts[pick], ((low * np.uint64(TABLE)) >> np.uint64(32)).astype(np.int64)

    def gather(self, firsts: Tensor, places: Tensor) -> Tensor:
        """The windows (length + 1, members, batch, dim) of one step's draws (members, batch)."""
        windows = self.rows[firsts + self._time]
        if self.noise == 0:
            return windows
        normals = self.normals[places[..., None] + self._cells]
        noise = self.noise * normals.unflatten(-1, (self.length + 1, self.dim)).movedim(2, 0)
        if windows.shape[-1] == self.dim:
            return windows + noise
        return torch.cat([windows[..., : self.dim] + noise, windows[..., self.dim :]], dim=-1)


class JoinedWindows(Windows):
    """The windows of several runs side by side on the member axis: `members[i]` members see those of `parts[i]`, the
    same as without the others."""

    def __init__(self, parts: Sequence[Windows], members: Sequence[int]) -> None:
        first = parts[0]
        self.parts, self.counts = tuple(parts), tuple(members)
        self.length, self.noise, self.dim = first.length, first.noise, first.dim
        self._time, self._cells = first._time, first._cells
        self.rows, self.normals = torch.cat([p.rows for p in parts]), torch.cat([p.normals for p in parts])
        sizes = np.array([(len(p.rows), len(p.normals)) for p in parts])
        self.offsets = np.cumsum(sizes, axis=0) - sizes  # of each part's rows and normal numbers in the joined tables

    def draws(self, first: int, steps: int, members: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """As of `Windows`; `members` is the number of all members."""
        drawn = [part.draws(first, steps, count, batch) for part, count in zip(self.parts, self.counts, strict=True)]
        firsts = [rows + offset for (rows, _), offset in zip(drawn, self.offsets[:, 0], strict=True)]
        places = [cells + offset for (_, cells), offset in zip(drawn, self.offsets[:, 1], strict=True)]
        return np.concatenate(firsts, axis=1), np.concatenate(places, axis=1)


def require_rows(series: Sequence[TimeSeries], length: int) -> None:
    """Raise `DataError` when no series is longer than one training window of `length` steps."""
    longest = max(len(s) for s in series)
    if longest <= length:
        raise DataError(
            f"a training series of {longest} rows",
            f"more rows than one training window of {length} steps",
            f"shorten the window (training.window={max(longest // 4, 1)}) or bring a longer series",
        )


def left_out(series: Sequence[TimeSeries], rows: int, what: str) -> str:
    """A remark for the outcome of training on how much lies in series of so many `rows` or fewer; empty for nothing."""
    short, whole = sum(len(s) for s in series if len(s) <= rows), sum(map(len, series))
    return f"; {short} of {whole} rows lie in series no longer than {what} and are not trained on" if short else ""


def _require_variation(inputs: np.ndarray) -> None:
    constant = constant_columns(inputs)
    if constant:
        raise DataError(
            "; ".join(f"external input {i + 1} is {kind}" for i, kind in constant.items()),
            "inputs that vary in time",
            "leave it out of the inputs of the series",
        )


def _mix(x: np.ndarray) -> np.ndarray:
    """splitmix64 (Steele, Lea, Flood, OOPSLA 2014, doi:10.1145/2660193.2660195): a bijection of 64-bit integers whose
    outputs look independent."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
