"""`Hamiltonian`: a conservative flow, kept on the energy surface of its default state."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from .equations import Equations


@dataclass(frozen=True, eq=False, kw_only=True)
class Hamiltonian(Equations):
    """A flow with coordinates (positions, momenta) that conserves an energy quadratic in the momenta.

    A random start is put back onto the default state's energy surface: another energy is another system. The
    Runge-Kutta steps do not conserve the energy exactly; `max_step` is small enough for a relative drift below 1e-8
    in 1000 periods. Tangent vectors may leave the surface, so one of the two zero exponents and one unit of the
    Kaplan-Yorke dimension belong to the energy.
    """

    remark: str = (
        "energy is conserved: the Kaplan-Yorke dimension counts all coordinates, orbits stay on a surface of one "
        "dimension less"
    )

    @abstractmethod
    def energy(self, x: np.ndarray) -> np.ndarray:
        """Energy (...) of states (..., dim)."""

    def _admitted(self, state: np.ndarray) -> np.ndarray:
        half = self.dim // 2
        at_rest = np.where(np.arange(self.dim) < half, state, 0.0)
        kinetic = self.energy(state) - self.energy(at_rest)
        wanted = self.energy(self.default_state) - self.energy(at_rest)
        factor = np.where(np.arange(self.dim) < half, 1.0, np.sqrt(max(wanted, 0.0) / kinetic))
        return state * factor
