"""A score between its floor and its ceiling: 0 for a perfect model, 1 for a series that knows nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dsr.measure import ENOUGH_PAIRS, Measure, tells_nothing

NOTHING = "tells nothing"


def ceiling(baselines: Iterable[Measure | None]) -> float:
    """The largest known value of a score over its baselines, NaN without one.

    The largest, because each baseline keeps something of the truth: phase surrogates the spectrum, shuffled and
    Gaussian ones the distribution; where what is kept is all that the score sees, the baseline sits on the floor.
    """
    known = [m.value for m in baselines if m is not None and math.isfinite(m.value)]
    return max(known, default=math.nan)


def normalised_score(measure: Measure, ceiling: float) -> float:
    """(v - floor) / (ceiling - floor), with the median of the floor: about 0 for another true trajectory, 1 for one
    that knows nothing, more for one that is worse than that; NaN without a floor, a ceiling above it, or a value.

    It compares scores of different units; the uncertainty is that of the floor (`indistinguishable`).
    """
    if measure.floor is None or not ceiling > measure.floor.median:
        return math.nan
    return (measure.value - measure.floor.median) / (ceiling - measure.floor.median)


def indistinguishable(measure: Measure) -> bool | None:
    """Whether a score (small is good) lies below the 95 % quantile of its floor; None where that is not known: no
    floor, fewer than 20 pairs behind it, or no value.

    It speaks of this score, these lengths and this noise; a longer record may tell the two apart.
    """
    floor = measure.floor
    if floor is None or floor.pairs < ENOUGH_PAIRS or math.isnan(measure.value):
        return None
    return measure.value <= floor.high


def verdict(measure: Measure, ceiling: float) -> str:
    """What is said of a score below the 95 % quantile of its floor: "= truth", but "tells nothing" where the baselines
    lie below it, too; nothing of one above it. ceiling : NaN where none is known."""
    high = math.nan if measure.floor is None else measure.floor.high
    if tells_nothing(measure.value, measure.low, measure.high, ceiling=ceiling, floor_high=high):
        return NOTHING
    return "= truth" if indistinguishable(measure) else ""
