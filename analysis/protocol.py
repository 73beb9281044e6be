"""What the scorecard asks of a reconstruction: any object with these members can be judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

TangentMap = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(x (members, d), Q (members, d, k)) -> (x', Q'): both advanced by one step, float64."""
DrivenTangentMap = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(x (members, d), Q (members, d, k), y (members, obs)) -> (x', Q'): the same, fed with the data y."""


class FreeRun(Protocol):
    """A closed-loop run; its first row is one step after the initial state.

    observations (batch, n, obs), states (batch, n, state): float64, NaN from the first non-finite row on.
    diverged_at (batch,): index of that row, -1 where the run stayed finite.
    """

    @property
    def observations(self) -> np.ndarray: ...
    @property
    def states(self) -> np.ndarray: ...
    @property
    def diverged_at(self) -> np.ndarray: ...


class Reconstruction(Protocol):
    """A dynamical system on one state vector, with an observation of it. `dt` is the time of one step."""

    state_dim: int
    obs_dim: int
    dt: Any
    min_context: int

    def initial_state(self, context: np.ndarray, /) -> Any:
        """(batch, state) at the last row of `context` (batch, time, obs), as `free_run` takes it."""

    def free_run(self, z0: Any, n: int, /) -> FreeRun:
        """`n` autonomous steps from each initial state."""

    def tangent_map(self) -> TangentMap:
        """The step and its derivative on states, in numpy."""


@runtime_checkable
class SelfChecking(Protocol):
    """A reconstruction that refuses itself where its methods contradict each other, such as step and Jacobian."""

    def require_contract(self, values: np.ndarray, /) -> None:
        """Raise a `DsrError` for what goes wrong at the rows of `values` (time, obs)."""
