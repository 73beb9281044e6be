"""Neural ODE: a learned vector field, integrated over the sampling step."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...errors import unknown
from ...registry import option
from ...tangent import TangentSteps
from ..base import Model
from ..initialise import generator
from ..observation import IdentityObservation
from ..orbits import Orbit
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from .fields import Field
from .rk4_orbit import rk4_orbit
from .runge_kutta import SOLVERS, rk4, torchdiffeq_solution


class NeuralODE(Model):
    """dz/dt = field(z) / dt, seen in its first `obs_dim` coordinates; the step is the flow over `dt`.

    The default solver is the classical Runge-Kutta rule with `substeps` steps per row of the data, differentiated as
    it is: the trained model is then one smooth map. Further latent states (`latent_dim` above the number of observed
    columns) start at a learned linear map of the first observation. Training without forcing on windows of w steps is
    multiple shooting; forcing of strength alpha is coupling to the data, see `coupling`.

    dissipative : every orbit ends in the box |z_i| <= `radius`_i, in the discrete map of "rk4" as in the flow: with
    c h <= 1 a step of that rule is a weighted mean, of positive weights, of z and the values a tanh / c. Without it,
    free runs may diverge.
    """

    time: ClassVar[str] = "flow"
    field: Field

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int | None = None,
        field: str = "mlp",
        hidden_dim: int = 64,
        layers: int = 2,
        activation: str = "gelu",
        dissipative: bool = False,
        solver: str = "rk4",
        substeps: int = 1,
        tolerance: float = 1e-6,
        adjoint: bool = False,
        seed: int = 0,
    ) -> None:
        latent_dim = obs_dim if latent_dim is None else latent_dim
        for name, size in (("hidden_dim", hidden_dim), ("layers", layers), ("substeps", substeps)):
            require(size >= 1, f"{name} = {size}", "1 or more")
        require(0 < tolerance < 1, f"tolerance = {tolerance}", "a number above 0, below 1")
        if solver not in SOLVERS:
            raise unknown("solver", solver, SOLVERS)
        require(not adjoint or solver != "rk4", "adjoint = true with the solver 'rk4'", "a solver of torchdiffeq")
        super().__init__(obs_dim, latent_dim)
        rng = generator(seed)
        self.observation = IdentityObservation(obs_dim, latent_dim, rng)
        bound = float(substeps) if dissipative else None
        self.field = Field(latent_dim, field, hidden_dim, layers, activation, bound, rng)
        self.solver, self.substeps, self.tolerance, self.adjoint = solver, substeps, tolerance, adjoint

    def step(self, z: Tensor) -> Tensor:
        return self._solve(self.field, z, 1.0, self.substeps)

    def flow(self, z: Tensor, duration: Tensor) -> Tensor:
        rows = duration / self.dt
        longest = max(1, math.ceil(float(rows.max()) - 1e-3))
        return self._solve(self.field, z, rows.to(z.dtype), longest * self.substeps)

    def _solve(self, field: torch.nn.Module, z: Tensor, rows: Tensor | float, substeps: int) -> Tensor:
        if self.solver == "rk4":
            return rk4(field, z, rows, substeps)
        return torchdiffeq_solution(field, z, rows, substeps, self.solver, self.tolerance, self.adjoint)

    def decode(self, z: Tensor) -> Tensor:
        return self.observation.decode(z)

    def encode(self, y: Tensor) -> Tensor:
        return self.observation.encode(y)

    def initial(self, y: Tensor) -> Tensor:
        return self.observation.initial(y[:, -1])

    def driven(self, y: Tensor) -> Tensor:
        if self.state_dim > self.obs_dim:
            return super().driven(y)
        return self.step(y[:, :-1])  # every row is a start of its own

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        """By the variational equation under the same solver; with fixed steps this is the derivative of `step`."""
        return self._solve(_Variational(self.field), torch.cat([z[..., None], v], -1), 1.0, self.substeps)[..., 1:]

    def velocity(self, z: Tensor) -> Tensor:
        """dz/dt (..., state), in standardised units per unit of the series' time."""
        return self.field(z) / self.dt.to(z.dtype)

    def field_jacobian(self, z: Tensor) -> Tensor:
        """Derivative of `velocity`, (batch, state) -> (batch, state, state)."""
        identity = torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1)
        return self.field.tangent(z, identity)[1] / self.dt.to(z.dtype)

    def variational_map(self, substeps: int = 10) -> TangentSteps:
        """`tangent_map` of the continuous flow, by the variational equation in `substeps` fine steps per row, whatever
        the solver: exponents that differ from those of the step show that the step is too coarse."""
        joint = _Variational(copy.deepcopy(self.field).double().cpu())

        def advance(z: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with torch.no_grad():
                both = torch.cat([torch.from_numpy(z)[..., None], torch.tensor(q)], -1)
                both = rk4(joint, both, 1.0, substeps)
            return both[..., 0].numpy(), both[..., 1:].numpy()

        return TangentSteps(advance, "variational equation")

    @property
    def radius(self) -> Tensor:
        """Half the sides (state,) of the box in which every orbit of a dissipative model ends; infinite without."""
        if self.field.bound is None:
            return torch.full((self.state_dim,), math.inf)
        return (self.field.gain / self.field.damping).detach()

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not NeuralODE or type(self.field) is not Field or self.solver != "rk4":
            return None
        return rk4_orbit(self.field, self.substeps)


class _Variational(torch.nn.Module):
    """The field on (z, V) (..., state, 1 + k) joined: z' = f(z), V' = Df(z) V."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def forward(self, both: Tensor) -> Tensor:
        dz, dv = self.field.tangent(both[..., 0], both[..., 1:])
        return torch.cat([dz[..., None], dv], -1)


@MODELS.register("node")
@dataclass(frozen=True)
class NeuralODEConfig(ModelConfig):
    """Neural ODE: a learned vector field; for smooth flows and irregular time stamps."""

    family: ClassVar[type[Model]] = NeuralODE
    equations: ClassVar[str] = (
        "dz/dt = [A z + 0.1 (Wn act(... act(W1 z + b1)) + bn)] / dt;  dissipative: [a tanh(Wn ... + bn) - c z] / dt"
    )
    symbols: ClassVar[Mapping[str, str]] = {
        **{f"W{k}": f"matrix of layer {k} of the network (outputs, inputs)" for k in (1, 2, 3)},
        **{f"b{k}": f"bias of layer {k}" for k in (1, 2, 3)},
        "lift": "first observation to the unobserved latent states",
    }
    when_to_use: ClassVar[str] = (
        "for clean data of a smooth flow, and for irregular time stamps; with noisy data train without forcing on "
        "windows of 20 steps"
    )
    references: ClassVar[tuple[str, ...]] = (
        "Chen, Rubanova, Bettencourt, Duvenaud, NeurIPS 2018, arXiv:1806.07366",
        "Dupont, Doucet, Teh (augmented states), NeurIPS 2019, arXiv:1904.01681",
        "Park, Yang, Chandramoorthy (when the measure is right), NeurIPS 2024, arXiv:2411.06311",
    )
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = {
        "steps": 20_000,
        "batch_size": 256,
        "window": 1,
        "learning_rate": 1e-2,
        "final_learning_rate": 1e-6,
        "schedule": "cosine",
        "optimiser": "adam",
        "noise": 0.0,
    }
    search_space: ClassVar[Mapping[str, Range]] = {
        "hidden_dim": Range(16, 256, log=True),
        "layers": Range(1, 3),
        "activation": Range(choices=("silu", "tanh", "gelu")),
    }

    latent_dim: int | None = option(None, "number of latent states; the number of observed columns if not given")
    field: str = option("mlp", "vector field: mlp, linear+mlp or plrnn (diagonal + one hidden ReLU layer)")
    hidden_dim: int = option(64, "units of a hidden layer")
    layers: int = option(2, "hidden layers")
    activation: str = option("gelu", "gelu, silu, tanh or relu (not smooth, which costs the integrator its order)")
    dissipative: bool = option(False, "damping and a bounded network: orbits cannot escape")
    solver: str = option("rk4", "rk4; or of torchdiffeq euler, midpoint, rk4_38, bosh3, dopri5, dopri8")
    substeps: int = option(1, "integration steps per row of the data, for solvers with fixed steps")
    tolerance: float = option(1e-6, "error per step of solvers with adaptive steps")
    adjoint: bool = option(False, "gradients by the adjoint equation (torchdiffeq only): less memory, much slower")
