"""S4: one diagonal-plus-low-rank complex system per feature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...registry import option
from ..base import Model
from ..initialise import generator
from ..registry import MODELS, ModelConfig, Range
from . import hippo
from .linear_layer import (
    LinearLayer,
    as_complex,
    causal_convolution,
    complex_normal,
    complex_parameter,
    joined,
    loop_over,
    parted,
    random_steps,
    row_powers,
)
from .loops import single_input_step
from .s4d import eigenvalue_parameters
from .settings import BLOCK, SEARCH, SYMBOLS, TRAINING
from .stack import StateSpaceModel


class LowRankLayer(LinearLayer):
    """x' = (diag(l) - P P*) x + B u, y = 2 Re(C x) + D u for each feature, discretised by the bilinear transform.

    The kernel is a sum of Cauchy kernels at the roots of unity, joined by Woodbury's identity; a recurrent step costs
    O(order). Since A + A* = 2 Re diag(l) - 2 P P* is negative definite, the layer is stable whatever is learned. C is
    learned itself, and C (1 - Ab^L), which the truncated generating function needs, is formed for each length L: so no
    length is stored anywhere. With rank 2, P holds two columns.

    Source: Gu, Goel, Re, ICLR 2022, arXiv:2111.00396; Goel, Gu, Donahue, Re, ICML 2022, arXiv:2202.09729 (Q = P).
    """

    compiled_step = single_input_step
    slow_parameters = ("log_decay", "frequency", "P", "B", "log_step")

    def __init__(self, features: int, order: int, init: str, low: float, high: float, rng: torch.Generator) -> None:
        super().__init__()
        form = hippo.diagonal_plus_low_rank(init, order)
        self.features, self.order, self.memory_dim = features, order, features * order
        shape = (features, order // 2)
        self.log_decay, self.frequency = eigenvalue_parameters(torch.from_numpy(form.eigenvalues).expand(shape))
        self.P = complex_parameter(torch.from_numpy(form.P).expand(*shape, -1))
        self.B = complex_parameter(torch.from_numpy(form.B).expand(shape))
        self.C = complex_parameter(complex_normal(shape, rng))
        self.D = nn.Parameter(torch.randn(features, generator=rng))
        self.log_step = random_steps(features, low, high, rng)

    def eigenvalues(self) -> Tensor:
        """The diagonal part l (features, order/2), in double precision."""
        return torch.complex(-torch.exp(self.log_decay.double()), self.frequency.double())

    def discretised(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(d, F, R, b) of the step h' = h + d h - F Re(R h) + b u: Ab - 1 = D A (1 - D A/2)^-1 with the inverse by
        Woodbury's identity. d, b (features, order/2); F (features, order/2, rank); R (features, rank, order/2).

        In double precision, and as the difference to 1, because with small steps a pole of 1 - 1e-3 leaves single
        precision four digits for how fast it forgets.
        """
        step = torch.exp(self.log_step.double())[:, None]
        p, b = as_complex(self.P.double()), as_complex(self.B.double())[..., None]
        eigenvalues = self.eigenvalues()
        g = 1 / (1 - step / 2 * eigenvalues)
        right = 2 * p.mH * g[..., None, :]  # twice the real part of a sum over one half is the sum over both
        eye = torch.eye(p.shape[-1], dtype=step.dtype, device=step.device)
        inner = torch.linalg.inv(2 / step[..., None] * eye + (right @ p).real)
        left = g[..., None] * p @ inner.to(p.dtype)
        held = g[..., None] * b - left @ (right @ b).real.to(p.dtype)
        return step * eigenvalues * g, 2 * left, right, step * held[..., 0]

    def kernel(self, length: int) -> Tensor:
        half = math.pi / length * torch.arange(length // 2 + 1, dtype=torch.float64, device=self.D.device)
        cosine, p, eigenvalues = torch.cos(half), as_complex(self.P), self.eigenvalues()
        both = torch.cat([eigenvalues, eigenvalues.conj()], dim=-1)[..., None]
        place = torch.complex(torch.zeros_like(half), 2 * torch.sin(half)) / torch.exp(self.log_step.double())[:, None]
        # the factor (1 + w) = 2 cos(half) exp(-i half) is multiplied through: nothing is divided by it at w = -1; the
        # difference is small near a resonance and is taken in double precision
        cauchy = 1 / (place[:, None] - cosine * both).to(p.dtype)
        shift, cosine = torch.polar(torch.ones_like(half), half).to(p.dtype), cosine.to(self.D.dtype)
        rows = torch.cat([self._truncated(length)[:, None], p.mH], dim=1)
        columns = torch.cat([as_complex(self.B)[:, None], p.mT], dim=1)
        residues = rows[:, :, None] * columns[:, None]
        sums = torch.cat([residues, residues.conj()], dim=-1).flatten(1, 2) @ cauchy
        sums = sums.unflatten(1, residues.shape[1:3])
        spectrum = shift * (sums[:, 0, 0] - _woodbury(cosine, sums))
        return torch.fft.irfft(spectrum, length)

    def convolve(self, u: Tensor, memory: Tensor | None = None) -> Tensor:
        y = causal_convolution(u.transpose(1, 2), self.kernel(u.shape[1]))
        if memory is not None:
            a, _, c, _ = self.compiled_weights()
            y = y + (row_powers(a, c, u.shape[1] + 1)[:, 1:] @ self._split(memory)[..., None])[..., 0]
        return y.transpose(1, 2).contiguous() + self.D * u

    def scan(self, u: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        system = self._system()
        return loop_over(lambda m, now: self._advance(system, m, now), u, memory)

    def recur(self, memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return self._advance(self._system(), memory, u)

    def poles(self) -> Tensor:
        """Where the order is above 16 these are good to some digits only, because HiPPO matrices are far from
        normal."""
        return torch.linalg.eigvals(self.compiled_weights()[0]).flatten()

    def compiled_weights(self) -> tuple[Tensor, ...]:
        """The dense system of each feature on (real parts, imaginary parts): A (features, order, order), B and C
        (features, order), D."""
        change, b, c = self._dense()
        dtype = self.D.dtype
        return (
            (torch.eye(self.order, dtype=b.dtype, device=b.device) + change).to(dtype),
            b.to(dtype),
            c.to(dtype),
            self.D,
        )

    def _dense(self) -> tuple[Tensor, Tensor, Tensor]:
        """Ab - 1, Bb and C of `compiled_weights` in double precision."""
        d, f, r, b = self.discretised()
        unit = parted(torch.eye(self.order, dtype=d.real.dtype, device=d.device))[:, None]  # (order, 1, order/2)
        moved = joined(d * unit - _low_rank_part(f, r, unit))
        c = as_complex(self.C.double())
        return moved.permute(1, 2, 0), joined(b), 2 * torch.cat([c.real, -c.imag], dim=-1)

    def _system(self) -> tuple[Tensor, ...]:
        return tuple(part.to(as_complex(self.C).dtype) for part in self.discretised())

    def _split(self, memory: Tensor) -> Tensor:
        return memory.unflatten(-1, (self.features, self.order))

    def _advance(self, system: tuple[Tensor, ...], memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        d, f, r, b = system
        h = parted(self._split(memory))
        h = h + (d * h - _low_rank_part(f, r, h) + b * u[..., None])
        y = 2 * (as_complex(self.C) * h).real.sum(-1) + self.D * u
        return joined(h).flatten(-2), y

    def _truncated(self, length: int) -> Tensor:
        """C (1 - Ab^length), complex (features, order/2): what makes an infinite series end after `length` terms."""
        change, _, c = self._dense()
        row = -(c[:, None] @ _power_minus_one(change, length))[:, 0]
        n = self.order // 2
        return torch.complex(row[:, :n], -row[:, n:]).to(as_complex(self.C).dtype) / 2


def _power_minus_one(change: Tensor, exponent: int) -> Tensor:
    """(1 + change)^exponent - 1 of matrices, by repeated squaring without ever forming 1 + change."""
    found = torch.zeros_like(change)
    while exponent:
        if exponent % 2:
            found = found + change + found @ change
        change = 2 * change + change @ change
        exponent //= 2
    return found


def _low_rank_part(f: Tensor, r: Tensor, h: Tensor) -> Tensor:
    return (f @ (r @ h[..., None]).real.to(f.dtype))[..., 0]


def _woodbury(cosine: Tensor, sums: Tensor) -> Tensor:
    """What the low-rank part takes from the sum of Cauchy kernels: c q_CP (1 + c q_PP)^-1 q_PB at each frequency, sums
    (features, 1 + rank, 1 + rank, frequencies)."""
    if sums.shape[1] == 2:
        return cosine * sums[:, 0, 1] * sums[:, 1, 0] / (1 + cosine * sums[:, 1, 1])
    eye = torch.eye(sums.shape[1] - 1, dtype=sums.dtype, device=sums.device)
    inner = eye + (cosine * sums[:, 1:, 1:]).movedim(-1, 1)
    solved = torch.linalg.solve(inner, sums[:, 1:, 0].mT[..., None])
    return cosine * (sums[:, 0, 1:].mT * solved[..., 0]).sum(-1)


class S4(StateSpaceModel):
    """Structured state-space layers (HiPPO, diagonal plus low rank), closed to a generator by an increment head.

    The bilinear transform turns eigenvalues faster than the step into slow alternating ones, |pole| near 1: with a
    large order, keep timescale_high times order below 30.

    Source: Gu, Goel, Re, ICLR 2022, arXiv:2111.00396.
    """

    def __init__(
        self,
        obs_dim: int,
        features: int = 32,
        order: int = 8,
        depth: int = 1,
        init: str = "legs",
        timescale_low: float = 0.15,
        timescale_high: float = 1.5,
        norm: str = "none",
        gain: float = 0.1,
        seed: int = 0,
    ) -> None:
        rng = generator(seed)

        def layer() -> LowRankLayer:
            return LowRankLayer(features, order, init, timescale_low, timescale_high, rng)

        super().__init__(obs_dim, features, depth, norm, gain, layer, rng)


@MODELS.register("s4")
@dataclass(frozen=True)
class S4Config(ModelConfig):
    """S4: a stack of diagonal-plus-low-rank state-space layers."""

    family: ClassVar[type[Model]] = S4
    equations: ClassVar[str] = "x' = (diag(l) - P P*) x + B u, bilinear with step D;  y = 2 Re(C x) + D u;  " + BLOCK
    symbols: ClassVar[Mapping[str, str]] = {
        **SYMBOLS,
        "log_decay": "log of minus the real part of the eigenvalues l",
        "frequency": "imaginary part of l",
        "B": "feature to memory",
        "log_step": "log of the step D",
        "P": "low-rank part",
    }
    when_to_use: ClassVar[str] = "as S4D, with a memory of the whole past in a polynomial basis"
    references: ClassVar[tuple[str, ...]] = (
        "Gu, Goel, Re, ICLR 2022, arXiv:2111.00396",
        "Gu, Dao, Ermon, Rudra, Re, NeurIPS 2020, arXiv:2008.07669",
    )
    recommended_forcing: ClassVar[str] = "full"
    recommended_training: ClassVar[Mapping[str, Any]] = TRAINING
    search_space: ClassVar[Mapping[str, Range]] = {
        **SEARCH,
        "order": Range(choices=(4, 8, 16, 32)),
        "init": Range(choices=("legs", "legt", "lagt", "fout")),
    }

    features: int = option(32, "number of features H")
    order: int = option(8, "real memory states of each feature, an even number")
    depth: int = option(1, "number of layers")
    init: str = option("legs", "HiPPO matrix: legs, legt, lagt or fout")
    timescale_low: float = option(0.15, "smallest initial step D, in rows of the data")
    timescale_high: float = option(1.5, "largest initial step D")
    norm: str = option("none", "normalisation of a layer's input: layer or none")
    gain: float = option(0.1, "size of an increment per step, in standard deviations of the data")
