"""Maximum mean discrepancy of two invariant measures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure

from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .pair_sums import pair_sums, two_sample_values
from .samples import draw_samples


def maximum_mean_discrepancy(
    x_true: Any,
    x_gen: Any,
    *,
    bandwidth: float | None = None,
    points: int | None = 2000,
    scale: str = "whitened",
    blocks: int = BLOCKS,
    seed: int = 0,
) -> Measure:
    """MMD^2 of truth and generated rows under a Gaussian kernel, unbiased: about 0, also below, for equal measures.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    bandwidth : standard deviation of the kernel in units of the truth; None: the median distance of two true rows.
        It never looks at the generated run: a bandwidth that adapts to the model loses power against bad ones.
    points, scale, seed : see `draw_samples`. Time and memory grow with the square of `points`.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "MMD^2" with value -+ one standard error; settings hold the bandwidth used. Raises `SpecError` for a
    bandwidth that is not positive, `DataError` as `draw_samples`.

    When it misleads: unbiased for independent rows, while rows of a trajectory that are close in time keep the
    truth above zero: compare with the floor, which is skewed. Blind to the order in time.
    Source: Gretton et al., jmlr.org/papers/v13/gretton12a.html.
    """
    if bandwidth is not None and not (math.isfinite(bandwidth) and bandwidth > 0):
        raise SpecError(f"bandwidth = {bandwidth}", "a positive number", "leave it out for the median distance")
    samples = draw_samples(x_true, x_gen, points=points, scale=scale, seed=seed)
    x, y = samples.true, samples.generated
    if len(y) < 2:
        raise DataError("x_gen of one row", "2 rows or more: a row is not paired with itself", "bring a longer run")
    width = _median_distance(x) if bandwidth is None else bandwidth
    blocks = blocks_that_fit(blocks, len(x), len(y))

    def kernel(distance: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * np.minimum(distance / width, 1e3) ** 2)

    xx, yy = (pair_sums(a, a, kernel, blocks=blocks, own=1.0) for a in (x, y))
    value, without_x, without_y = two_sample_values(xx, pair_sums(x, y, kernel, blocks=blocks), yy, blocks)
    error = two_record_error(blocks, lambda: without_x, lambda: without_y)
    settings = {"bandwidth": width, **samples.settings(), "blocks": blocks, "seed": seed}
    return Measure("MMD^2", value, value - error, value + error, settings=settings)


def _median_distance(x: np.ndarray) -> float:
    """Of the pairs of distinct rows; the mean where most rows coincide."""
    from scipy.spatial.distance import pdist

    distances = pdist(x)
    median = float(np.median(distances))
    return median if median > 0 else float(distances.mean())


mmd = maximum_mean_discrepancy
