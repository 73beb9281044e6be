"""Readouts of a reservoir from trajectories: one pass over the data, then any strength of the penalties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DataError, SpecError
from .penalties import NoiseResponse, SquaredJacobian
from .readout import INTERPOLATION, Readout

if TYPE_CHECKING:
    from .reservoir_core import Reservoir

BLOCK = 2000  # rows of states in memory at once
RESPONSES = 200  # rows from which the response to noise is followed


class ReadoutFit:
    """Drives `model` through standardised trajectories (time, obs) and keeps the sums that its readout follows from.

    smallest_ridge : of those that `solve` will be asked for. noise : standard deviation of the noise drawn from `rng`
    that is added to what is fed in. linearised, jacobian : whether `solve` will be asked for these penalties.

    The first `min_context` rows of each trajectory are fed in and not fitted. Raises `DataError` when no trajectory
    is longer, `SpecError` when there are too few rows to go without a penalty.
    """

    def __init__(
        self,
        model: Reservoir,
        segments: Sequence[np.ndarray],
        rng: np.random.Generator,
        *,
        smallest_ridge: float,
        noise: float = 0.0,
        linearised: bool = False,
        jacobian: bool = False,
    ) -> None:
        self.model, self.segments = model, segments
        self.units, self.columns = model.units // model.groups, model.obs_dim // model.groups
        self.readouts = [Readout(self.units, self.columns, smallest_ridge) for _ in range(model.groups)]
        self.jacobians = [SquaredJacobian(self.units) for _ in self.readouts] if jacobian else []
        self.responses = [NoiseResponse(self.units) for _ in self.readouts] if linearised else []
        self._require_rows(smallest_ridge > 0 or noise > 0 or linearised or jacobian)
        self.every = max(1, sum(map(len, segments)) // RESPONSES)
        for y in segments:
            fed = y[:-1] + noise * rng.standard_normal(y[:-1].shape) if noise else y[:-1]
            memory = np.zeros(model.units)
            for a in range(0, len(fed), BLOCK):
                rows = fed[a : a + BLOCK]
                states = np.empty((len(rows) + 1, model.units))
                states[0] = memory
                model.feed(rows, memory, states[1:])
                self._add(rows, states, y[a + 1 : a + BLOCK + 1], max(0, model.min_context - a))

    def solve(self, ridge: float, noise: float = 0.0, jacobian: float = 0.0) -> np.ndarray:
        """W_out (obs, units of a group). noise : standard deviation whose linearised effect is the penalty. jacobian :
        weight of the mean squared Jacobian."""
        found = []
        for g, readout in enumerate(self.readouts):
            penalty = np.zeros((self.units, self.units))
            if self.responses:
                penalty += self.responses[g].penalty(noise)
            if self.jacobians:
                W_in, A = (m.numpy() for m in self.model.group_weights(g))
                penalty += jacobian * self.jacobians[g].penalty(W_in, A, self.model.leak)
            found.append(readout.solve(ridge, penalty if self.responses or self.jacobians else None))
        return np.concatenate(found)

    def _add(self, rows: np.ndarray, states: np.ndarray, targets: np.ndarray, skip: int) -> None:
        """states (rows + 1, units) before and after each row."""
        leak = self.model.leak
        for g in range(self.model.groups):
            mine = states[skip:, g * self.units : (g + 1) * self.units]
            if len(mine) < 2:
                return
            self.readouts[g].add(mine[1:], targets[skip:, g * self.columns : (g + 1) * self.columns])
            if self.jacobians:
                self.jacobians[g].add(1 - ((mine[1:] - (1 - leak) * mine[:-1]) / leak) ** 2)
        if self.responses:
            for t in range(skip, len(rows), self.every):
                self._follow(rows[t : t + self.model.min_context], states[t])

    def _follow(self, rows: np.ndarray, memory: np.ndarray) -> None:
        """Noise on the first of `rows`; a response cut by the end of the block is a small part of all."""
        moved = self.model.response(rows, memory)
        for g in range(self.model.groups):
            v = moved[..., g * self.units : (g + 1) * self.units].reshape(-1, self.units)
            self.responses[g].add(v[v.any(axis=1)])  # a group does not see all columns

    def _require_rows(self, regular: bool) -> None:
        context = self.model.min_context
        rows = sum(max(0, len(s) - 1 - context) for s in self.segments)
        if rows < 1:
            raise DataError(
                f"trajectories of at most {max(map(len, self.segments))} rows",
                f"more than {context + 1}, of which the first {context} let the reservoir forget its start",
                "bring a longer series, or lower spin_up",
            )
        least = int(INTERPOLATION * self.units) + 1
        if not regular and rows < least:
            raise SpecError(
                f"ridge = 0 with {rows} rows for {self.units} units",
                f"a ridge above 0, or {least} rows or more: near one row per unit the readout follows every rounding",
                "set ridge = 1e-10 in the [model] section, or lower units",
            )
