"""A stack of linear state-space layers with static nonlinearities between them, closed to a generator."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import SpecError, unknown
from ..initialise import uniform
from ..memory import MemoryModel
from ..orbits import Orbit, compiled, compiled_orbit
from ..plrnn import require
from .linear_layer import LinearLayer
from .loops import stack_loop

NORMS = ("layer", "none")
SLOW = 0.3  # factor on the learning rate of a layer's dynamics


class Block(nn.Module):
    """u -> u + a s(b), with (a, b) = W gelu(y) + w and y the linear layer's response to the normalised u."""

    EPS = 1e-5
    linear: LinearLayer
    scale: nn.Parameter
    offset: nn.Parameter

    def __init__(self, linear: LinearLayer, norm: bool, rng: torch.Generator) -> None:
        super().__init__()
        features = linear.features
        self.linear, self.norm = linear, norm
        if norm:
            self.scale, self.offset = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.W = nn.Parameter(uniform((2 * features, features), features, rng))
        self.w = nn.Parameter(torch.zeros(2 * features))

    def normalised(self, u: Tensor) -> Tensor:
        if not self.norm:
            return u
        return nn.functional.layer_norm(u, u.shape[-1:], self.scale, self.offset, self.EPS)

    def mixed(self, u: Tensor, y: Tensor) -> Tensor:
        a, b = (nn.functional.gelu(y) @ self.W.T + self.w).chunk(2, dim=-1)
        return u + a * torch.sigmoid(b)

    def tangent(self, memory: Tensor, u: Tensor, dm: Tensor, du: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Next memory and u, and tangent vectors (batch, k, ...) along with them."""
        moved, y = self.linear.recur(memory, self.normalised(u))
        dr = du
        if self.norm:
            middle = u - u.mean(-1, keepdim=True)
            inverse = torch.rsqrt(middle.square().mean(-1, keepdim=True) + self.EPS)
            r = (middle * inverse)[:, None]
            dr = (du - du.mean(-1, keepdim=True) - r * (r * du).mean(-1, keepdim=True)) * inverse[:, None] * self.scale
        dm, dy = self.linear.recur(dm, dr)
        share = 0.5 * (1 + torch.erf(y / math.sqrt(2)))
        slope = share + y * torch.exp(-0.5 * y.square()) / math.sqrt(2 * math.pi)
        a, b = ((y * share) @ self.W.T + self.w).chunk(2, dim=-1)
        da, db = ((dy * slope[:, None]) @ self.W.T).chunk(2, dim=-1)
        gate = torch.sigmoid(b)
        du = du + da * gate[:, None] + (a * gate * (1 - gate))[:, None] * db
        return moved, u + a * gate, dm, du


class StateSpaceModel(MemoryModel, abc.ABC):
    """u = E x + e; each block: u <- u + GLU(W gelu(linear(u))); x' = x + gain (G u + g). State (x, memories).

    norm : "layer" puts a layer norm before each linear layer, for deep stacks; shallow ones forecast better without.

    Driven by data the memories are linear systems, so a training window takes no loop over time, and how fast they
    forget is known exactly (`conditional_exponents`). In free run the loop through x may be chaotic; of the Lyapunov
    spectrum only the exponents above the memory's own are those of the data: look for the gap, and where there is
    none, raise timescale_low until the memory forgets faster than the data contract (Hart, arXiv:2401.00885).
    """

    min_context = 100

    def __init__(
        self,
        obs_dim: int,
        features: int,
        depth: int,
        norm: str,
        gain: float,
        make: Callable[[], LinearLayer],
        rng: torch.Generator,
    ) -> None:
        require(depth >= 1, f"depth = {depth}", "1 or more layers")
        require(features >= 1, f"features = {features}", "1 or more")
        require(gain > 0, f"gain = {gain}", "a positive number")
        _require_norm(norm)
        blocks = [Block(make(), norm == "layer", rng) for _ in range(depth)]
        super().__init__(obs_dim, sum(b.linear.memory_dim for b in blocks))
        self.gain, self.blocks = gain, nn.ModuleList(blocks)
        self.E = nn.Parameter(uniform((features, obs_dim), obs_dim, rng))
        self.e = nn.Parameter(uniform((features,), obs_dim, rng))
        self.G = nn.Parameter(uniform((obs_dim, features), features, rng))
        self.g = nn.Parameter(torch.zeros(obs_dim))

    def step(self, z: Tensor) -> Tensor:
        x, *memories = self._parts(z)
        u, moved = x @ self.E.T + self.e, []
        for block, memory in zip(self._blocks(), memories, strict=True):
            memory, y = block.linear.recur(memory, block.normalised(u))
            u = block.mixed(u, y)
            moved.append(memory)
        return torch.cat([self._next(x, u), *moved], dim=-1)

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        x, *memories = self._parts(z)
        dx, *tangents = self._parts(v.mT)
        u, du, moved = x @ self.E.T + self.e, dx @ self.E.T, []
        for block, memory, dm in zip(self._blocks(), memories, tangents, strict=True):
            _, u, dm, du = block.tangent(memory, u, dm, du)
            moved.append(dm)
        return torch.cat([dx + self.gain * (du @ self.G.T), *moved], dim=-1).mT

    def driven(self, y: Tensor) -> Tensor:
        inputs = y[:, :-1]
        u = inputs @ self.E.T + self.e
        for block in self._blocks():
            u = block.mixed(u, block.linear.respond(block.normalised(u)))
        return self._next(inputs, u)

    def initial(self, y: Tensor) -> Tensor:
        inputs = y[:, :-1]
        u, memories = inputs @ self.E.T + self.e, []
        for block in self._blocks():
            memory = block.linear.empty(u)
            if inputs.shape[1]:
                out, memory = block.linear.scan(block.normalised(u), memory)
                u = block.mixed(u, out)
            memories.append(memory)
        return torch.cat([y[:, -1], *memories], dim=-1)

    def conditional_exponents(self) -> np.ndarray:
        """Lyapunov exponents of the memory driven by data, per unit of time, falling (memory_dim,): log |pole| / dt of
        every layer, which for zero-order hold is Re(l) D / dt. They are the same for all data, because the layers are
        linear and drive each other in one direction only. The observed part of the state has none: data replace it.
        """
        with torch.no_grad():
            blocks = cast(StateSpaceModel, self.in_float64())._blocks()
            sizes = torch.cat([block.linear.poles().abs() for block in blocks])
        return np.sort(sizes.log().numpy() / float(self.dt))[::-1].copy()

    def rate_factors(self) -> Mapping[str, float]:
        return {
            f"blocks.{i}.linear.{name}": SLOW
            for i, block in enumerate(self._blocks())
            for name in block.linear.slow_parameters
        }

    def compiled_orbit(self) -> Orbit | None:
        if type(self).step is not StateSpaceModel.step:  # a subclass may step otherwise
            return None
        blocks = self._blocks()
        layers = [block.linear for block in blocks]
        linear = tuple(
            np.stack([w.detach().numpy() for w in same])
            for same in zip(*(layer.compiled_weights() for layer in layers), strict=True)
        )
        norm, unused = blocks[0].norm, torch.ones(len(self.e))
        weights: tuple[Any, ...] = (
            compiled(type(layers[0]).compiled_step),
            linear,
            self.E,
            self.e,
            norm,
            torch.stack([b.scale if norm else unused for b in blocks]),
            torch.stack([b.offset if norm else unused for b in blocks]),
            Block.EPS,
            torch.stack([b.W for b in blocks]),
            torch.stack([b.w for b in blocks]),
            self.gain * self.G,
            self.gain * self.g,
        )
        return compiled_orbit(stack_loop, self.state_dim, *weights)

    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.blocks))

    def _parts(self, z: Tensor) -> tuple[Tensor, ...]:
        return z.split([self.obs_dim, *(block.linear.memory_dim for block in self._blocks())], dim=-1)

    def _next(self, x: Tensor, u: Tensor) -> Tensor:
        return x + self.gain * (u @ self.G.T + self.g)


def _require_norm(norm: str) -> None:
    if norm == "batch":
        raise SpecError(
            "norm = 'batch' in a generator, whose training and free run would then differ",
            "layer or none",
            "set norm = 'layer'",
        )
    if norm not in NORMS:
        raise unknown("norm", norm, NORMS)
