"""Gradient backend for fleets of models on a GPU: both recurrences as persistent Triton kernels, one program per member
and batch tile, weight gradients as matrix products over time and batch.

Triton is optional; nothing imports it before a `TritonGradient` is made or `available` is asked.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol, cast

import torch
from torch import Tensor

from ...errors import SpecError
from ...models import ALRNN, PLRNN, Model, ShallowPLRNN
from ..ensemble import Ensemble
from .adjoint import OBSERVATION_ADJOINTS
from .triton_tiling import Tiling

LARGEST_STATE = 128  # the weights of 256 states no longer fit the shared memory of a multiprocessor


def available() -> str | None:
    """None when Triton kernels can run here, else the reason in one line. The interpreter (TRITON_INTERPRET=1 before
    the first import of triton) counts: it runs on the CPU, for tests, thousands of times slower."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed: pip install 'dsr-workbench[gpu]'"
    try:
        on_cpu = interpreted()
    except ImportError as error:
        return f"triton cannot be imported: {error}"
    return None if on_cpu or torch.cuda.is_available() else "no CUDA device"


def supports(model: Model) -> bool:
    """Whether there are kernels for this model."""
    return type(model) in FAMILIES and not getattr(model, "bounded", False) and model.state_dim <= LARGEST_STATE


def interpreted() -> bool:
    """Whether the kernels run through Triton's interpreter."""
    from triton.runtime import JITFunction

    from . import triton_kernels

    return not isinstance(triton_kernels.alrnn_forward, JITFunction)


class TritonGradient:
    """Loss and gradients of an ensemble of AL-RNNs or shallow PLRNNs, `(ensemble, windows, strengths) -> loss (K,)`.

    Worth it for many members: one program advances one tile of up to 16 windows, and a GPU needs hundreds of programs.
    Keeps its buffers between calls of one shape. Raises SpecError for other models, for more than 128 states, and
    where the kernels cannot run.
    """

    def __init__(self) -> None:
        reason = available()
        if reason is not None:
            raise SpecError(
                f"training: backend = triton, but {reason}",
                "a CUDA device with triton installed",
                "set training.backend to auto",
            )
        self._ensemble: Ensemble | None = None
        self._like: tuple[torch.Size, torch.dtype, torch.device] | None = None

    @torch.no_grad()
    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        self._allocate(ensemble, windows)
        kernels, observation = self._kernels, self._observation
        signal = observation.signal(windows)
        observation.initial(windows[0], signal[0], out=self._Z_in[:, 0])
        with torch.cuda.device_of(windows):  # Triton launches on the current device
            kernels.forward(self._Z_in, self._Z_out, signal, strengths)
            loss = observation.loss_and_error(self._Z_out, windows[1:], out=self._error)
            kernels.backward(self._Z_in, self._error, self._delta, self._carry, strengths, signal.shape[-1])
        kernels.accumulate(self._Z_in.flatten(1, 2), self._delta.flatten(1, 2))
        observation.accumulate(windows[0], self._carry)
        return loss

    def _allocate(self, ensemble: Ensemble, windows: Tensor) -> None:
        like = (windows.shape, windows.dtype, windows.device)
        if ensemble is self._ensemble and like == self._like:
            return
        model = ensemble.model
        if type(model) not in FAMILIES:
            raise SpecError(
                f"training: backend = triton with a {type(model).__name__}",
                "one of " + ", ".join(sorted(family.__name__ for family in FAMILIES)),
                "set training.backend to auto",
            )
        if model.state_dim > LARGEST_STATE:
            raise SpecError(
                f"training: backend = triton with {model.state_dim} states",
                f"up to {LARGEST_STATE}",
                "set training.backend to torch, which is limited by matrix products at this size",
            )
        if not windows.is_cuda and not interpreted():
            raise SpecError(
                f"training: backend = triton with data on {windows.device}",
                "data on a CUDA device",
                "set training.backend to auto",
            )
        length, members, batch = windows.shape[0] - 1, windows.shape[1], windows.shape[2]
        # by member first what the matrix products over time and batch read, by time first what the observation reads
        by_member, by_time = (members, length, batch, model.state_dim), (length, members, batch, model.state_dim)
        self._Z_in, self._delta = windows.new_empty(by_member), windows.new_empty(by_member)
        self._Z_out, self._error = windows.new_empty(by_time), windows.new_empty(by_time)
        self._carry = windows.new_empty((members, batch, model.state_dim))
        self._kernels = FAMILIES[type(model)](ensemble, batch, windows.dtype)
        self._observation = OBSERVATION_ADJOINTS[type(cast(PLRNN, model).observation)](ensemble)
        self._ensemble, self._like = ensemble, like


class FamilyKernels(Protocol):
    """The kernels of one model family. z_in and delta are (members, T, batch, states), z_out and error
    (T, members, batch, states), carry (members, batch, states)."""

    def __init__(self, ensemble: Ensemble, batch: int, dtype: torch.dtype) -> None: ...

    def forward(self, z_in: Tensor, z_out: Tensor, signal: Tensor, strengths: Tensor) -> None:
        """From z_in[:, 0], fill z_out and the other z_in."""

    def backward(
        self, z_in: Tensor, error: Tensor, delta: Tensor, carry: Tensor, strengths: Tensor, forced: int
    ) -> None:
        """Fill delta, the gradients at z_out, and carry, the gradient at z_in[:, 0]."""

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        """Fill the parameter gradients from z_in and delta, time and batch as one axis."""


