"""Scores of true trajectories to which something was done, in units of the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.measure import Floor

from ...analysis.scorecard.floor import INDEPENDENT, quantile_floor
from ...analysis.scorecard.perturbations import PERTURBATIONS
from ...analysis.scorecard.scores import scorecard_scores
from ...systems import get_system

PAIRS = 20
OTHER = "another true run"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A system with its parameters, those of wrong systems near it, and the time step."""

    system: str
    parameters: Mapping[str, Any]
    changed: tuple[Mapping[str, float], ...]
    dt: float


CASES = {
    "lorenz63": Case("lorenz63", {}, ({"rho": 28.5}, {"rho": 30.0}), 0.01),
    "rossler": Case("rossler", {}, ({"c": 5.8}, {"c": 6.2}), 0.1),
    "lorenz96": Case("lorenz96", {"dim": 5}, ({"forcing": 8.2}, {"forcing": 9.0}), 0.05),
    "henon": Case("henon", {}, ({"a": 1.395}, {"a": 1.37}), 1.0),
}


@dataclass(frozen=True)
class Matrix:
    """floors : score -> floor. worst : score -> the largest of the true pairs. values : row -> score -> value."""

    case: Case
    length: int
    floors: Mapping[str, Floor]
    worst: Mapping[str, float]
    values: Mapping[str, Mapping[str, float]]

    def ratio(self, row: str, score: str) -> float:
        return self.values[row][score] / self.floors[score].median

    def text(self, row: str, score: str) -> str:
        """The ratio with two digits, or none after the point."""
        ratio = self.ratio(row, score)
        return f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"

    def separated(self, row: str) -> list[str]:
        """The scores that are above all true pairs."""
        return [score for score, value in self.values[row].items() if value > self.worst[score]]


def compute(name: str, length: int, say: Say, seed: int = 0) -> Matrix:
    """The matrix of one case: a true trajectory against 20 others (floor), one more, and that one perturbed."""
    case = CASES[name]
    system = get_system(case.system, **case.parameters)
    transient = 50 * system.period
    runs = system.simulate_many(length, case.dt, count=PAIRS + 2, transient=transient, seed=seed)
    truth, other, *pairs = (s.values for s in runs)
    rows = {OTHER: other}
    for change in case.changed:
        wrong = get_system(case.system, **case.parameters, **change)
        label = ", ".join(f"{k} = {v:g}" for k, v in change.items())
        rows[label] = wrong.simulate(length, case.dt, transient=transient, seed=seed + 1).values
    for i, (label, perturb) in enumerate(PERTURBATIONS.items()):
        rows[label] = perturb(other, np.random.default_rng([seed, i]))
    floors: dict[str, Floor] = {}
    worst: dict[str, float] = {}
    values: dict[str, dict[str, float]] = {label: {} for label in rows}
    for score_name, score in scorecard_scores(errors=False).items():
        say(f"{name}: {score_name}")
        found = [score(truth, pair).value for pair in pairs]
        floors[score_name], worst[score_name] = quantile_floor(found, INDEPENDENT), max(found)
        for label, x in rows.items():
            values[label][score_name] = score(truth, x).value
    return Matrix(case, length, floors, worst, values)
