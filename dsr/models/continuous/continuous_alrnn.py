"""Continuous-time AL-RNN: a piecewise-linear vector field with an exact flow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import unknown
from ...registry import option
from ..base import Model
from ..initialise import generator, normalised_positive_definite_diagonal
from ..observation import OBSERVATION_HELP, make_observation
from ..orbits import Orbit, compiled_orbit
from ..plrnn import require
from ..registry import MODELS, ModelConfig, Range
from ..states import require_width
from .region_flow import Field, exact_flow, exact_tangent, itinerary
from .region_orbits import exact_orbit, runge_kutta_loop
from .region_window import ForcedWindow

SOLVERS = ("rk4", "exact")


class ContinuousALRNN(Model):
    """dz/dt = A z + W phi(z) + h, phi = ReLU on the last `relu_units` units and identity elsewhere.

    Time inside the model is counted in sampling steps: A, W and h are rates per step, so that series of any unit of
    time train alike. `flow` takes times in the unit of the series.

    solver = "exact": the step is the exact flow (see `region_flow`), to rounding: 6e-13 from a tight integrator on a
    trained model. solver = "rk4": `substeps` steps of the classical fourth-order scheme, whose error across a border of
    two regions is of second order only: 1e-3 at worst in one step of a model of Lorenz-63 with one substep, 6e-5 with
    four; exponents and valid prediction times are the same within their errors, and a free run is 15 times as fast.
    Both are differentiable, both have the Jacobian of their own step, and the weights of one serve the other.

    `bits` names the linear region of a state; `field_affine` gives the vector field in it, which is not the affine map
    of a time step: within one step an orbit can pass through several regions.

    Source: Brändle, Eisenmann, Götz, Durstewitz, ICML 2026, arXiv:2602.15649.
    """

    time: ClassVar[str] = "flow"
    floor: Tensor

    def __init__(
        self,
        obs_dim: int,
        latent_dim: int = 20,
        relu_units: int = 16,
        solver: str = "rk4",
        substeps: int = 1,
        observation: str = "identity",
        seed: int = 0,
    ) -> None:
        require(latent_dim >= 1, f"latent_dim = {latent_dim}", "1 or more")
        require(0 <= relu_units <= latent_dim, f"relu_units = {relu_units}", f"0 to latent_dim = {latent_dim}")
        require(substeps >= 1, f"substeps = {substeps}", "1 or more")
        if solver not in SOLVERS:
            raise unknown("solver", solver, SOLVERS)
        super().__init__(obs_dim, latent_dim)
        rng = generator(seed)
        self.observation = make_observation(observation, obs_dim, latent_dim, rng)
        self.relu_units, self.solver, self.substeps = relu_units, solver, substeps
        self.A = nn.Parameter(normalised_positive_definite_diagonal(latent_dim, rng).log())
        self.W = nn.Parameter(0.01 * torch.randn((latent_dim, latent_dim), generator=rng))
        self.h = nn.Parameter(0.01 * torch.randn((latent_dim,), generator=rng))
        # phi(z) = max(z, floor) in one operation: -inf leaves a unit linear, 0 rectifies it
        floor = torch.full((latent_dim,), -math.inf)
        floor[latent_dim - relu_units :] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    def decode(self, z: Tensor) -> Tensor:
        return self.observation.decode(z)

    def encode(self, y: Tensor) -> Tensor:
        return self.observation.encode(y)

    def initial(self, y: Tensor) -> Tensor:
        return self.observation.initial(y[:, -1])

    def field(self, z: Tensor) -> Tensor:
        """Velocity in units of state per sampling step, (..., state) -> (..., state)."""
        require_width(z, self.state_dim)
        return torch.addcmul(nn.functional.linear(torch.maximum(z, self.floor), self.W, self.h), self.A, z)

    def step(self, z: Tensor) -> Tensor:
        if self.solver == "exact":
            return self.exact_flow(z, z.new_ones((*z.shape[:-1], 1)))
        for _ in range(self.substeps):
            z = self._runge_kutta(z, 1.0 / self.substeps)
        return z

    def flow(self, z: Tensor, duration: Tensor) -> Tensor:
        steps = (duration / self.dt).to(z.dtype)
        if self.solver == "exact":
            return self.exact_flow(z, steps)
        pieces = max(1, math.ceil(float(steps.max()) * self.substeps - 1e-6))
        for _ in range(pieces):
            z = self._runge_kutta(z, steps / pieces)
        return z

    def forced(self, y: Tensor, strengths: Tensor, inputs: Tensor | None = None, gaps: Tensor | None = None) -> Tensor:
        """As in `Model`; compiled for the Runge-Kutta form on a CPU, at regular stamps and without inputs."""
        if self.solver != "rk4" or y.device.type != "cpu" or inputs is not None or gaps is not None:
            return super().forced(y, strengths, inputs, gaps)
        z = self.initial(y[:, :1])
        signal = self.encode(y[:, 1:]).permute(1, 2, 0)
        states = ForcedWindow.apply(z.T, signal, strengths.to(z), *self._field, self.substeps)
        return self.decode(states.permute(2, 0, 1))

    def _runge_kutta(self, z: Tensor, step: Tensor | float) -> Tensor:
        k1 = self.field(z)
        k2 = self.field(z + 0.5 * step * k1)
        k3 = self.field(z + 0.5 * step * k2)
        k4 = self.field(z + step * k3)
        return z + (step / 6.0) * (k1 + 2.0 * (k2 + k3) + k4)

    def jacobian(self, z: Tensor) -> Tensor:
        return self.jvp(z, torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1))

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        if self.solver == "exact":
            return exact_tangent(self._field, z, v, z.new_ones((*z.shape[:-1], 1)))
        for _ in range(self.substeps):
            z, v = self._runge_kutta_tangent(z, v, 1.0 / self.substeps)
        return v

    def _runge_kutta_tangent(self, z: Tensor, v: Tensor, step: float) -> tuple[Tensor, Tensor]:
        at, along, rates, bends = z, v, [], []
        for ahead in (0.5, 0.5, 1.0, 0.0):
            rates.append(self.field(at))
            bends.append(self.field_affine(self.bits(at))[0] @ along)
            at, along = z + ahead * step * rates[-1], v + ahead * step * bends[-1]
        weighted = (k1 + 2.0 * (k2 + k3) + k4 for k1, k2, k3, k4 in (rates, bends))
        return z + (step / 6.0) * next(weighted), v + (step / 6.0) * next(weighted)

    @property
    def _field(self) -> Field:
        return Field(self.A, self.W, self.h, self.state_dim - self.relu_units)

    def exact_flow(self, z: Tensor, steps: Tensor) -> Tensor:
        """Exact state after `steps` (..., 1) sampling steps, whatever `solver` says; (..., state) -> (..., state)."""
        return exact_flow(self._field, z, steps)

    def itinerary(self, z: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The linear regions that the exact orbits pass within `steps` (..., 1) sampling steps: times spent
        (segments, ..., 1) in sampling steps and bits (segments, ..., relu_units). Consecutive segments can have the
        same bits; times of 0 fill up."""
        lengths, gates = itinerary(self._field, z, steps)
        return lengths, gates[..., self.state_dim - self.relu_units :] > 0

    def bits(self, z: Tensor) -> Tensor:
        """Which rectified units are on, (..., state) -> (..., relu_units) bool; 0 counts as off."""
        return z[..., self.state_dim - self.relu_units :] > 0

    def field_affine(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix (..., state, state) and offset (..., state) of the vector field in a region, per sampling step."""
        linear = bits.new_ones((*bits.shape[:-1], self.state_dim - self.relu_units))
        on = torch.cat([linear, bits], dim=-1).to(self.W.dtype)
        return torch.diag(self.A) + self.W * on[..., None, :], self.h.expand(on.shape)

    def field_fixed_points(self, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Where the vector field of a region vanishes, (..., state), and whether that lies in the region itself,
        (...,) bool: otherwise it is virtual. NaN where the matrix of the region is singular."""
        matrix, offset = self.field_affine(bits)
        solution, info = torch.linalg.solve_ex(matrix, -offset)
        z = torch.where((info == 0)[..., None], solution, torch.nan)
        return z, (self.bits(z) == bits).all(dim=-1) & torch.isfinite(z).all(dim=-1)

    def compiled_orbit(self) -> Orbit | None:
        if type(self) is not ContinuousALRNN:  # a subclass may step otherwise
            return None
        A, W, h, first = self._field
        if self.solver == "exact":
            return exact_orbit((A.detach().numpy(), W.detach().numpy(), h.detach().numpy(), first))
        return compiled_orbit(runge_kutta_loop, self.state_dim, A, W, h, first, self.substeps)


@MODELS.register("calrnn")
@dataclass(frozen=True)
class ContinuousALRNNConfig(ModelConfig):
    """Continuous-time AL-RNN: a piecewise-linear vector field, solved exactly between its switches."""

    family: ClassVar[type[Model]] = ContinuousALRNN
    equations: ClassVar[str] = "dz/dt = A z + W phi(z) + h,  phi = ReLU on the last relu_units units, else identity"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "diagonal of the linear part, per sampling step (M)",
        "W": "connections, per sampling step (M, M)",
        "h": "bias, per sampling step (M)",
    }
    when_to_use: ClassVar[str] = (
        "for a flow with few linear regions, irregular time stamps, or fixed points and exponents of the field itself"
    )
    references: ClassVar[tuple[str, ...]] = (
        "Brändle, Eisenmann, Götz, Durstewitz, ICML 2026, arXiv:2602.15649",
        "Brenner, Hemmer, Monfared, Durstewitz, NeurIPS 2024, arXiv:2410.14240 (AL-RNN)",
    )
    recommended_forcing: ClassVar[str] = "sparse"
    recommended_training: ClassVar[Mapping[str, Any]] = {
        "steps": 25_000,
        "window": 80,
        "batch_size": 32,
        "noise": 0.05,
        "check_steps": 20_000,
    }
    search_space: ClassVar[Mapping[str, Range]] = {"relu_units": Range(2, 20), "substeps": Range(1, 4)}

    latent_dim: int = option(20, "number of latent states M")
    relu_units: int = option(16, "number of rectified units P; at most 2^P linear regions")
    solver: str = option("rk4", "rk4: Runge-Kutta steps; exact: exact flow from region to region")
    substeps: int = option(1, "Runge-Kutta steps per sampling step")
    observation: str = option("identity", OBSERVATION_HELP)