class ALRNNKernels:
    """z' = A z + W max(z, floor) + h."""

    def __init__(self, ensemble: Ensemble, batch: int, dtype: torch.dtype) -> None:
        model = cast(ALRNN, ensemble.model)
        self.parameters, self.grad = ensemble.parameters, ensemble.gradients
        self.floor = model.floor.to(ensemble.flat)
        self.linear, self.members = model.state_dim - model.relu_units, ensemble.members
        self.stride = ensemble.flat.stride(0)
        self.tiling = Tiling.choose(batch, model.state_dim, None, dtype)

    def forward(self, z_in: Tensor, z_out: Tensor, signal: Tensor, strengths: Tensor) -> None:
        from .triton_kernels import alrnn_forward

        p, steps, (batch, states) = self.parameters, z_in.shape[1], z_in.shape[2:]
        alrnn_forward[self.tiling.grid(self.members, batch)](
            p["A"], p["W"], p["h"], z_in, z_out, signal, strengths,
            batch, states, self.linear, signal.shape[-1], self.stride,
            z_in.stride(0), z_in.stride(1), z_out.stride(1), z_out.stride(0), *signal.stride(), *strengths.stride(),
            STEPS=steps, **self.tiling.dense,
        )  # fmt: skip

    def backward(
        self, z_in: Tensor, error: Tensor, delta: Tensor, carry: Tensor, strengths: Tensor, forced: int
    ) -> None:
        from .triton_kernels import alrnn_backward

        p, steps, (batch, states) = self.parameters, z_in.shape[1], z_in.shape[2:]
        alrnn_backward[self.tiling.grid(self.members, batch)](
            p["A"], p["W"], z_in, error, delta, carry, strengths,
            batch, states, self.linear, forced, self.stride,
            z_in.stride(0), z_in.stride(1), error.stride(1), error.stride(0), *strengths.stride(),
            STEPS=steps, **self.tiling.dense,
        )  # fmt: skip

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        phi = torch.maximum(z, self.floor)
        self.grad["W"].copy_(delta.transpose(1, 2) @ phi)
        self.grad["A"].copy_(torch.mul(z, delta, out=phi).sum(1))
        self.grad["h"].copy_(delta.sum(1))


class ShallowPLRNNKernels:
    """z' = A z + W1 r + h1, r = relu(W2 z + h2), minus relu(W2 z) when clipped."""

    def __init__(self, ensemble: Ensemble, batch: int, dtype: torch.dtype) -> None:
        model = cast(ShallowPLRNN, ensemble.model)
        self.parameters, self.grad = ensemble.parameters, ensemble.gradients
        self.hidden, self.clipped, self.members = model.hidden_dim, model.clipped, ensemble.members
        self.stride = ensemble.flat.stride(0)
        self.tiling = Tiling.choose(batch, model.state_dim, model.hidden_dim, dtype)

    def forward(self, z_in: Tensor, z_out: Tensor, signal: Tensor, strengths: Tensor) -> None:
        from .triton_kernels import shallow_forward

        p, steps, (batch, states) = self.parameters, z_in.shape[1], z_in.shape[2:]
        shallow_forward[self.tiling.grid(self.members, batch)](
            p["A"], p["W1"], p["W2"], p["h1"], p["h2"], z_in, z_out, signal, strengths,
            batch, states, signal.shape[-1], self.stride,
            z_in.stride(0), z_in.stride(1), z_out.stride(1), z_out.stride(0), *signal.stride(), *strengths.stride(),
            STEPS=steps, HIDDEN=self.hidden, CLIPPED=self.clipped, **self.tiling.layered,
        )  # fmt: skip

    def backward(
        self, z_in: Tensor, error: Tensor, delta: Tensor, carry: Tensor, strengths: Tensor, forced: int
    ) -> None:
        from .triton_kernels import shallow_backward

        p, steps, (batch, states) = self.parameters, z_in.shape[1], z_in.shape[2:]
        shallow_backward[self.tiling.grid(self.members, batch)](
            p["A"], p["W1"], p["W2"], p["h2"], z_in, error, delta, carry, strengths,
            batch, states, forced, self.stride,
            z_in.stride(0), z_in.stride(1), error.stride(1), error.stride(0), *strengths.stride(),
            STEPS=steps, HIDDEN=self.hidden, CLIPPED=self.clipped, **self.tiling.layered,
        )  # fmt: skip

    def accumulate(self, z: Tensor, delta: Tensor) -> None:
        p, grad = self.parameters, self.grad
        u = torch.bmm(z, p["W2"].transpose(1, 2))
        shifted = u + p["h2"][:, None]
        on, r = shifted > 0, shifted.relu_()
        g = torch.bmm(delta, p["W1"])
        grad["h2"].copy_((g * on).sum(1))
        if self.clipped:
            r.sub_(u.relu())
            g.mul_(on.to(g.dtype) - (u > 0).to(g.dtype))
        else:
            g.mul_(on)
        grad["W1"].copy_(delta.transpose(1, 2) @ r)
        grad["W2"].copy_(g.transpose(1, 2) @ z)
        grad["A"].copy_((z * delta).sum(1))
        grad["h1"].copy_(delta.sum(1))


FAMILIES: dict[type[Model], type[FamilyKernels]] = {ALRNN: ALRNNKernels, ShallowPLRNN: ShallowPLRNNKernels}
