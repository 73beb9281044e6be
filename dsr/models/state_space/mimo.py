"""One diagonal complex system that all features drive and read: what S5 and LRU have in common."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor, nn

from .linear_layer import (
    LinearLayer,
    as_complex,
    causal_convolution,
    constant_scan,
    joined,
    parted,
    powers,
)
from .loops import shared_input_step


class SharedLayer(LinearLayer, abc.ABC):
    """h' = a h + B u, y = READ Re(C h) + D u with a complex diagonal a (modes,), B (modes, features) and
    C (features, modes)."""

    READ: ClassVar[float]
    compiled_step = shared_input_step
    C: nn.Parameter
    D: nn.Parameter

    @abc.abstractmethod
    def discretised(self) -> tuple[Tensor, Tensor]:
        """a (modes,) and B (modes, features), complex."""

    def kernel(self, length: int) -> Tensor:
        pole, b = self.discretised()
        return self.READ * torch.einsum("im,mj,ml->ijl", as_complex(self.C), b, powers(pole, length)).real

    def convolve(self, u: Tensor, memory: Tensor | None = None) -> Tensor:
        length = u.shape[1]
        pole, b = self.discretised()
        decay, inputs = powers(pole, length), (u.to(b.dtype) @ b.T).transpose(1, 2)
        real, imag = decay.real, decay.imag
        h = torch.complex(
            causal_convolution(inputs.real, real) - causal_convolution(inputs.imag, imag),
            causal_convolution(inputs.real, imag) + causal_convolution(inputs.imag, real),
        )
        if memory is not None:
            h = h + parted(memory)[..., None] * powers(pole, length, first=1)
        return self._output(h.transpose(1, 2), u)

    def scan(self, u: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        pole, b = self.discretised()
        h = constant_scan(pole, _taken_in(u, b), parted(memory))
        return self._output(h, u), joined(h[:, -1])

    def recur(self, memory: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        pole, b = self.discretised()
        h = pole * parted(memory) + _taken_in(u, b)
        return joined(h), self._output(h, u)

    def respond(self, u: Tensor) -> Tensor:
        return self.scan(u, self.empty(u))[0]

    def poles(self) -> Tensor:
        pole = self.discretised()[0]
        return torch.cat([pole, pole.conj()])

    def compiled_weights(self) -> tuple[Tensor, ...]:
        pole, b = self.discretised()
        c = self.READ * as_complex(self.C)
        return pole.real, pole.imag, b.real, b.imag, c.real, c.imag, self.D

    def _output(self, h: Tensor, u: Tensor) -> Tensor:
        c = as_complex(self.C)
        return self.READ * (h.real @ c.real.T - h.imag @ c.imag.T) + self.D * u


def _taken_in(u: Tensor, b: Tensor) -> Tensor:
    return torch.complex(u @ b.real.T, u @ b.imag.T)
