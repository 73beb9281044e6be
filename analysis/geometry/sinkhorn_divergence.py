"""Sinkhorn divergence of two invariant measures: optimal transport, smoothed and without the bias of smoothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from ..jackknife import block_of
from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .entropic_transport import entropic_transport
from .samples import draw_samples


def sinkhorn_divergence(
    x_true: Any,
    x_gen: Any,
    *,
    epsilon: float = 0.05,
    points: int | None = 1000,
    scale: str = "whitened",
    tolerance: float = 1e-4,
    blocks: int = BLOCKS,
    seed: int = 0,
) -> Measure:
    """OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 with squared distances, entropy-regularised; never negative.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    epsilon : strength of the entropy, in squared units of the truth; towards 0 the score becomes the squared
        Wasserstein-2 distance, towards infinity the squared distance of the means.
    points, scale, seed : see `draw_samples`. Time and memory grow with the square of `points`.
    tolerance : of the marginals of the transport plan, summed absolute deviation.
    blocks : of either record for the error, see `block_error`; 0 for none. The blocks enter to first order, through
        the potentials.

    Returns
    -------
    Measure "Sinkhorn divergence" with value -+ one standard error; 0 for equal samples, which equal records are only up
    to `points` rows: of longer ones different rows are drawn. `note` says if the plan did not reach the tolerance.
    Raises `SpecError` for an epsilon or a tolerance that is not positive, `DataError` as `draw_samples`.

    When it misleads: blind to the order in time; with 1000 points the floor is that of 1000 points, however long
    the records. Source: Feydy et al., arXiv:1810.08278; Cuturi, arXiv:1306.0895.
    """
    if not (math.isfinite(epsilon) and epsilon > 0 and tolerance > 0):
        raise SpecError(f"epsilon = {epsilon}, tolerance = {tolerance}", "positive numbers", "use the defaults")
    samples = draw_samples(x_true, x_gen, points=points, scale=scale, seed=seed)
    x, y = samples.true, samples.generated
    blocks = blocks_that_fit(blocks, len(x), len(y))
    plans = [entropic_transport(a, b, epsilon, tolerance) for a, b in ((x, y), (x, x), (y, y))]
    cross, own_x, own_y = plans
    first = cross.left - 0.5 * (own_x.left + own_x.right)  # how the score changes with the weight of each row
    second = cross.right - 0.5 * (own_y.left + own_y.right)
    value = max(0.0, float(first.mean() + second.mean()))
    error = two_record_error(blocks, lambda: _without(first, blocks), lambda: _without(second, blocks))
    worst = max(p.marginal_error for p in plans)
    note = "" if worst <= tolerance else f"transport plan not converged: marginals off by {worst:.2g}"
    settings = {"epsilon": epsilon, "tolerance": tolerance, **samples.settings(), "blocks": blocks, "seed": seed}
    return Measure("Sinkhorn divergence", value, value - error, value + error, settings=settings, note=note)


def _without(influence: np.ndarray, blocks: int) -> np.ndarray:
    """Mean influence without each block: the score without it, but for a constant."""
    block = block_of(len(influence), blocks)
    rows, sums = np.bincount(block), np.bincount(block, weights=influence)
    return (influence.sum() - sums) / (len(influence) - rows)
