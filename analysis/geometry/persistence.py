"""Persistence diagrams: components, loops and voids of an attractor, and at which distances they exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure

from .diagram_distance import diagram_distance
from .samples import draw_samples


@dataclass(frozen=True, eq=False)
class PersistenceDiagram:
    """Births and deaths of topological features, for the figure.

    pairs : one array (features, 2) per dimension: 0 components, 1 loops, 2 voids. Features that never die are left
    out (one component).
    settings : what the diagram depends on.
    """

    pairs: tuple[np.ndarray, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measure(self) -> Measure:
        """The longest life of a loop (or of a component, if no loops were asked for), in the units of the points."""
        dimension = min(1, len(self.pairs) - 1)
        lives = np.diff(self.pairs[dimension], axis=1)
        value = float(lives.max()) if lives.size else 0.0
        return Measure(f"longest life in dimension {dimension}", value, settings=self.settings)


def persistence_diagram(
    x: Any, *, landmarks: int = 250, max_dimension: int = 1, scale: str = "columns", seed: int = 0
) -> PersistenceDiagram:
    """Vietoris-Rips persistence of `landmarks` rows that cover the trajectory evenly. Needs the package ripser.

    Parameters
    ----------
    x : (time, dim). scale : of the columns, as in `draw_samples`.
    landmarks : rows, each the farthest from those before, the first one drawn. Memory grows steeply: 2000 rows take
        700 MB for loops, 400 rows 900 MB for voids.
    max_dimension : 0, 1 or 2.

    Raises `SpecError` without ripser, or for settings out of range; `DataError` as `draw_samples`.

    When it misleads: a picture rather than a score. At 250 landmarks loops of Lorenz-63 hardly tell rho = 30 or a
    lost wing from the truth. Source: Edelsbrunner & Harer, Computational Topology, AMS 2010; Bauer,
    doi:10.1007/s41468-021-00071-5.
    """
    samples = draw_samples(x, x, points=None, scale=scale, seed=seed)
    settings = {"landmarks": landmarks, "max_dimension": max_dimension, "scale": scale, "seed": seed}
    return _diagram(samples.true, landmarks, max_dimension, seed, settings)


def persistence_distance(
    x_true: Any,
    x_gen: Any,
    *,
    dimension: int = 1,
    order: float = 2.0,
    landmarks: int = 250,
    scale: str = "columns",
    seed: int = 0,
) -> Measure:
    """Wasserstein distance of the persistence diagrams of two trajectories, in units of the truth.

    dimension : 0 components, 1 loops, 2 voids. order : see `diagram_distance`. The rest as in
    `persistence_diagram`. It has no error: landmarks are no mean over time; take a floor over true trajectories.
    """
    samples = draw_samples(x_true, x_gen, points=None, scale=scale, seed=seed)
    true, gen = (_diagram(x, landmarks, dimension, seed, {}) for x in (samples.true, samples.generated))
    value = diagram_distance(true.pairs[dimension], gen.pairs[dimension], order=order)
    settings = {"dimension": dimension, "order": order, "landmarks": landmarks, "scale": scale, "seed": seed}
    return Measure("persistence distance", value, settings=settings)


def _diagram(
    points: np.ndarray, landmarks: int, max_dimension: int, seed: int, settings: Mapping[str, Any]
) -> PersistenceDiagram:
    if landmarks < 4 or max_dimension not in (0, 1, 2):
        raise SpecError(
            f"landmarks = {landmarks}, dimension = {max_dimension}",
            "4 landmarks and more, dimension 0, 1 or 2",
            "use the defaults",
        )
    try:
        ripser = import_module("ripser").ripser
    except ImportError as problem:
        raise SpecError(
            "a persistence diagram without the package ripser",
            "an environment with ripser",
            "pip install ripser",
        ) from problem
    chosen = points[_farthest_first(points, landmarks, seed)]
    distances = np.linalg.norm(chosen[:, None] - chosen, axis=2)
    found = ripser(distances, distance_matrix=True, maxdim=max_dimension)["dgms"]
    pairs = tuple(np.asarray(d, dtype=np.float64)[np.isfinite(d).all(1)] for d in found)
    return PersistenceDiagram(pairs, settings)


def _farthest_first(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows, each the farthest from all before; fewer than `count` where no further distinct row is left."""
    chosen = [int(np.random.default_rng(seed).integers(len(points)))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < count and distance.max() > 0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)
