"""Integration of autonomous vector fields in torch: the classical fixed-step rule, and torchdiffeq on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

VectorField = Callable[[Tensor], Tensor]

FIXED = {"euler": "euler", "midpoint": "midpoint", "rk4_38": "rk4"}  # what torchdiffeq calls rk4 is the 3/8 rule
ADAPTIVE = ("bosh3", "dopri5", "dopri8")
SOLVERS = ("rk4", *FIXED, *ADAPTIVE)


def rk4(field: VectorField, z: Tensor, duration: Tensor | float, substeps: int) -> Tensor:
    """State after `duration` by the classical fourth-order rule in equal substeps, same shape as z.

    `duration` broadcasts against z. Nothing but sums and calls of `field`, so it passes through vmap, jvp and export;
    the derivative of the result is that of this very map.
    """
    h = duration / substeps
    for _ in range(substeps):
        k1 = field(z)
        k2 = field(z + 0.5 * h * k1)
        k3 = field(z + 0.5 * h * k2)
        k4 = field(z + h * k3)
        z = z + h / 6 * (k1 + 2 * (k2 + k3) + k4)
    return z


def torchdiffeq_solution(
    field: nn.Module, z: Tensor, duration: Tensor | float, substeps: int, solver: str, tolerance: float, adjoint: bool
) -> Tensor:
    """State after `duration` by a solver of torchdiffeq, same arguments as `rk4`.

    solver : a name of `SOLVERS` but "rk4". Fixed-step ones take `substeps` steps; adaptive ones keep the relative and
    absolute error of a step under `tolerance`, with one step size for the whole batch. adjoint : gradients by
    integrating the adjoint equation backwards in place of backpropagation: less memory, several times slower, and
    gradients that are only as exact as the tolerance.
    """
    import torchdiffeq

    timed = _Timed(field, duration)
    # all rows run over the unit interval, each at its own speed: rows of one batch may have different durations
    span = torch.linspace(0.0, 1.0, 2, dtype=torch.float64, device=z.device)
    how: dict[str, Any] = {"rtol": tolerance, "atol": tolerance}
    if solver in FIXED:
        how = {"options": {"step_size": 1.0 / substeps}}
    if adjoint:
        how["adjoint_params"] = tuple(timed.values.values())
    solve = torchdiffeq.odeint_adjoint if adjoint else torchdiffeq.odeint
    return solve(timed, z, span, method=FIXED.get(solver, solver), **how)[-1]


class _Timed(nn.Module):
    """A field with the time argument that torchdiffeq passes.

    It keeps the values that the parameters have now: the adjoint equation is solved later, when those of a functional
    call are no longer in place.
    """

    def __init__(self, field: nn.Module, duration: Tensor | float) -> None:
        super().__init__()
        self.field, self.duration = field, duration
        self.values: dict[str, Tensor] = dict(field.named_parameters())

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        return self.duration * torch.func.functional_call(self.field, self.values, (z,))
