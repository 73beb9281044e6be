"""How long a trajectory stays with each symbol before it changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.measure import Measure

from .sequence import as_symbol_sequence

NAME = "mean dwell time"


@dataclass(frozen=True, eq=False)
class DwellTimes:
    """Durations of the completed stays, in the order of time.

    symbols : int64 (stays,), positions in `alphabet`. durations : (stays,), in the time of the sequence.
    measure : "mean dwell time" over all stays.
    """

    alphabet: tuple[str, ...]
    symbols: np.ndarray
    durations: np.ndarray
    measure: Measure

    def of(self, name: str) -> np.ndarray:
        """Durations (stays,) of the symbol with this name; empty where it has no completed stay."""
        if name not in self.alphabet:
            raise DataError(f"no symbol '{name}'", "one of " + ", ".join(self.alphabet), "choose one of these")
        return self.durations[self.symbols == self.alphabet.index(name)]

    def mean(self, name: str) -> Measure:
        """Mean dwell time of one symbol, with the standard error of the mean of its stays."""
        stays = self.of(name)
        return _mean(stays, {"symbol": name})


def dwell_times(sequence: Any) -> DwellTimes:
    """Time between entering and leaving each symbol.

    sequence : a `SymbolSequence`, a text, or whole numbers (time,). The first and the last stay are cut off by the
    ends of the record and left out, which is unbiased only for a record much longer than the stays. Errors take
    the stays for independent.

    Returns `DwellTimes`; without a completed stay its measure is NaN with a note.
    """
    runs = as_symbol_sequence(sequence).run_compressed()
    durations = np.diff(runs.times)[1:]
    return DwellTimes(runs.alphabet, runs.symbols[1:-1], durations, _mean(durations, {}))


def _mean(durations: np.ndarray, settings: dict[str, Any]) -> Measure:
    count = durations.size
    settings = {**settings, "stays": count}
    if count == 0:
        return Measure(NAME, math.nan, settings=settings, note="no completed stay in the record")
    mean = float(durations.mean())
    error = float(durations.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Measure(NAME, mean, mean - error, mean + error, unit="time units", settings=settings)
