"""D_stsp by Gaussian mixtures, for state spaces with too many dimensions for a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from ..jackknife import block_of
from .block_error import BLOCKS, blocks_that_fit, two_record_error
from .samples import draw_samples

ROWS_AT_ONCE = 500


def state_space_divergence_gmm(
    x_true: Any,
    x_gen: Any,
    *,
    variance: float,
    points: int | None = 10_000,
    samples: int = 1000,
    blocks: int = BLOCKS,
    seed: int = 0,
) -> Measure:
    """KL(true || generated) in nats of two mixtures with one round Gaussian per row, by Monte Carlo.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths. Columns are z-scored with mean and deviation of the truth.
    variance : of each Gaussian along each column, in units of the truth's variance. It sets the number: papers used
        0.3 and 1, at which Lorenz-63 is hardly more than a blob, so compare only equal variances.
    points : rows of either trajectory, spread over the whole record (published code takes the first 10,000).
    samples : draws from the true mixture. seed : of rows and draws.
    blocks : of either record for the error, see `block_error`; 0 for none. The error of the draws is included.

    Returns
    -------
    Measure "D_stsp GMM" with value -+ one standard error. Likelihoods are kept as logarithms, so that no draw is
    dropped: a run far off the attractor scores large, where published code loses the draws that tell so. Raises
    `SpecError` for a variance that is not positive or under 2 samples, `DataError` as `draw_samples`.

    When it misleads: a draw's own row is among the true Gaussians, which keeps the floor above zero for small
    variances; blind to the order in time. Source: Hershey & Olsen, doi:10.1109/ICASSP.2007.366913; Brenner et al.,
    arXiv:2207.02542.
    """
    if not (math.isfinite(variance) and variance > 0) or samples < 2:
        raise SpecError(f"variance = {variance}, samples = {samples}", "variance > 0, samples >= 2", "try variance=1")
    rows = draw_samples(x_true, x_gen, points=points, scale="columns", seed=seed)
    true, gen = rows.true, rows.generated
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(true), size=samples)
    drawn = true[chosen] + math.sqrt(variance) * rng.standard_normal((samples, true.shape[1]))
    blocks = blocks_that_fit(blocks, len(true), len(gen))
    p, q = (_log_likelihoods(drawn, x, variance, max(1, blocks)) for x in (true, gen))
    log_p, log_q = _mixture(p, len(true)), _mixture(q, len(gen))
    ratios = log_p - log_q

    def without_true() -> list[float]:
        block = block_of(len(true), blocks)
        size = np.bincount(block)
        kept = [block[chosen] != b for b in range(blocks)]
        left = [_mixture(np.delete(p, b, axis=1), len(true) - size[b]) - log_q for b in range(blocks)]
        return [float(change[k].mean()) if k.any() else math.nan for change, k in zip(left, kept, strict=True)]

    def without_generated() -> list[float]:
        size = np.bincount(block_of(len(gen), blocks))
        left = (_mixture(np.delete(q, b, axis=1), len(gen) - size[b]) for b in range(blocks))
        return [float((log_p - one).mean()) for one in left]

    value = float(ratios.mean())
    error = math.hypot(two_record_error(blocks, without_true, without_generated), ratios.std() / math.sqrt(samples))
    settings = {"variance": variance, "samples": samples, **rows.settings(), "blocks": blocks, "seed": seed}
    return Measure("D_stsp GMM", value, value - error, value + error, unit="nats", settings=settings)


def _log_likelihoods(drawn: np.ndarray, centres: np.ndarray, variance: float, blocks: int) -> np.ndarray:
    """Log of the summed Gaussians of each block of centres at each draw, without the common factor: (draws, blocks)."""
    from scipy.spatial.distance import cdist

    found = np.full((len(drawn), blocks), -np.inf)
    block = block_of(len(centres), blocks) if blocks > 1 else np.zeros(len(centres), dtype=np.int64)
    for b in range(blocks):
        rows = centres[block == b]
        for some in np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE)):
            exponent = -0.5 * cdist(drawn, some, "sqeuclidean") / variance
            found[:, b] = np.logaddexp(found[:, b], _log_sum_exp(exponent))
    return found


def _mixture(per_block: np.ndarray, rows: int) -> np.ndarray:
    return _log_sum_exp(per_block) - math.log(rows)


def _log_sum_exp(exponent: np.ndarray) -> np.ndarray:
    top = exponent.max(1)
    return top + np.log(np.exp(exponent - top[:, None]).sum(1))
