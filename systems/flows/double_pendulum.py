"""Two pendulums, one hanging from the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option

from ..base import SYSTEMS, Published
from ..hamiltonian import Hamiltonian

# With D = m1 + m2 sin^2(angle1 - angle2), the kinetic energy is (A p1^2 + 2 B p1 p2 + C p2^2) / 2 where
# A = 1 / (l1^2 D), B = -cos(angle1 - angle2) / (l1 l2 D), C = (m1 + m2) / (m2 l2^2 D).


def field(x, out, m1, m2, l1, l2, g):
    apart = x[0] - x[1]
    s, c = np.sin(apart), np.cos(apart)
    r = 1.0 / (m1 + m2 * s * s)
    dr = -2.0 * m2 * s * c * r * r
    A, dA = r / (l1 * l1), dr / (l1 * l1)
    B, dB = -c * r / (l1 * l2), (s * r - c * dr) / (l1 * l2)
    ratio = (m1 + m2) / (m2 * l2 * l2)
    C, dC = ratio * r, ratio * dr
    torque = 0.5 * (dA * x[2] * x[2] + 2.0 * dB * x[2] * x[3] + dC * x[3] * x[3])
    out[0] = A * x[2] + B * x[3]
    out[1] = B * x[2] + C * x[3]
    out[2] = -torque - (m1 + m2) * g * l1 * np.sin(x[0])
    out[3] = torque - m2 * g * l2 * np.sin(x[1])


def derivative(x, J, m1, m2, l1, l2, g):
    apart = x[0] - x[1]
    s, c = np.sin(apart), np.cos(apart)
    r = 1.0 / (m1 + m2 * s * s)
    dD, ddD = 2.0 * m2 * s * c, 2.0 * m2 * (c * c - s * s)
    dr = -dD * r * r
    ddr = -ddD * r * r + 2.0 * dD * dD * r * r * r
    A, dA, ddA = r / (l1 * l1), dr / (l1 * l1), ddr / (l1 * l1)
    B, dB = -c * r / (l1 * l2), (s * r - c * dr) / (l1 * l2)
    ddB = (c * r + 2.0 * s * dr - c * ddr) / (l1 * l2)
    ratio = (m1 + m2) / (m2 * l2 * l2)
    C, dC, ddC = ratio * r, ratio * dr, ratio * ddr
    first, second = dA * x[2] + dB * x[3], dB * x[2] + dC * x[3]
    stiffness = 0.5 * (ddA * x[2] * x[2] + 2.0 * ddB * x[2] * x[3] + ddC * x[3] * x[3])
    J[0, 0] = first
    J[0, 1] = -first
    J[0, 2] = A
    J[0, 3] = B
    J[1, 0] = second
    J[1, 1] = -second
    J[1, 2] = B
    J[1, 3] = C
    J[2, 0] = -stiffness - (m1 + m2) * g * l1 * np.cos(x[0])
    J[2, 1] = stiffness
    J[2, 2] = -first
    J[2, 3] = -second
    J[3, 0] = stiffness
    J[3, 1] = -stiffness - m2 * g * l2 * np.cos(x[1])
    J[3, 2] = first
    J[3, 3] = second


@dataclass(frozen=True, eq=False, kw_only=True)
class Pendulums(Hamiltonian):
    """Angles from the downward vertical and their momenta; energy 0 is where both angles are 90 degrees."""

    def energy(self, x: np.ndarray) -> np.ndarray:
        angle1, angle2, p1, p2 = np.moveaxis(np.asarray(x, dtype=float), -1, 0)
        m1, m2, l1, l2, g = self.numbers
        s, c = np.sin(angle1 - angle2), np.cos(angle1 - angle2)
        kinetic = (p1 / l1) ** 2 - 2.0 * c * p1 * p2 / (l1 * l2) + (m1 + m2) / m2 * (p2 / l2) ** 2
        height = (m1 + m2) * l1 * np.cos(angle1) + m2 * l2 * np.cos(angle2)
        return 0.5 * kinetic / (m1 + m2 * s * s) - g * height


@SYSTEMS.register("double_pendulum")
@dataclass(frozen=True)
class DoublePendulum:
    """Point masses m1, m2 on massless rods l1, l2 under gravity g, without friction, both hanging down when the outer
    one gets a kick.

    At the default energy neither rod can turn over, and the angles stay bounded; after stronger kicks they grow.
    """

    m1: float = option(1.0, "inner mass")
    m2: float = option(1.0, "outer mass")
    l1: float = option(1.0, "length of the inner rod")
    l2: float = option(1.0, "length of the outer rod")
    g: float = option(9.81, "gravity")
    kick: float = option(4.2, "angular momentum that the outer rod starts with; sets the energy")

    def __post_init__(self) -> None:
        if min(self.m1, self.m2, self.l1, self.l2, self.g, self.kick) <= 0:
            raise SpecError(
                f"double_pendulum with {asdict(self)}",
                "masses, lengths, gravity and kick above 0",
                "give for example kick=4.2",
            )

    def build(self) -> Pendulums:
        return Pendulums(
            name="double_pendulum",
            time="flow",
            dim=4,
            dt=0.02,
            period=2.86,
            parameters=asdict(self),
            default_state=np.array([0.0, 0.0, 0.0, self.kick]),
            names=("angle1", "angle2", "p1", "p2"),
            reference={"lyapunov_sum": Published(0.0, 0.0, "Liouville's theorem")},
            description="two pendulums, one hanging from the other, without friction",
            citation="T. Shinbrot, C. Grebogi, J. Wisdom, J. A. Yorke, Am. J. Phys. 60, 491 (1992), "
            "doi:10.1119/1.16860",
            field=field,
            derivative=derivative,
            numbers=(self.m1, self.m2, self.l1, self.l2, self.g),
            scale=(0.68, 1.25, 3.76, 2.78),
            max_step=0.0005,
        )
