"""Hausdorff distance of two attractors."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from .samples import draw_samples


def hausdorff_distance(
    x_true: Any,
    x_gen: Any,
    *,
    quantile: float = 1.0,
    points: int | None = None,
    scale: str = "columns",
    seed: int = 0,
) -> Measure:
    """The farthest that a row of one trajectory is from the other trajectory, in units of the truth.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    quantile : of the distances to the nearest row of the other trajectory, in (0, 1]; 1 is the distance of
        Hausdorff, below that single outliers and the transient do not decide.
    points, scale, seed : see `draw_samples`; by default all rows, each column in standard deviations of the truth.

    Returns
    -------
    Measure "Hausdorff distance", the larger of the two directions; settings hold both: "true_to_generated" is large
    where the model leaves parts of the attractor out, "generated_to_true" where it goes astray. It has no error: a
    maximum has no mean over blocks; the floor over several true trajectories says how it scatters. Raises `SpecError`
    for a quantile out of range, `DataError` as `draw_samples`.

    When it misleads: it asks where the trajectory goes, not how often, and a single row decides.
    """
    from scipy.spatial import cKDTree

    if not 0 < quantile <= 1:
        raise SpecError(f"quantile = {quantile}", "a number in (0, 1]", "use the default 1")
    samples = draw_samples(x_true, x_gen, points=points, scale=scale, seed=seed)
    x, y = samples.true, samples.generated
    missed, astray = (float(np.quantile(cKDTree(b).query(a)[0], quantile)) for a, b in ((x, y), (y, x)))
    settings = {
        "quantile": quantile,
        **samples.settings(),
        "true_to_generated": missed,
        "generated_to_true": astray,
        "seed": seed,
    }
    return Measure("Hausdorff distance", max(missed, astray), settings=settings)
