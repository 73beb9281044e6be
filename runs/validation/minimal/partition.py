"""One letter for each return of a flow, with borders that the truth sets and the reconstruction has to live with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....analysis import SymbolSequence, critical_point, side_symbols, successive_maxima
from ....systems import System

SMOOTHING = 0.03  # of a period: a dither between neighbouring rows is no return


@dataclass(frozen=True)
class ReturnPartition:
    """A return is a maximum of `column`; its letter is R where `seen` is at or above `border` there, else L.

    smoothing : width (standard deviation, in units of time) of the Gaussian under which maxima are found, the same for
    truth and reconstruction.
    """

    column: int
    seen: int
    border: float
    smoothing: float

    def returns(self, values: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of `seen` at the returns of a trajectory (time, dim), (returns,) each; none if it rests."""
        if not np.ptp(values[:, self.column]):
            return np.empty(0), np.empty(0)
        maxima = successive_maxima(values[:, self.column], dt=dt, smoothing=self.smoothing)
        if self.seen == self.column:
            return maxima.times, maxima.values
        return maxima.times, np.interp(maxima.times, dt * np.arange(len(values)), values[:, self.seen])

    def symbols(self, values: np.ndarray, dt: float) -> SymbolSequence | None:
        """The letters of a trajectory; None without a return."""
        times, seen = self.returns(values, dt)
        return side_symbols(seen, threshold=self.border, times=times) if len(times) else None


def lobes(system: System, values: np.ndarray, dt: float) -> ReturnPartition:
    """Lorenz-63: the wing (sign of x) at each maximum of z."""
    return ReturnPartition(column=2, seen=0, border=0.0, smoothing=SMOOTHING * system.period)


def branches(system: System, values: np.ndarray, dt: float) -> ReturnPartition:
    """Rössler: the side of the peak of the return map of maxima of x, the peak being that of the truth (time, dim)."""
    bare = ReturnPartition(column=0, seen=0, border=0.0, smoothing=SMOOTHING * system.period)
    return ReturnPartition(0, 0, critical_point(bare.returns(values, dt)[1]), bare.smoothing)


PARTITIONS = {"lorenz63": lobes, "rossler": branches}
