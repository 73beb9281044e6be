"""`Reservoir`: fixed random units driven by data, and a linear readout solved in closed form."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..memory import MemoryModel
from ..orbits import Orbit, compiled, compiled_orbit
from ..plrnn import require
from ..states import require_width
from .random_wiring import Wiring, all_columns
from .reservoir_fit import ReadoutFit
from .reservoir_loops import compiled_in_order, drive_loop, orbit_loop, receive, response_loop, tanh

NOISE_FORMS = ("sampled", "linearised")
SMALLEST = 1e-4  # of the largest squared response to noise; what follows is left out


class Reservoir(MemoryModel, abc.ABC):
    """State (x, r): r' = (1 - a) r + a tanh(W_in x + A r + b), x' = W_out r', with fixed random W_in, A and b.

    W_in and A are stored together, sparse: unit i reads the places index[i] of (x, r), inputs first, with weights[i].
    W_out (obs, units of a group): columns and units fall into `groups` equal parts in order, and the columns of a part
    read the units of that part.

    All numbers are in double precision: a readout of clean data has large weights of both signs, and single precision
    would lose what it says.
    """

    closed_form = True
    index: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(
        self,
        obs_dim: int,
        wiring: Wiring,
        *,
        groups: int = 1,
        leak: float,
        ridge: float,
        input_noise: float,
        noise_form: str,
        jacobian_penalty: float,
        spin_up: int,
    ) -> None:
        require(0 < leak <= 1, f"leak = {leak}", "above 0, at most 1")
        require(ridge >= 0, f"ridge = {ridge}", "0 or more")
        require(input_noise >= 0, f"input_noise = {input_noise}", "0 or more")
        require(noise_form in NOISE_FORMS, f"noise_form = '{noise_form}'", " or ".join(NOISE_FORMS))
        require(jacobian_penalty >= 0, f"jacobian_penalty = {jacobian_penalty}", "0 or more")
        require(spin_up >= 1, f"spin_up = {spin_up}", "1 or more")
        self.units = len(wiring.index)
        super().__init__(obs_dim, self.units)
        self.groups, self.min_context = groups, spin_up
        self.leak, self.ridge, self.jacobian_penalty = leak, ridge, jacobian_penalty
        self.input_noise, self.noise_form = input_noise, noise_form
        self.register_buffer("index", torch.from_numpy(wiring.index))
        self.register_buffer("weights", torch.from_numpy(wiring.weights))
        self.register_buffer("bias", torch.from_numpy(wiring.bias))
        readout = torch.zeros((obs_dim, self.units // groups), dtype=torch.float64)
        self.W_out = nn.Parameter(readout, requires_grad=False)

    @property
    def W_in(self) -> Tensor:
        """Input weights (units, obs), dense."""
        return self._dense()[:, : self.obs_dim]

    @property
    def A(self) -> Tensor:
        """Recurrent weights (units, units), dense."""
        return self._dense()[:, self.obs_dim :]

    def group_weights(self, group: int) -> tuple[Tensor, Tensor]:
        """W_in (units, obs) and A (units, units) of the units of one group."""
        size = self.units // self.groups
        mine = slice(group * size, (group + 1) * size)
        return self.W_in[mine], self.A[mine, mine]

    def step(self, z: Tensor) -> Tensor:
        r = torch.lerp(z[..., self.obs_dim :], self._units(z), self.leak)
        return torch.cat([self._read(r[..., None])[..., 0], r], dim=-1)

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        slope = 1 - self._units(z) ** 2
        moved = (self.weights[..., None] * v[..., self.index, :]).sum(-2)
        r = torch.lerp(v[..., self.obs_dim :, :], slope[..., None] * moved, self.leak)
        return torch.cat([self._read(r), r], dim=-2)

    def jacobian(self, z: Tensor) -> Tensor:
        slope = 1 - self._units(z) ** 2
        memory = torch.eye(self.state_dim, dtype=z.dtype, device=z.device)[self.obs_dim :]
        r = torch.lerp(memory.expand(len(z), -1, -1), slope[..., None] * self._dense(), self.leak)
        return torch.cat([self._read(r), r], dim=-2)

    def initial(self, y: Tensor) -> Tensor:
        """The units start at zero and are driven by the context, by a compiled loop: no gradient flows through them."""
        rows = y.detach().cpu().double().numpy()
        memory, states = np.zeros((len(rows), self.units)), np.empty((max(0, rows.shape[1] - 1), self.units))
        for b in range(len(rows)):
            self.feed(rows[b, :-1], memory[b], states)
        return torch.cat([y[:, -1], torch.from_numpy(memory).to(y)], dim=-1)

    def compiled_orbit(self) -> Orbit | None:
        columns = torch.arange(self.obs_dim)
        first = columns // (self.obs_dim // self.groups) * (self.units // self.groups)
        return compiled_orbit(orbit_loop, self.state_dim, *self._wiring(), self.W_out, first)

    def feed(self, rows: np.ndarray, memory: np.ndarray, states: np.ndarray) -> None:
        """Drive the units with standardised rows (time, obs): `memory` (units,) is advanced in place, `states` (time,
        units) filled with the units after each row."""
        compiled(drive_loop)(*self._wiring(), np.ascontiguousarray(rows), memory, states)

    def response(self, rows: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """Derivatives of the units after each of some rows (time, obs) by the first of them, until they have fallen
        to a hundredth: (fewer times, obs, units). `memory` (units,) is the state before."""
        moved = np.empty((*rows.shape, self.units))
        followed = compiled(response_loop)(*self._wiring(), np.ascontiguousarray(rows), memory, SMALLEST, moved)
        return moved[:followed]

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories not longer than `spin_up`, `SpecError` for too few without a ridge."""
        linearised = self.noise_form == "linearised" and self.input_noise > 0
        fit = ReadoutFit(
            self,
            segments,
            rng,
            smallest_ridge=self.ridge,
            noise=0.0 if linearised else self.input_noise,
            linearised=linearised,
            jacobian=self.jacobian_penalty > 0,
        )
        self.W_out.copy_(torch.from_numpy(fit.solve(self.ridge, self.input_noise, self.jacobian_penalty)))

    def _units(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return torch.tanh((self.weights * z[..., self.index]).sum(-1) + self.bias)

    def _read(self, r: Tensor) -> Tensor:
        """Readout of (..., units, k) -> (..., obs, k)."""
        if self.groups == 1:
            return self.W_out @ r
        parts = r.unflatten(-2, (self.groups, -1))
        return (self.W_out.unflatten(0, (self.groups, -1)) @ parts).flatten(-3, -2)

    def _dense(self) -> Tensor:
        """[W_in, A] (units, state)."""
        return self.weights.new_zeros((self.units, self.state_dim)).scatter(1, self.index, self.weights)

    def _wiring(self) -> tuple:
        """What all loops begin with. Unsigned places save a check for negative ones."""
        index, weights, bias = self.index.numpy().astype(np.uint32), self.weights.numpy(), self.bias.numpy()
        dense = self.obs_dim if np.array_equal(index[:, : self.obs_dim], all_columns(self.units, self.obs_dim)) else 0
        sparse = (np.ascontiguousarray(a[:, dense:]) for a in (index, weights))
        inputs = np.ascontiguousarray(weights[:, :dense].T)
        return inputs, *sparse, bias, self.leak, compiled_in_order(receive), compiled_in_order(tanh)
