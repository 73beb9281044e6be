"""Fixed points of the equations behind the data, by the same search as in smooth models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis import smooth_points
from ...analysis.piecewise_linear.stability import stability_type, unstable_directions

if TYPE_CHECKING:
    from dsr.series import TimeSeries

    from ...systems import System
    from .material import RunMaterial

STARTS, MOST_DIM = 200, 20
SMALL = 1e-3  # of a period: the Euler step that has the fixed points of the flow

Found = tuple[np.ndarray, str, int, np.ndarray]


def rates_of(multipliers: np.ndarray, duration: float) -> np.ndarray:
    """(k,) complex rates per unit of time, conjugates in pairs; -inf for an annihilated direction."""
    found = np.asarray(multipliers, dtype=np.complex128)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found == 0, -np.inf, np.log(found) / duration)


def true_fixed_points(run: RunMaterial) -> tuple[list[Found], str]:
    """Points (1, dim), kind, unstable directions and rates of each; and a sentence where they are not known.

    The search runs on x + h f(x), whose fixed points are those of the flow; the rates are the eigenvalues of the
    field's own Jacobian.
    """
    system = run.system
    if system is None:
        return [], "the truth is a record without equations"
    if system.observed is not None or system.dim > MOST_DIM:
        return [], f"the truth has {system.dim} states: its fixed points are not searched"
    return fixed_points_of(system, run.test), ""


def fixed_points_of(system: System, series: TimeSeries) -> list[Found]:
    """Those that a search from the rows of a trajectory finds; multipliers are those of its step."""
    flow = system.time == "flow"
    size = SMALL * system.period if flow else 1.0
    found = smooth_points(_Step(system, size), series.values[:: max(1, len(series) // STARTS)], kick=1.0)
    points: list[Found] = []
    for fixed in found.fixed:
        jacobian = system.jacobian(fixed.point)
        values = np.linalg.eigvals(jacobian).astype(np.complex128)
        multipliers = np.exp(values * series.dt) if flow else values
        rates = values if flow else rates_of(values, 1.0)
        points.append((fixed.point[None], stability_type(multipliers), unstable_directions(multipliers), rates))
    return points


class _Step:
    """A system as the search wants it: `step` and `jacobian` in torch, double precision."""

    def __init__(self, system: Any, size: float) -> None:
        self.system, self.size, self.flow = system, size, system.time == "flow"

    def step(self, z: Any) -> Any:
        import torch

        x = z.detach().numpy()
        return torch.from_numpy(x + self.size * self.system.rhs(x) if self.flow else self.system.step(x))

    def jacobian(self, z: Any) -> Any:
        import torch

        matrix = self.system.jacobian(z.detach().numpy())
        return torch.from_numpy(np.eye(z.shape[-1]) + self.size * matrix if self.flow else matrix)
