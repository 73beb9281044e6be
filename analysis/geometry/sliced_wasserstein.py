"""Sliced Wasserstein distance of two invariant measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from ..jackknife import block_of
from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .samples import draw_samples

PROJECTIONS_AT_ONCE = 25


def sliced_wasserstein(
    x_true: Any,
    x_gen: Any,
    *,
    projections: int = 200,
    quantiles: int = 1000,
    points: int | None = 20_000,
    scale: str = "whitened",
    blocks: int = BLOCKS,
    seed: int = 0,
) -> Measure:
    """Mean over directions of the Wasserstein-1 distance of the projected measures, in units of the truth.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    projections : directions, uniform on the sphere. quantiles : at (i + 1/2) / quantiles, at which the two projected
        distributions are compared.
    points, scale : see `draw_samples`.
    blocks : of either record for the error, see `block_error`; 0 for none.
    seed : of rows and directions; the directions are the same for all calls of equal dim.

    Returns
    -------
    Measure "sliced Wasserstein" with value -+ one standard error. Raises `SpecError` for projections or quantiles
    below 1, `DataError` as `draw_samples`.

    When it misleads: blind to the order in time, and less sharp on a small shift of density than the scores on
    cells; its floor falls with the square root of the length. Source: Bonneel et al.,
    doi:10.1007/s10851-014-0506-3.
    """
    if projections < 1 or quantiles < 1:
        raise SpecError(f"projections = {projections}, quantiles = {quantiles}", "1 and more", "use the defaults")
    samples = draw_samples(x_true, x_gen, points=points, scale=scale, seed=seed)
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((samples.true.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    blocks = blocks_that_fit(blocks, len(samples.true), len(samples.generated))
    total, left_true, left_gen = 0.0, np.zeros(blocks), np.zeros(blocks)
    for some in np.array_split(directions, -(-projections // PROJECTIONS_AT_ONCE), axis=1):
        true, without_true = _quantiles(samples.true @ some, quantiles, blocks)
        gen, without_gen = _quantiles(samples.generated @ some, quantiles, blocks)
        total += float(np.abs(true - gen).mean(1).sum())
        left_true += np.abs(without_true - gen).mean(2).sum(1)
        left_gen += np.abs(true - without_gen).mean(2).sum(1)
    value = total / projections
    error = two_record_error(blocks, lambda: left_true / projections, lambda: left_gen / projections)
    settings = {"projections": projections, "quantiles": quantiles, **samples.settings(), "blocks": blocks}
    return Measure("sliced Wasserstein", value, value - error, value + error, settings={**settings, "seed": seed})


def _quantiles(projected: np.ndarray, quantiles: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Of columns (rows, projections): (projections, quantiles), and without each block (blocks, projections, ...)."""
    level = (np.arange(quantiles) + 0.5) / quantiles
    order = np.argsort(projected, axis=0)
    ranked = np.take_along_axis(projected, order, axis=0)
    block = block_of(len(projected), blocks) if blocks else np.zeros(0)
    left = np.empty((blocks, projected.shape[1], quantiles))
    for j in range(projected.shape[1]):
        of = block[order[:, j]] if blocks else None
        for b in range(blocks):
            rest = ranked[of != b, j]
            left[b, j] = rest[(level * rest.size).astype(np.int64)]
    return ranked[(level * len(ranked)).astype(np.int64)].T, left
