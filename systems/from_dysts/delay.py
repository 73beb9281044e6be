"""Adapter for the delay equations of dysts."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..delay import Delayed, steps_per_delay
from .fields import DIFFERENCES, delay_pointers, packed
from .warnings import KNOWN_PROBLEMS

# Longest step, standard deviation, mean time of a cycle, all measured here: for MackeyGlass dysts has an eighth of the
# time of a cycle. Half the step changes x(t) one delay later by less than 1e-5 of its deviation.
MEASURED = {
    "IkedaDelay": (0.01, 3.6, 1.5),
    "MackeyGlass": (0.1, 0.22, 48.0),
    "PiecewiseCircuit": (0.05, 1.85, 48.0),
    "ScrollDelay": (0.1, 1.03, 47.0),
    "SprottDelay": (0.05, 4.0, 20.0),
    "VossDelay": (0.04, 0.27, 3.9),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class DystsDelay(Delayed):
    """A delay equation of dysts, on a grid of our own and not on that of its output. `reference` is empty."""

    def _provenance(self) -> dict[str, Any]:
        return {**super()._provenance(), "dysts": importlib.metadata.version("dysts")}


def dysts_delay(system: Any, name: str) -> DystsDelay:
    """The delay equation of a dysts object; one column is observed, the state is a stretch of `tau`."""
    kind = type(system).__name__
    longest, scale, period = MEASURED[kind]
    points = steps_per_delay(float(system.params["tau"]), longest)
    h = float(system.params["tau"]) / points
    found = delay_pointers(system)
    return DystsDelay(
        name=name,
        time="flow",
        dim=points + 2,
        dt=max(1, round(period / 100 / h)) * h,
        period=period,
        parameters=system.params,
        # dysts lists ten values over a delay of its own; a constant past is what its solver starts from as well
        default_state=np.full(points + 2, float(system.ic[0])),
        names=("x",),
        observed=1,
        description=str(system.description),
        citation=str(system.citation),
        warning=KNOWN_PROBLEMS.get(kind, ""),
        field=found.field,
        derivative=found.derivative,
        numbers=tuple(packed(system.param_list, np.full(2, scale)).tolist()),
        points=points,
        scale=(scale,),
        jacobian_method=DIFFERENCES,
    )
