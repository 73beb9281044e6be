"""The deep Wiener view of a state-space model: linear blocks with memory and static blocks without, in series.

A Wiener model is a linear system followed by a static function. Seen so, a stack of state-space layers shows its poles,
time constants and responses, and whether it is stable as long as data drive it. That is the open loop: nothing here
says what it does once it is fed with its own output, where a model of a chaotic system must have a positive exponent.

Source: Bonassi, Andersson, Mattsson, Schoen, arXiv:2312.06211.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import nn

from ..plrnn import require
from .conversions import (
    StateSpace,
    after_update,
    frequency_response,
    kernel_of,
    modes,
    poles,
    time_constants,
)
from .lipschitz import Reach, through

SQUARINGS = 60


class Block(Protocol):
    """What stands in a series: a map of a flat real memory (memory_dim,) and an input (inputs,) to the next memory and
    an output (outputs,)."""

    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def memory_dim(self) -> int: ...

    def step(self, memory: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def reach(self, before: Reach) -> Reach: ...
    def poles(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class LinearBlock:
    """A linear system with its poles in view. Complex memory stands as real parts, then imaginary ones."""

    system: StateSpace

    @classmethod
    def from_features(cls, poles: np.ndarray, residues: np.ndarray, direct: np.ndarray, dt: float = 1.0) -> LinearBlock:
        """One system for each feature, as in S4D: poles and residues (features, n), direct (features,). The kernel of
        a feature, read after the update, is Re sum_n residue_n pole_n^l; of a conjugate pair one pole is given, with
        its residue 2 C B."""
        p, r = np.asarray(poles), np.asarray(residues)
        require(p.ndim == 2 and p.shape == r.shape, f"poles {p.shape} and residues {r.shape}", "(features, n) both")
        own = np.repeat(np.eye(len(p)), p.shape[1], axis=0)
        return cls(after_update(p.ravel(), own, own.T * r.ravel(), np.diag(np.asarray(direct, dtype=float)), dt))

    @property
    def inputs(self) -> int:
        return self.system.B.shape[1]

    @property
    def outputs(self) -> int:
        return self.system.C.shape[0]

    @property
    def memory_dim(self) -> int:
        return len(self.system.A) * (2 if self._complex else 1)

    def poles(self) -> np.ndarray:
        """Eigenvalues of A, both of each conjugate pair, equal ones once."""
        return poles(self.system)

    def residues(self) -> tuple[np.ndarray, np.ndarray]:
        """Poles in the upper half-plane and what each contributes; see `conversions.modes`."""
        return modes(self.system)

    def impulse_response(self, length: int) -> np.ndarray:
        """(length,), or (length, outputs, inputs)."""
        return kernel_of(self.system, length)

    def frequency_response(self, w: np.ndarray) -> np.ndarray:
        """(frequencies, outputs, inputs) at angular frequencies w per unit of time."""
        return frequency_response(self.system, w)

    def to_statespace(self) -> StateSpace:
        return self.system

    def time_constants(self, dt: float | None = None) -> np.ndarray:
        """Time in which each mode decays to 1/e, in the order of `poles`; dt: of a step, the system's own if None."""
        return time_constants(self.system) * (1.0 if dt is None else dt / self.system.dt)

    def is_schur(self) -> bool:
        """Whether all poles are inside the unit circle; of a dense A judged by its powers, since the eigenvalues of a
        matrix that is far from normal are unreliable."""
        return math.isfinite(self.gain_bound())

    def gain_bound(self) -> float:
        """Bound on how much larger than the largest input the largest output can be, infinite if not stable.

        |D| + |C| |B| sum_l |A^l|, with the sum bounded by the product of 1 + |A^(2^k)|. Exact to |C| |B| for normal A,
        far too large where modes oscillate or A is far from normal: what counts is that it is finite.
        """
        s, total = self.system, 1.0
        power = s.A
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(SQUARINGS):
                norm = float(np.abs(power).max() if s.diagonal else np.linalg.norm(power, 2))
                if not math.isfinite(norm) or not math.isfinite(total):
                    return math.inf
                if norm < 1e-17:
                    sizes = [float(np.linalg.norm(m, 2)) for m in (s.B, s.C, s.D)]
                    return sizes[2] + sizes[0] * sizes[1] * total
                total *= 1 + norm
                power = power * power if s.diagonal else power @ power
        return math.inf

    def step(self, memory: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s, n = self.system, len(self.system.A)
        x = memory[:n] + 1j * memory[n:] if self._complex else memory
        y = (s.C @ x).real + s.D @ u
        x = s.advance(x) + s.B @ u
        return (np.concatenate([x.real, x.imag]) if self._complex else x), y

    def reach(self, before: Reach) -> Reach:
        return before.scaled(self.gain_bound(), width=self.outputs)

    @property
    def _complex(self) -> bool:
        return any(np.iscomplexobj(m) for m in (self.system.A, self.system.B))


class StaticBlock:
    """A torch module applied to each row on its own, such as a GLU or a small network; in double precision.

    It must keep no state and treat rows independently: batch normalisation and dropout do not belong here.
    """

    memory_dim = 0

    def __init__(self, module: nn.Module, inputs: int) -> None:
        self.module = copy.deepcopy(module).double().cpu().requires_grad_(False)
        self.inputs = inputs
        self.outputs = len(self.step(np.empty(0), np.zeros(inputs))[1])

    def step(self, memory: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            return memory, self.module(torch.from_numpy(u)[None])[0].numpy()

    def reach(self, before: Reach) -> Reach:
        return through(self.module, before)

    def poles(self) -> np.ndarray:
        return np.empty(0, dtype=complex)

    def lipschitz_bound(self, radius: float = math.inf) -> float:
        """Bound on |f(u) - f(v)| / |u - v| for inputs of norm up to `radius`. A GLU has one only where its input is
        bounded, by `radius` or by a layer normalisation or tanh before it. Infinite where a module is not known."""
        return self.reach(Reach(1.0, radius, self.inputs)).lipschitz


@dataclass(frozen=True)
class Certificate:
    """Whether a model is incrementally input-to-state stable in open loop: driven by two inputs that come to agree, its
    outputs do so as well, wherever they started.

    holds : all poles are inside the unit circle and the static part has a Lipschitz bound. pole_radius : the largest
    modulus of a pole. lipschitz : bound on the ratio of output to input differences. reason : a sentence.

    It says nothing about the closed loop, which may be chaotic or diverge whether it holds or not.
    """

    holds: bool
    pole_radius: float
    lipschitz: float
    reason: str


class DeepWiener:
    """Blocks in series; with `skip`, the input is added to the output. It is a block itself, so residual blocks are
    DeepWieners inside another."""

    def __init__(self, blocks: Sequence[Block], skip: bool = False) -> None:
        require(len(blocks) > 0, "no blocks", "one or more")
        for first, second in pairwise(blocks):
            require(
                first.outputs == second.inputs,
                f"a block with {first.outputs} outputs before one with {second.inputs} inputs",
                "equal numbers",
            )
        self.blocks, self.skip = tuple(blocks), skip
        self.inputs, self.outputs = blocks[0].inputs, blocks[-1].outputs
        self.memory_dim = sum(b.memory_dim for b in blocks)
        require(not skip or self.inputs == self.outputs, "skip with unequal ends", "as many outputs as inputs")

    def step(self, memory: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memory (memory_dim,) and input (inputs,) -> next memory and output (outputs,)."""
        y, parts, first = u, [], 0
        for block in self.blocks:
            part, y = block.step(memory[first : first + block.memory_dim], y)
            parts.append(part)
            first += block.memory_dim
        return np.concatenate(parts), (y + u if self.skip else y)

    def run(self, u: np.ndarray, memory: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Outputs (time, outputs) for inputs u (time, inputs) in open loop, and the memory after them."""
        memory = np.zeros(self.memory_dim) if memory is None else memory
        y = np.empty((len(u), self.outputs))
        for k, now in enumerate(u):
            memory, y[k] = self.step(memory, now)
        return y, memory

    def poles(self) -> np.ndarray:
        """Of all linear blocks."""
        return np.concatenate([b.poles() for b in self.blocks])

    def reach(self, before: Reach) -> Reach:
        after = before
        for block in self.blocks:
            after = block.reach(after)
        return after.plus(before) if self.skip else after

    def certificate(self, radius: float = math.inf) -> Certificate:
        """Open-loop stability for inputs of norm up to `radius` (a GLU without a normalisation before it needs one).
        That it does not hold is no proof of the opposite."""
        p, reach = self.poles(), self.reach(Reach(1.0, radius, self.inputs))
        largest = float(np.abs(p).max()) if p.size else 0.0
        if reach.unknown:
            reason = f"nothing is known of {', '.join(reach.unknown)}"
        elif largest >= 1:
            reason = f"a pole has the modulus {largest:.6g}, not below 1"
        elif not math.isfinite(reach.lipschitz):
            reason = "a static block has no Lipschitz bound on unbounded inputs; give the radius of the data"
        else:
            reason = "all poles are inside the unit circle and the static blocks have Lipschitz bounds"
        return Certificate(math.isfinite(reach.lipschitz), largest, reach.lipschitz, reason)

    def close_loop(self) -> Callable[[np.ndarray], np.ndarray]:
        """The autonomous map on z = (input, memory), (inputs + memory_dim,): the output becomes the next input."""
        require(
            self.inputs == self.outputs,
            f"a loop from {self.outputs} outputs to {self.inputs} inputs",
            "as many outputs as inputs",
        )

        def advance(z: np.ndarray) -> np.ndarray:
            memory, y = self.step(z[self.inputs :], z[: self.inputs])
            return np.concatenate([y, memory])

        return advance
