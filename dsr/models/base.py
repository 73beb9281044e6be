"""`Model`: the one contract of every reconstruction model - a dynamical system with an observation model."""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError
from .orbits import Orbit, plain_orbit

TangentMap = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class FreeRun:
    """A closed-loop (autonomous) run of `n` steps from each of `batch` initial states.

    observations : (batch, n, obs) float64 in data units; states : (batch, n, state) float64.
    diverged_at : (batch,) first step whose state is not finite, -1 if none; rows from there on are NaN.
    """

    observations: np.ndarray
    states: np.ndarray
    diverged_at: np.ndarray


class Model(nn.Module, abc.ABC):
    """A dynamical system on one flat real state `z` of size `state_dim` with an observation model.

    The state lives in standardised units: `fit` stores mean and standard deviation of the training data (and its
    `dt`) in the model, and `observe`, `initial_state`, `drive` and `force` speak data units. Subclasses write
    `step`, the standardised maps `decode`, `encode` and `initial`, and an analytic `jacobian` where there is one;
    free run, tangent map and one-step prediction are written here once.
    """

    time: ClassVar[str] = "map"
    min_context: int = 1
    dt: Tensor
    data_mean: Tensor
    data_std: Tensor

    def __init__(self, obs_dim: int, state_dim: int) -> None:
        super().__init__()
        self.obs_dim, self.state_dim = obs_dim, state_dim
        self.register_buffer("dt", torch.ones((), dtype=torch.float64))
        # double precision whatever the weights have: a large offset would drown the data in single precision
        self.register_buffer("data_mean", torch.zeros(obs_dim, dtype=torch.float64))
        self.register_buffer("data_std", torch.ones(obs_dim, dtype=torch.float64))

    @abc.abstractmethod
    def step(self, z: Tensor) -> Tensor:
        """One autonomous step, (..., state) -> (..., state)."""

    @abc.abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Standardised observation of a state, (..., state) -> (..., obs)."""

    @abc.abstractmethod
    def encode(self, y: Tensor) -> Tensor:
        """Forcing signal of a standardised observation, (..., obs) -> (..., forced): the value that teacher forcing
        pulls the first `forced` state coordinates to. No gradient flows through it."""

    @abc.abstractmethod
    def initial(self, y: Tensor) -> Tensor:
        """State estimated from standardised context, (batch, time, obs) -> (batch, state)."""

    def jacobian(self, z: Tensor) -> Tensor:
        """Derivative of `step`, (batch, state) -> (batch, state, state); by forward differentiation unless a
        subclass knows it in closed form."""
        return torch.func.vmap(torch.func.jacfwd(self.step))(z)

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        """Jacobian times tangent vectors, (batch, state), (batch, state, k) -> (batch, state, k)."""
        return self.jacobian(z) @ v

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.parameters()).dtype

    @final
    def standardise(self, x: Tensor) -> Tensor:
        """Data units to standardised units, in the precision of the weights."""
        return ((x - self.data_mean) / self.data_std).to(self.dtype)

    @final
    def observe(self, z: Tensor) -> Tensor:
        """Observation in data units, (..., state) -> (..., obs)."""
        return self.data_mean + self.data_std * self.decode(z)

    @final
    def initial_state(self, context: np.ndarray) -> Tensor:
        """State after seeing `context` (batch, time, obs) in data units; needs `min_context` rows."""
        x = torch.tensor(np.asarray(context), dtype=self.data_mean.dtype)
        if x.ndim != 3 or x.shape[2] != self.obs_dim or x.shape[1] < self.min_context:
            raise DataError(
                f"a context of shape {tuple(x.shape)}",
                f"(batch, time, {self.obs_dim}) with at least {self.min_context} rows of time",
                "pass series.values[None, :rows]",
            )
        with torch.no_grad():
            return self.initial(self.standardise(x))

    @final
    def force(self, z: Tensor, x: Tensor, alpha: float) -> Tensor:
        """Generalized teacher forcing: the forced coordinates become (1 - alpha) z + alpha encode(x)."""
        return self.pull(z, self.standardise(x), alpha)

    @final
    def pull(self, z: Tensor, y: Tensor, alpha: float) -> Tensor:
        """`force` towards an observation that is standardised already."""
        signal = self.encode(y)
        n = signal.shape[-1]
        return torch.cat([torch.lerp(z[..., :n], signal, alpha), z[..., n:]], dim=-1)

    @final
    def drive(self, z: Tensor, x: Tensor) -> Tensor:
        """One step fed with data: the state is forced fully to x, then stepped."""
        return self.step(self.force(z, x, 1.0))

    @final
    def predict_next(self, x: np.ndarray) -> np.ndarray:
        """One-step prediction from each row of context: (batch, time, obs) -> (batch, obs), data units."""
        model = self.in_float64()
        with torch.no_grad():
            return model.observe(model.step(model.initial_state(x))).numpy()

    @final
    def in_float64(self) -> Model:
        """A copy in double precision without gradients, for free runs and tangent maps."""
        return copy.deepcopy(self).double().cpu().requires_grad_(False)

    def compiled_orbit(self) -> Orbit | None:
        """A compiled loop of this very model's `step` (see `orbits`), where there is one."""
        return None

    @final
    def orbit(self) -> Orbit:
        """States and one tangent vector each over n steps, in double precision (see `orbits`): compiled where the
        family knows how, else the plain loop."""
        model = self.in_float64()
        return model.compiled_orbit() or plain_orbit(model.step, model.jvp)

    @final
    def free_run(self, z0: np.ndarray | Tensor, n: int) -> FreeRun:
        """`n` autonomous steps from each row of z0 (batch, state), in double precision. The first returned row is one
        step after z0."""
        start = np.asarray(z0, dtype=np.float64)
        states, _, _ = self.orbit()(start, start[:0], n)
        lost = np.isnan(states[..., 0])  # such rows are NaN throughout
        diverged_at = np.where(lost.any(axis=1), lost.argmax(axis=1), -1)
        with torch.no_grad():
            observations = self.in_float64().observe(torch.from_numpy(states))
        return FreeRun(observations.numpy(), states, diverged_at)

    @final
    def tangent_map(self) -> TangentMap:
        """(z (batch, state), Q (batch, state, k)) -> both advanced by one step, in numpy double precision: what
        `dsr.analysis.lyapunov_spectrum` needs."""
        model = self.in_float64()

        def advance(z: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with torch.no_grad():
                state = torch.from_numpy(z)
                return model.step(state).numpy(), model.jvp(state, torch.from_numpy(q)).numpy()

        return advance
