"""Rows of two trajectories in the units of the truth: what the distances between samples are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.cells import same_columns
from dsr.errors import DataError, SpecError, unknown

SCALES = ("whitened", "columns")
FARTHEST = 1e100
LEAST_EIGENVALUE = 1e-12


@dataclass(frozen=True, eq=False)
class Samples:
    """true, generated : (rows, dim) in units of the truth, in the order of time. scale : how they were made."""

    true: np.ndarray
    generated: np.ndarray
    scale: str

    def settings(self) -> dict[str, Any]:
        return {"scale": self.scale, "points_true": len(self.true), "points_generated": len(self.generated)}


def draw_samples(x_true: Any, x_gen: Any, *, points: int | None, scale: str, seed: int) -> Samples:
    """At most `points` rows of either trajectory (None: all), shifted and scaled by what is known of the truth.

    Parameters
    ----------
    x_true, x_gen : (time, dim), any two lengths.
    points : a longer record is cut into so many equal stretches, of each of which one row is drawn: more even than
        independent draws, and without the aliasing of a fixed stride.
    scale : "whitened": the covariance of the truth becomes the identity, so that no linear change of coordinates
        matters. "columns": each column is divided by its standard deviation; choose it where columns are nearly
        linearly dependent (neighbouring sites of a field), because whitening then amplifies noise.
    seed : of the draw.

    Raises `DataError` for other columns, a constant or, if whitened, a linearly dependent true column, or a
    generated run farther out than 1e100 standard deviations.
    """
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    if points is not None and points < 2:
        raise SpecError(f"points = {points}", "2 and more, or None for all rows", "use the default")
    true, gen = same_columns(x_true, x_gen, bins=1)
    exponent = np.frexp(np.abs(true).max(0))[1]
    with np.errstate(over="ignore"):
        true, gen = np.ldexp(true, -exponent), np.ldexp(gen, -exponent)
        mean = true.mean(0)
        sd = true.std(0)
        if not (sd > 1e-150).all():
            raise DataError(
                f"column {int(np.argmin(sd)) + 1} of x_true varies less than double precision can square",
                "columns that vary",
                "subtract its mean, or leave that column out",
            )
        true, gen = (true - mean) / sd, (gen - mean) / sd
    if not (np.abs(gen) < FARTHEST).all():
        raise DataError(
            f"x_gen is more than {FARTHEST:g} standard deviations off the truth",
            "a run on or near the attractor",
            "report the run as diverged",
        )
    if scale == "whitened":
        turn = _whitening(true)
        true, gen = true @ turn, gen @ turn
    rng = np.random.default_rng(seed)
    return Samples(_one_of_each_stretch(true, points, rng), _one_of_each_stretch(gen, points, rng), scale)


def _whitening(standardised: np.ndarray) -> np.ndarray:
    """(dim, dim) that makes the covariance of standardised columns the identity."""
    eigenvalues, vectors = np.linalg.eigh(standardised.T @ standardised / len(standardised))
    if eigenvalues[0] < LEAST_EIGENVALUE * eigenvalues[-1]:
        raise DataError(
            "true columns that are linearly dependent",
            "columns none of which follows from the others",
            "leave columns out, or give scale='columns'",
        )
    return vectors / np.sqrt(eigenvalues)


def _one_of_each_stretch(rows: np.ndarray, points: int | None, rng: np.random.Generator) -> np.ndarray:
    if points is None or len(rows) <= points:
        return rows
    edges = np.arange(points + 1) * len(rows) // points
    return rows[rng.integers(edges[:-1], edges[1:])]
