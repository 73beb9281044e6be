"""How the linear regions of a piecewise-linear model look: numbered by the time spent in them, the same in all
figures."""

from __future__ import annotations

import numpy as np

from ...analysis import SymbolSequence
from .style import FAINT, FORECAST, RECONSTRUCTION, SURROGATE

COLOURS = (RECONSTRUCTION, "#E69F00", SURROGATE, "#CC79A7", "#56B4E9", FORECAST, "#404040", "#B8A800")


def by_occupancy(symbols: SymbolSequence) -> tuple[np.ndarray, np.ndarray]:
    """(regions,) positions in the alphabet of the visited regions, the longest visited first, and their share of
    time."""
    visits = np.bincount(symbols.symbols, minlength=len(symbols.alphabet))
    order = np.argsort(-visits, kind="stable")
    order = order[visits[order] > 0]
    return order, visits[order] / visits.sum()


def colour_of(rank: int) -> str:
    """Of the region with this rank; those beyond the eighth share a grey."""
    return COLOURS[rank] if rank < len(COLOURS) else FAINT
