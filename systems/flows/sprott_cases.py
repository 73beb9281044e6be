"""Sprott's simple chaotic flows, cases B to S, as a table of quadratic vector fields."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass
from itertools import combinations_with_replacement
from typing import ClassVar

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS, Published
from ..equations import Equations

MONOMIALS = tuple("".join(m) for k in (0, 1, 2) for m in combinations_with_replacement("xyz", k))
"""The ten of degree two or less, in the order of the coefficients: "", x, y, z, xx, xy, xz, yy, yz, zz."""


def field(x, out, *c):
    for i in range(3):
        k = 10 * i
        out[i] = (
            c[k]
            + (c[k + 1] + c[k + 4] * x[0] + c[k + 5] * x[1] + c[k + 6] * x[2]) * x[0]
            + (c[k + 2] + c[k + 7] * x[1] + c[k + 8] * x[2]) * x[1]
            + (c[k + 3] + c[k + 9] * x[2]) * x[2]
        )


def derivative(x, J, *c):
    for i in range(3):
        k = 10 * i
        J[i, 0] = c[k + 1] + 2.0 * c[k + 4] * x[0] + c[k + 5] * x[1] + c[k + 6] * x[2]
        J[i, 1] = c[k + 2] + c[k + 5] * x[0] + 2.0 * c[k + 7] * x[1] + c[k + 8] * x[2]
        J[i, 2] = c[k + 3] + c[k + 6] * x[0] + c[k + 8] * x[1] + 2.0 * c[k + 9] * x[2]


PAPER = "J. C. Sprott, Phys. Rev. E 50, R647 (1994), doi:10.1103/PhysRevE.50.R647"

Terms = dict[str, float | str]


@dataclass(frozen=True)
class Case:
    """x', y' and z', each as monomial -> coefficient; a coefficient given by its name is a parameter of the system.

    `largest` is the largest exponent that the paper prints.
    """

    terms: tuple[Terms, Terms, Terms]
    parameters: dict[str, float]
    largest: float


CASES = {
    "b": Case(({"yz": 1}, {"x": 1, "y": -1}, {"": 1, "xy": -1}), {}, 0.210),
    "c": Case(({"yz": 1}, {"x": 1, "y": -1}, {"": 1, "xx": -1}), {}, 0.163),
    "d": Case(({"y": -1}, {"x": 1, "z": 1}, {"xz": 1, "yy": "a"}), {"a": 3.0}, 0.103),
    "e": Case(({"yz": 1}, {"xx": 1, "y": -1}, {"": 1, "x": "a"}), {"a": -4.0}, 0.078),
    "f": Case(({"y": 1, "z": 1}, {"x": -1, "y": "a"}, {"xx": 1, "z": -1}), {"a": 0.5}, 0.117),
    "g": Case(({"x": "a", "z": 1}, {"xz": 1, "y": -1}, {"x": -1, "y": 1}), {"a": 0.4}, 0.034),
    "h": Case(({"y": -1, "zz": 1}, {"x": 1, "y": "a"}, {"x": 1, "z": -1}), {"a": 0.5}, 0.117),
    "i": Case(({"y": "a"}, {"x": 1, "z": 1}, {"x": 1, "yy": 1, "z": -1}), {"a": -0.2}, 0.012),
    "j": Case(({"z": "a"}, {"y": "b", "z": 1}, {"x": -1, "y": 1, "yy": 1}), {"a": 2.0, "b": -2.0}, 0.076),
    "k": Case(({"xy": 1, "z": -1}, {"x": 1, "y": -1}, {"x": 1, "z": "a"}), {"a": 0.3}, 0.038),
    "l": Case(({"y": 1, "z": "a"}, {"xx": "b", "y": -1}, {"": 1, "x": -1}), {"a": 3.9, "b": 0.9}, 0.061),
    "m": Case(({"z": -1}, {"xx": -1, "y": -1}, {"": "a", "x": "a", "y": 1}), {"a": 1.7}, 0.044),
    "n": Case(({"y": "a"}, {"x": 1, "zz": 1}, {"": 1, "y": 1, "z": "a"}), {"a": -2.0}, 0.076),
    "o": Case(({"y": 1}, {"x": 1, "z": -1}, {"x": 1, "xz": 1, "y": "a"}), {"a": 2.7}, 0.049),
    "p": Case(({"y": "a", "z": 1}, {"x": -1, "yy": 1}, {"x": 1, "y": 1}), {"a": 2.7}, 0.087),
    "q": Case(({"z": -1}, {"x": 1, "y": -1}, {"x": "a", "yy": 1, "z": "b"}), {"a": 3.1, "b": 0.5}, 0.109),
    "r": Case(({"": "a", "y": -1}, {"": "b", "z": 1}, {"xy": 1, "z": -1}), {"a": 0.9, "b": 0.4}, 0.062),
    "s": Case(({"x": -1, "y": "a"}, {"x": 1, "zz": 1}, {"": 1, "x": 1}), {"a": -4.0}, 0.188),
}

# Dominant period in the spectrum of x, standard deviations, and a state on the attractor: from runs of 30,000 rows.
MEASURED = {
    "b": (7.6, (1.32, 1.0, 1.34), (-0.11, -0.05, 2.6)),
    "c": (15, (1.0, 0.84, 1.4), (0.37, 0.04, 0.33)),
    "d": (4.84, (0.95, 0.77, 0.82), (-0.28, 0.03, 0.72)),
    "e": (4.64, (0.56, 0.41, 2.23), (1.26, 0.9, 1.57)),
    "f": (19.6, (0.84, 1.06, 0.96), (-0.17, -0.37, 0.02)),
    "g": (5.84, (0.91, 0.64, 0.93), (-2.2, -1.29, 1.9)),
    "h": (5.23, (1.16, 1.26, 0.84), (0.39, 2.67, 0.88)),
    "i": (10.98, (0.17, 0.47, 0.17), (-0.25, 0.69, 0.25)),
    "j": (4.84, (8.72, 2.24, 5.49), (9.38, -2.15, -9.95)),
    "k": (7.03, (0.97, 0.7, 1.03), (0.83, 0.4, 0.08)),
    "l": (3.38, (4.38, 7.12, 2.87), (6.83, 23.0, -5.53)),
    "m": (10.71, (1.38, 1.28, 1.5), (-0.27, -1.23, -1.87)),
    "n": (4.84, (8.72, 5.5, 2.24), (-9.67, 5.77, 3.01)),
    "o": (4.89, (0.28, 0.34, 0.71), (-0.49, -0.36, -0.94)),
    "p": (5.11, (0.54, 0.4, 0.59), (0.05, -0.08, 0.18)),
    "q": (3.69, (2.25, 1.41, 3.33), (-5.54, -2.9, -2.42)),
    "r": (7.03, (2.06, 1.95, 2.54), (-0.11, 1.03, 0.89)),
    "s": (3.31, (1.43, 0.8, 0.84), (-1.0, 0.71, 1.16)),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Quadratic(Equations):
    """A flow whose attractor lies close to the edge of its basin."""

    perturbation: float = 0.01


@dataclass(frozen=True)
class SprottFlow:
    """One of Sprott's chaotic flows with five or six terms, of which one or two are quadratic; small basins."""

    letter: ClassVar[str]

    def build(self) -> Quadratic:
        case = CASES[self.letter]
        period, scale, start = MEASURED[self.letter]
        chosen = {f.name: getattr(self, f.name) for f in fields(self)}
        numbers = (chosen.get(str(t.get(m, 0)), t.get(m, 0)) for t in case.terms for m in MONOMIALS)
        published = {"largest_lyapunov_exponent": Published(case.largest, 1e-3, PAPER)}
        return Quadratic(
            name=f"sprott_{self.letter}",
            time="flow",
            dim=3,
            dt=period / 100,
            period=period,
            parameters=chosen,
            default_state=np.array(start),
            names=("x", "y", "z"),
            description=f"case {self.letter.upper()} of the algebraically simple chaotic flows",
            citation=PAPER,
            reference=published if chosen == case.parameters else {},
            field=field,
            derivative=derivative,
            numbers=tuple(float(number) for number in numbers),
            scale=scale,
            max_step=0.01,
        )


for _letter, _case in CASES.items():
    SYSTEMS.register(f"sprott_{_letter}")(
        make_dataclass(
            f"Sprott{_letter.upper()}",
            [(k, float, option(v, f"coefficient {k} of the case")) for k, v in _case.parameters.items()],
            bases=(SprottFlow,),
            namespace={"letter": _letter, "__doc__": SprottFlow.__doc__},
            frozen=True,
        )
    )
