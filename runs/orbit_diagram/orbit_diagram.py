"""`OrbitDiagram`: what a parameter sweep found, value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class OrbitDiagram:
    """Orbits and Lyapunov exponents of one system over values of one parameter.

    Attributes
    ----------
    values : (n,) of the parameter, in the order in which they were run.
    points : for each value, what the diagram shows (count,): iterates of a map, or maxima or crossings of a flow; the
        resting value where it is at rest; empty where the orbit escapes.
    shown : what the points are, in words ("maxima of x"). coordinate : the coordinate they are of.
    verdicts : for each value "chaotic", "periodic", "fixed point", "undecided", "escapes" or "refused" (by the system).
    periods : (n,) points after which a cycle repeats itself, 0 where it has none or none was seen.
    exponents, stderr : (n, k) per unit of time, largest first; NaN where the orbit escapes.
    kaplan_yorke, kaplan_yorke_error : (n,); NaN where k exponents do not reach it. 0 for a fixed point and a cycle of a
        map, 1 for a cycle of a flow, by the verdict.
    reasons : for each value why it escapes or is refused, "" elsewhere.
    settings : every argument that the numbers depend on.
    """

    system: str
    parameter: str
    time_unit: str
    coordinate: str
    shown: str
    values: np.ndarray
    points: tuple[np.ndarray, ...]
    verdicts: tuple[str, ...]
    periods: np.ndarray
    exponents: np.ndarray
    stderr: np.ndarray
    kaplan_yorke: np.ndarray
    kaplan_yorke_error: np.ndarray
    reasons: tuple[str, ...]
    settings: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.values)

    def runs_of(self, *verdicts: str) -> list[tuple[int, int]]:
        """Stretches (first, last) of neighbouring values with one of these verdicts."""
        inside = np.isin(self.verdicts, verdicts).astype(int)
        edges = np.diff(np.concatenate([[0], inside, [0]]))
        return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))

    def summary(self) -> str:
        """One line per verdict: how many values, and over which stretches."""
        lines = []
        for name in dict.fromkeys(self.verdicts):
            spans = [f"{self.values[a]:.6g}" if a == b else f"{self.values[a]:.6g} to {self.values[b]:.6g}"
                     for a, b in self.runs_of(name)]  # fmt: skip
            more = f" and {len(spans) - MOST_SPANS} further stretches" if len(spans) > MOST_SPANS else ""
            where = ", ".join(spans[:MOST_SPANS])
            lines.append(f"{name:<12} {self.verdicts.count(name):>5} values: {self.parameter} = {where}{more}")
        return "\n".join(lines)


MOST_SPANS = 4
