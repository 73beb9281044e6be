"""Energy distance of two invariant measures."""

from __future__ import annotations

from typing import Any

from dsr.measure import Measure

from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .pair_sums import pair_sums, two_sample_values
from .samples import draw_samples


def energy_distance(
    x_true: Any,
    x_gen: Any,
    *,
    points: int | None = 2000,
    scale: str = "whitened",
    blocks: int = BLOCKS,
    seed: int = 0,
) -> Measure:
    """2 E|x - y| - E|x - x'| - E|y - y'| over rows of truth x and generated y, in units of the truth; never negative.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    points, scale, seed : see `draw_samples`. Time and memory grow with the square of `points`.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "energy distance" with value -+ one standard error; 0 for equal samples, which equal records are only up to
    `points` rows: of longer ones different rows are drawn. Raises `DataError` as `draw_samples`.

    No bandwidth and no cells to choose, and hardly any growth with dimension: the first choice where a grid has too
    many cells. When it misleads: blind to the order in time, and to detail far finer than the attractor.
    Source: Szekely & Rizzo, doi:10.1016/j.jspi.2013.03.018.
    """
    samples = draw_samples(x_true, x_gen, points=points, scale=scale, seed=seed)
    x, y = samples.true, samples.generated
    blocks = blocks_that_fit(blocks, len(x), len(y))
    xx, xy, yy = (pair_sums(a, b, lambda d: -d, blocks=blocks) for a, b in ((x, x), (x, y), (y, y)))
    value, without_x, without_y = two_sample_values(xx, xy, yy, blocks)
    value = max(0.0, value)  # rounding
    error = two_record_error(blocks, lambda: without_x, lambda: without_y)
    settings = {**samples.settings(), "blocks": blocks, "seed": seed}
    return Measure("energy distance", value, value - error, value + error, settings=settings)
