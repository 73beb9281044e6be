"""Kuramoto's oscillators, a finite number of them, coupled all to all."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS
from ..phases import Rotating


def field(x, out, coupling):
    n = x.shape[0]
    real, imaginary = 0.0 * x[0], 0.0 * x[0]
    for i in range(n):
        real = real + np.cos(x[i]) / n
        imaginary = imaginary + np.sin(x[i]) / n
    for i in range(n):
        natural = (2.0 * i + 1.0) / n - 1.0
        out[i] = natural + coupling * (imaginary * np.cos(x[i]) - real * np.sin(x[i]))


def derivative(x, J, coupling):
    n = x.shape[0]
    for i in range(n):
        total = 0.0 * x[0]
        for j in range(n):
            if j != i:
                J[i, j] = coupling / n * np.cos(x[j] - x[i])
                total = total + J[i, j]
        J[i, i] = -total


@SYSTEMS.register("kuramoto")
@dataclass(frozen=True)
class Kuramoto:
    """angle_i' = w_i + coupling / n sum_j sin(angle_j - angle_i), natural frequencies w_i equally spaced in [-1, 1].

    For four oscillators and more the phases are chaotic below the onset of synchrony (phase chaos), with exponents that
    shrink with the number of oscillators. Two exponents are 0: of the flow, and of a common shift of all phases.
    """

    oscillators: int = option(10, "number of oscillators, 4 or more")
    coupling: float = option(1.2, "strength of the coupling; all frequencies lock from about 1.27 on")

    def __post_init__(self) -> None:
        if self.oscillators < 4:
            raise SpecError(
                f"kuramoto with oscillators = {self.oscillators}",
                "4 oscillators or more: fewer are never chaotic",
                "give for example oscillators=10",
            )

    def build(self) -> Rotating:
        n = self.oscillators
        return Rotating(
            name="kuramoto",
            time="flow",
            dim=n,
            dt=0.25,
            period=9.6,
            parameters=asdict(self),
            default_state=2 * np.pi * (np.arange(n) * 0.618 % 1.0),
            names=tuple(f"angle{i}" for i in range(1, n + 1)),
            description="oscillators of different frequency below the onset of synchrony: chaos of phases",
            citation="O. V. Popovych, Y. L. Maistrenko, P. A. Tass, Phys. Rev. E 71, 065201 (2005), "
            "doi:10.1103/PhysRevE.71.065201",
            field=field,
            derivative=derivative,
            numbers=(self.coupling,),
            scale=(1.8,) * n,
            max_step=0.05,
            angles=tuple(range(n)),
        )
