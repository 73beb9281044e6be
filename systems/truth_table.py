"""The invariants of the catalogue as computed by this project: a table inside the package, with errors and settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError

from .base import System

TABLE = "ground_truth.json"
FORMAT = 1
SAME = 1e-12  # relative difference of two parameters that count as equal
# Of the size of the components that a probe sums up: processors differ by less than the first; sums below the second
# cancel by a symmetry, which other equations may have as well.
AGREES, TOLD = 1e-6, 1e-3


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What was computed of one system; `entry` is its line of the table.

    exponents : (k,) per unit of the system's time, largest first; `covariance` (k, k) of these estimates. They are
    fewer than the coordinates where the state is long (delays). `verdict` is one of "chaotic", "regular", "at rest",
    "undecided", "escapes" or "failed", and `reason` says what it rests on.

    Everything else is in `entry` by name: kaplan_yorke_dimension, correlation_dimension, mean, sd, dominant_period,
    mean_divergence, checks, settings and versions.
    """

    label: str
    entry: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        return self.entry["verdict"]

    @property
    def reason(self) -> str:
        return self.entry["reason"]

    @property
    def exponents(self) -> np.ndarray:
        return np.array([math.nan if x is None else x for x in self.entry.get("exponents", [])], dtype=float)

    @property
    def covariance(self) -> np.ndarray:
        rows = self.entry.get("covariance", [])
        lower = np.zeros((len(rows), len(rows)))
        for i, row in enumerate(rows):
            lower[i, : i + 1] = [math.nan if x is None else x for x in row]
        return lower + np.tril(lower, -1).T

    @property
    def stderr(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))

    @property
    def lyapunov_time(self) -> float | None:
        """1 / lambda_1 in the system's time; None unless the verdict is "chaotic"."""
        return float(1.0 / self.exponents[0]) if self.verdict == "chaotic" else None


def ground_truth(system: System) -> GroundTruth | None:
    """What the table knows of this system; None where it has no entry, or one for other parameters or other equations.

    The name says which equations it has only where `get_system` built it. A user's own must agree with those of the
    entry, from the same initial state on: see `same_equations`.
    """
    for label, entry in table().items():
        if label.split()[0] == system.name and same_parameters(entry["parameters"], system.parameters):
            return GroundTruth(label, entry) if system.catalogued or same_equations(entry, system) else None
    return None


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Label to entry, as stored in the package; a label is a name, and parameters where they are not the defaults
    ("lorenz96 dim=40")."""
    source = files(__package__).joinpath(TABLE)
    return read_table(source.read_text(encoding="utf-8")) if source.is_file() else {}


def read_table(text: str) -> dict[str, dict[str, Any]]:
    """Entries of a table file; raises `DataError` for one of another format."""
    try:
        content = json.loads(text)
        known = content["format"]
        entries = content["systems"]
    except (ValueError, KeyError, TypeError):
        known = entries = None
    if known != FORMAT or not isinstance(entries, dict):
        raise DataError(
            f"a table of ground truth in the format {known}",
            f"the format {FORMAT}",
            "write it again with `dsr systems verify --all -o FILE` and a FILE that does not exist yet",
        )
    return entries


def same_parameters(stored: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Whether two sets of parameters are the same numbers."""
    if stored.keys() != present.keys():
        return False
    return all(_same(stored[key], present[key]) for key in stored)


def same_equations(entry: Mapping[str, Any], system: System) -> bool:
    """Whether the probe of an entry is that of the system; False where that probe would not tell."""
    stored, components = np.array(entry.get("probe", [])), _components(system)
    if entry["time"] != system.time or stored.shape != components.shape[:1]:
        return False
    size = np.abs(components).sum(axis=1).max()
    apart = np.abs(components.sum(axis=1) - stored).max()
    return bool(apart <= AGREES * size and np.abs(stored).max() >= TOLD * size)


def probe(system: System) -> list[float]:
    """Sums of the equations' components at five states near the default one: these numbers tell two systems apart.

    A delay equation has no right-hand side of one state; its state after one sampling step is taken.
    """
    return [float(x) for x in _components(system).sum(axis=1)]


def _components(system: System) -> np.ndarray:
    """What a probe sums up, (5, dim)."""
    offsets = np.sin(np.outer(np.arange(1, 6), np.arange(1, system.dim + 1)))
    states = system.default_state + 0.01 * system.state_scale() * offsets
    try:
        return system.rhs(states) if system.time == "flow" else system.step(states)
    except SpecError:
        return system.tangent_map()(states, np.zeros((*states.shape, 1)))[0]


def _same(a: Any, b: Any) -> bool:
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape:
        return False
    if first.dtype.kind in "iufb" and second.dtype.kind in "iufb":
        return bool(np.allclose(first, second, rtol=SAME, atol=0.0))
    return bool(np.all(first == second))
