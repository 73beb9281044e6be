"""How long a simulated truth is the truth: until two solvers disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from .prediction import scaled_errors


@dataclass(frozen=True, eq=False)
class GroundTruthTime:
    """times (starts,): when two solutions from each start part, in the unit of dt; `measure`: their median."""

    times: np.ndarray
    measure: Measure


def ground_truth_time(
    first: Any, second: Any, *, dt: float, threshold: float = 0.1, sd: Any = None, time_unit: str = "time units"
) -> GroundTruthTime:
    """Time until two solutions of the same equations are `threshold` standard deviations apart.

    first, second : (starts, n, dim) from equal initial states, by another solver, or with another step or tolerance.
    threshold : below that of the valid prediction time it is to cap.

    Returns
    -------
    GroundTruthTime; the Measure "ground truth time" has the quartiles over starts. Starts that never part count as n
    steps, and a note says how many. Give `times` as `cap` to `valid_prediction_time`.

    When it misleads: two solvers of one family err together. Source: arXiv:2508.06730.
    """
    if not threshold > 0:
        raise SpecError(f"threshold = {threshold}", "a positive number of standard deviations", "use the default")
    errors = scaled_errors(first, second, sd)
    starts, n = errors.shape
    over = ~(errors <= threshold)
    steps = np.where(over.any(1), over.argmax(1), n)
    low, median, high = (float(v) for v in np.quantile(steps * dt, [0.25, 0.5, 0.75]))
    agree = int((steps == n).sum())
    note = f"{agree} of {starts} pairs agreed to their end" if agree else ""
    settings = {"threshold": threshold, "starts": starts, "horizon": n * dt}
    return GroundTruthTime(steps * dt, Measure("ground truth time", median, low, high, time_unit, settings, note=note))
