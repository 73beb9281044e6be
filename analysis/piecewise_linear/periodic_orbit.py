"""Fixed points and cycles of a map, exact to rounding, with their stability."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from dsr.measure import Measure

from .stability import stability_type, unstable_directions


@dataclass(frozen=True, eq=False)
class PeriodicOrbit:
    """A fixed point (period 1) or cycle.

    Attributes
    ----------
    points : (period, M) in order of time. bits : (period, gates) bool, the region of each.
    multipliers : (M,) complex, of the period-fold map, the largest first.
    residual : largest distance between the step from a point and the next point.
    border : a point lies on a gate, within 1e-9 (1 + |z|): the multipliers hold on one side only, and the slightest
        change of the model may destroy the orbit or double it.
    """

    points: np.ndarray
    bits: np.ndarray
    multipliers: np.ndarray
    residual: float
    border: bool = False

    @property
    def period(self) -> int:
        """In steps."""
        return len(self.points)

    @property
    def word(self) -> tuple[int, ...]:
        """Region of each point as a number: gate i is worth 2**i."""
        return tuple(sum(1 << int(i) for i in np.flatnonzero(row)) for row in self.bits)

    @property
    def unstable(self) -> int:
        """Number of multipliers outside the unit circle."""
        return unstable_directions(self.multipliers)

    @property
    def kind(self) -> str:
        """See `stability_type`."""
        return stability_type(self.multipliers)

    def floquet_exponents(self, dt: float) -> np.ndarray:
        """(M,) rates per unit of time, ln |multiplier| / (period dt); -inf for a direction that is annihilated."""
        with np.errstate(divide="ignore"):
            return np.log(np.abs(self.multipliers)) / (self.period * dt)


@dataclass(frozen=True, eq=False)
class MarginalSet:
    """A line (plane, ...) of fixed points or cycles: the map of this word has a multiplier 1.

    point : (M,), one of its points, as far inside the region as it goes; directions : (M, n) orthonormal, along the
    set. bits : (period, gates), the word.
    """

    point: np.ndarray
    directions: np.ndarray
    bits: np.ndarray


@dataclass(frozen=True, eq=False)
class PeriodicOrbits:
    """The fixed points or cycles of one period that were found.

    Attributes
    ----------
    orbits : sorted by word. marginal : sets of them that are not isolated.
    period : in steps, 0 for several periods.
    method : "reduced" (every word, through the gates), "full" (every word, M x M), "search" or "close returns".
    complete : every word of regions was examined. Otherwise `saturation` tells how far the search came.
    examined : words whose equation was solved. virtual : of those, how many have their solution in another region
        (-1 where that was not counted).
    saturation : (batches,), number of distinct orbits known after each batch of a search; a curve that still rises
        says that there are more.
    """

    orbits: tuple[PeriodicOrbit, ...]
    period: int
    method: str
    complete: bool
    examined: int
    virtual: int
    settings: Mapping[str, Any]
    marginal: tuple[MarginalSet, ...] = ()
    saturation: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.orbits)

    def __iter__(self) -> Iterator[PeriodicOrbit]:
        return iter(self.orbits)

    @overload
    def __getitem__(self, i: int) -> PeriodicOrbit: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[PeriodicOrbit, ...]: ...
    def __getitem__(self, i: int | slice) -> PeriodicOrbit | tuple[PeriodicOrbit, ...]:
        return self.orbits[i]

    @property
    def measure(self) -> Measure:
        """Number of isolated orbits; exact if complete, else a lower bound."""
        name = {0: "cycles", 1: "fixed points"}.get(self.period, f"{self.period}-cycles")
        count = float(len(self.orbits))
        notes = [] if self.complete else ["a lower bound: not every word of regions was examined"]
        if self.marginal:
            notes.append(f"besides {len(self.marginal)} sets of orbits that are not isolated")
        settings = {**self.settings, "period": self.period, "method": self.method}
        return Measure(
            name, count, count, count if self.complete else math.nan, settings=settings, note="; ".join(notes)
        )
