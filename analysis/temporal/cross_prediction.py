"""Nonlinear cross-prediction: how well the neighbours in a true record foretell a generated one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import as_columns_that_vary, as_points, require_same_columns
from dsr.timescales import autocorrelation_time

from ..geometry.samples import FARTHEST
from .nearest_rows import nearest_rows

NAME = "cross-prediction error"
BLOCKS = 20


def cross_prediction_error(
    x_true: Any,
    x_gen: Any,
    *,
    lag: int | None = None,
    neighbours: int = 4,
    references: int = 5000,
    seed: int = 0,
) -> Measure:
    """Root mean square error, in standard deviations of the truth, of forecasting the generated record with the truth.

    For rows drawn from the generated record, the `neighbours` nearest rows of the truth are followed over `lag` steps;
    the mean of their displacements is the forecast. Two trajectories of one system have a small error, which falls
    with the length of the truth. A wrong vector field, wrong speed, reversed time and noise all enlarge it, even where
    the invariant density is right.

    Parameters
    ----------
    x_true, x_gen : (time, dim), equal columns and time step; any two lengths.
    lag : steps of the forecast, a quarter of the longest autocorrelation time of the truth if None.
    references : rows of the generated record that are forecast, drawn with `seed` (all, if there are fewer).

    Returns
    -------
    Measure "cross-prediction error" -+ its standard error over 20 blocks of the generated record. That error covers the
    generated record only, for the one true record given: between independent pairs of records the score scatters about
    twice as much (Lorenz-63, 10,000 rows each), because the neighbours change with the truth. Raises `DataError` for
    unequal columns, a constant true column, a record that is too short, or a generated run farther out than 1e100
    standard deviations.

    When it misleads: a run that stays within a small part of the attractor can score better than the truth: read it
    beside a score of the density.

    Source: Schreiber, doi:10.1103/PhysRevLett.78.843.
    """
    true, gen = as_columns_that_vary(x_true, "x_true"), as_points(x_gen, "x_gen")
    require_same_columns(true, gen)
    lag = max(1, int(autocorrelation_time(true).max()) // 4) if lag is None else lag
    if lag < 1 or neighbours < 1 or references < BLOCKS:
        got = f"lag = {lag}, neighbours = {neighbours}, references = {references}"
        raise SpecError(got, f"lag and neighbours from 1, references from {BLOCKS}", "change that setting")
    if min(len(true) - lag, len(gen) - lag) < max(neighbours, BLOCKS):
        got = f"{len(true)} true and {len(gen)} generated rows with a lag of {lag}"
        raise DataError(got, f"at least {lag + max(neighbours, BLOCKS)} rows each", "bring longer records")
    scale = true.std(0)
    with np.errstate(over="ignore"):
        a, b = true / scale, gen / scale
    if not (np.abs(b - a.mean(0)) < FARTHEST).all():
        raise DataError(
            f"x_gen is more than {FARTHEST:g} standard deviations off the truth",
            "a run on or near the attractor",
            "report the run as diverged",
        )
    rows = np.arange(len(b) - lag)
    if references < rows.size:
        rows = np.sort(np.random.default_rng(seed).choice(rows, references, replace=False))
    squares = _squared_errors(a, b, rows, lag, neighbours)
    unit = squares.max() or 1.0  # the fourth powers of a run far away overflow
    blocks = np.array([part.mean() for part in np.array_split(squares / unit, BLOCKS)])
    mean, stderr = float(blocks.mean()), float(blocks.std(ddof=1)) / math.sqrt(BLOCKS)
    value = math.sqrt(mean) * math.sqrt(unit)
    error = value * stderr / (2 * mean) if mean > 0 else 0.0
    settings = {
        "lag": lag,
        "neighbours": neighbours,
        "references": int(rows.size),
        "length_true": len(true),
        "length_generated": len(gen),
        "seed": seed,
    }
    return Measure(NAME, value, value - error, value + error, "sd", settings)


def _squared_errors(a: np.ndarray, b: np.ndarray, rows: np.ndarray, lag: int, neighbours: int) -> np.ndarray:
    """Mean over columns of the squared error of each forecast, (rows,)."""
    near = nearest_rows(a[:-lag], b[rows], neighbours)
    forecast = (a[near + lag] - a[near]).mean(1)
    return ((b[rows + lag] - b[rows] - forecast) ** 2).mean(1)
