"""Failure modes of a free run that stays in place and moves on, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.cells import cell_counts
from dsr.noise import sensor_noise
from dsr.points import as_columns_that_vary, as_points, require_same_columns
from dsr.stable_points import stable_points
from dsr.timescales import autocorrelation_time

INCOMPLETE, ASTRAY = "part of the attractor", "off the attractor"
DRIFT, NOISE, SMOOTH = "drift", "too much noise", "too little noise"
STABLE = "stable fixed point"

COARSE = 5  # cells per column: far fewer than points, so that an empty one means something
MISSED = 0.05  # share of the visits of one that lies where the other hardly ever is
RARE = 0.05  # "hardly ever": this share of the visits expected
SIGMAS = 5.0
NOISIER = 2.0  # ratio of noise levels
VISITED = 20_000  # states of the free run around which stable fixed points are sought
NAMED = 3  # of them
VISIBLE = 0.005  # standard deviations: of lower noise nobody speaks, and kinks of a model's map look like it


@dataclass(frozen=True)
class Finding:
    """`name` is one of this module's; `value` the number it rests on, `limit` what it had to exceed."""

    name: str
    sentence: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def diagnose(x_true: Any, x_gen: Any) -> tuple[Finding, ...]:
    """What is wrong with a free run that has neither diverged nor settled; empty if nothing was found.

    x_true, x_gen : (time, dim), equal columns and time step; any two lengths.

    "part of the attractor" (one lobe, one well): 5 % of the true visits or more lie in coarse cells, five per column,
    where the run has less than a twentieth of the visits expected. "off the attractor": the reverse. Both are told only
    where the two halves of the true record meet in such cells, which they do not in many dimensions. "drift": the means
    of the two halves of the run are further apart than five standard errors, and those of the truth are not. "too much
    noise", "too little noise": the white noise seen in fourth differences is twice that of the truth, or half of it,
    and the larger one above half a percent of the standard deviation; told for finely sampled series only.

    It misleads where the record is too short to have visited everything: compare with the floor of D_stsp. A slow
    system with few switches between lobes can look like drift. Raises `DataError` for unequal columns, a constant
    true column, or fewer than 20 rows.
    """
    true, gen = as_columns_that_vary(x_true, "x_true", rows=20), as_points(x_gen, "x_gen", rows=20)
    require_same_columns(true, gen)
    found = [*_visits(true, gen), *_drift(true, gen), *_noise(true, gen)]
    return tuple(found)


def resting(model: Any, states: np.ndarray, x_true: np.ndarray) -> tuple[Finding, ...]:
    """Stable fixed points that a piecewise-linear model has among the data, which a free run may take long to meet.

    states : (time, state), of a free run. x_true : (time, dim). See `dsr.stable_points`, also when it misleads.
    """
    points = stable_points(model, states[:: max(1, len(states) // VISITED)], x_true)
    if not len(points):
        return ()
    named = " and ".join(f"({', '.join(f'{x:.4g}' for x in point)})" for point in points[:NAMED])
    sentence = f"the model has {len(points)} among the data, {named}: a free run that comes near stays there"
    return (Finding(STABLE, sentence, float(len(points)), 0.0),)


def _visits(true: np.ndarray, gen: np.ndarray) -> list[Finding]:
    if max(_apart(*np.array_split(true, 2))) > MISSED:  # the truth does not even meet itself in cells of this size
        return []
    missed, astray = _apart(true, gen)
    found = []
    if missed > MISSED:
        sentence = f"the run hardly visits cells that hold {missed:.0%} of the true rows"
        found.append(Finding(INCOMPLETE, sentence, missed, MISSED))
    if astray > MISSED:
        sentence = f"{astray:.0%} of the run is where the truth hardly ever is"
        found.append(Finding(ASTRAY, sentence, astray, MISSED))
    return found


def _apart(true: np.ndarray, gen: np.ndarray) -> tuple[float, float]:
    """Share of the visits of either in coarse cells where the other hardly ever is."""
    counts = cell_counts(true, gen, bins=COARSE)
    p, q = counts.true / counts.true.sum(), counts.generated / counts.generated.sum()
    return float(p[q < RARE * p].sum()), float(q[p < RARE * q].sum())


def _drift(true: np.ndarray, gen: np.ndarray) -> list[Finding]:
    """Only the run's own halves speak of drift; a wrong mean is another matter."""
    own, reference = _halves(gen), _halves(true)
    if own <= SIGMAS or reference > SIGMAS:
        return []
    sentence = f"its two halves differ in the mean by {own:.2g} standard errors, those of the truth by {reference:.2g}"
    return [Finding(DRIFT, sentence, own, SIGMAS)]


def _halves(x: np.ndarray) -> float:
    """Distance of the means of the two halves in standard errors, of the worst column; errors from 16 blocks, which
    must be longer than the memory of the series, or the halves cannot be told apart: 0."""
    moving = x[:, x.std(0) > 1e-9 * np.abs(x).max()]
    blocks = 16
    if not moving.shape[1] or len(x) < 2 * blocks * autocorrelation_time(moving).max():
        return 0.0
    means = np.stack([block.mean(0) for block in np.array_split(moving, blocks)])
    first, second = means[: blocks // 2], means[blocks // 2 :]
    error = np.sqrt((first.var(0, ddof=1) + second.var(0, ddof=1)) / (blocks // 2))
    return float((np.abs(first.mean(0) - second.mean(0)) / error).max())


def _noise(true: np.ndarray, gen: np.ndarray) -> list[Finding]:
    a, b = sensor_noise(true), sensor_noise(gen)
    if a is None:
        return []
    # a run too rough to tell its noise has at least the most that can be told
    rough, sd = gen.std(0) if b is None else b, true.std(0)
    ratio = rough / a
    noisy, smooth = (ratio > NOISIER) & (rough > VISIBLE * sd), (ratio < 1 / NOISIER) & (a > VISIBLE * sd)
    if noisy.any():
        worst = float(ratio[noisy].max())
        return [Finding(NOISE, f"its roughness is {worst:.2g} times that of the truth", worst, NOISIER)]
    if smooth.any():
        least = float(ratio[smooth].min())
        return [Finding(SMOOTH, f"its roughness is {least:.2g} of that of the truth", least, 1 / NOISIER)]
    return []
