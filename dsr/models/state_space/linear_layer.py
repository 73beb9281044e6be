"""What linear state-space layers share: one interface, and the tools of their parallel forms."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import ClassVar

import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn

from ..plrnn import require


class LinearLayer(nn.Module, abc.ABC):
    """A linear system with `features` inputs and outputs, m_{k+1} = Ab m_k + Bb u_k, y_k = C m_{k+1} + D u_k.

    The memory is flat and real, (batch, memory_dim); complex parts stand as real parts, then imaginary ones.
    `recur`, `scan` and `convolve` are three ways to the same numbers: one step; all steps, with the last memory; and
    all steps by Fourier transform of the `kernel`. Each continues from a given memory. The output is read after the
    update, so that it sees the newest input.

    compiled_step, compiled_weights : the loop over `recur` for compiled orbits, and what it needs (see `loops`).
    slow_parameters : names of the parameters of the dynamics, which want a lower learning rate than the rest.
    """

    compiled_step: ClassVar[Callable]
    slow_parameters: ClassVar[tuple[str, ...]] = ()
    features: int
    memory_dim: int

    @abc.abstractmethod
    def kernel(self, length: int) -> Tensor:
        """Impulse response without the feed-through D: (features, length) where every feature has a system of its
        own, else (features out, features in, length)."""

    @abc.abstractmethod
    def convolve(self, u: Tensor, memory: Tensor | None = None) -> Tensor:
        """Outputs (batch, time, features) of inputs of that shape, in parallel over time; without a memory the past
        was zero."""

    @abc.abstractmethod
    def scan(self, u: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The same outputs, and the memory after the last input."""

    @abc.abstractmethod
    def recur(self, memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """One step: memory (..., memory_dim) and input (..., features) -> next memory and output (..., features)."""

    @abc.abstractmethod
    def poles(self) -> Tensor:
        """Eigenvalues of Ab (memory_dim,), complex: memories decay by these factors per step."""

    @abc.abstractmethod
    def compiled_weights(self) -> tuple[Tensor, ...]:
        """Real weights of `compiled_step`."""

    def respond(self, u: Tensor) -> Tensor:
        """Outputs without a past, by the fastest parallel form."""
        return self.convolve(u)

    def empty(self, u: Tensor) -> Tensor:
        """Memory without a past, for inputs (batch, ..., features)."""
        return u.new_zeros((len(u), self.memory_dim))


def causal_convolution(u: Tensor, kernel: Tensor) -> Tensor:
    """sum_j kernel_j u_{k-j} along the last axis, by Fourier transforms padded against wrap-around."""
    length = u.shape[-1]
    n = next_fast_len(2 * length - 1, real=True)
    spectrum = torch.fft.rfft(u, n) * torch.fft.rfft(kernel, n)
    return torch.fft.irfft(spectrum, n)[..., :length]


def powers(base: Tensor, count: int, first: int = 0) -> Tensor:
    """base^first, base^(first + 1), ... (..., count) elementwise, complex, by doubling.

    Squaring doubles a relative error, so the squares are taken in double precision: then each power has at most
    log2 count rounding errors.
    """
    found = (torch.ones_like(base) if first == 0 else base)[..., None]
    square = base[..., None].to(torch.complex128)
    while found.shape[-1] < count:
        found = torch.cat([found, found[..., : count - found.shape[-1]] * square.to(base.dtype)], dim=-1)
        square = square * square
    return found


def row_powers(matrix: Tensor, row: Tensor, count: int) -> Tensor:
    """row, row A, row A^2, ... for row (..., N) and A (..., N, N), as (..., count, N), by doubling."""
    found = row[..., None, :]
    while found.shape[-2] < count:
        found = torch.cat([found, found[..., : count - found.shape[-2], :] @ matrix], dim=-2)
        matrix = matrix @ matrix
    return found


def constant_scan(base: Tensor, inputs: Tensor, start: Tensor) -> Tensor:
    """All states of x_k = base x_{k-1} + inputs_k along the second axis, elementwise, complex, in base (...), inputs
    (batch, time, ...) and start (batch, ...): the associative scan (a2, b2) o (a1, b1) = (a2 a1, a2 b1 + b2), in
    log2 T rounds, whose products of a are powers because `base` does not change."""
    inputs = torch.cat([inputs[:, :1] + (base * start)[:, None], inputs[:, 1:]], dim=1)
    reach, factor = 1, base.to(torch.complex128)  # see `powers`
    while reach < inputs.shape[1]:
        moved = inputs[:, reach:] + factor.to(base.dtype) * inputs[:, :-reach]
        inputs = torch.cat([inputs[:, :reach], moved], dim=1)
        reach, factor = 2 * reach, factor * factor
    return inputs


def loop_over(
    step: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], u: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """`scan` step by step."""
    outputs = []
    for now in u.unbind(1):
        memory, y = step(memory, now)
        outputs.append(y)
    return torch.stack(outputs, dim=1), memory


def random_steps(count: int, low: float, high: float, rng: torch.Generator) -> nn.Parameter:
    """Logarithms of `count` steps, drawn uniformly between those of low and high."""
    require(0 < low <= high, f"timescale_low = {low}, timescale_high = {high}", "0 < timescale_low <= timescale_high")
    first, last = math.log(low), math.log(high)
    return nn.Parameter(first + (last - first) * torch.rand(count, generator=rng))


def complex_normal(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Complex numbers of unit variance."""
    return torch.complex(torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)) / 2**0.5


def joined(z: Tensor) -> Tensor:
    """Complex (..., n) to real (..., 2 n)."""
    return torch.cat([z.real, z.imag], dim=-1)


def parted(m: Tensor) -> Tensor:
    """Real (..., 2 n) to complex (..., n)."""
    n = m.shape[-1] // 2
    return torch.complex(m[..., :n], m[..., n:])


def complex_parameter(z: Tensor) -> nn.Parameter:
    """A complex tensor as a real parameter with a last axis (real, imaginary)."""
    return nn.Parameter(torch.stack([z.real, z.imag], dim=-1).to(torch.get_default_dtype()))


def as_complex(p: Tensor) -> Tensor:
    """The complex tensor of such a parameter; a copy, because a view of a flat vector may begin at an odd place."""
    return torch.complex(p[..., 0], p[..., 1])
