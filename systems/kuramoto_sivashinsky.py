"""Kuramoto-Sivashinsky equation on a ring, by exponential time differencing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.registry import option
from dsr.tangent import TangentSteps

from .base import SYSTEMS, Published, System
from .integration.integrate import compiled

MAX_STEP = 0.125
CONTOUR = 32  # points of the circle on which the coefficients are averaged


@dataclass(frozen=True, eq=False, kw_only=True)
class Ring(System):
    """u_t = -u u_x - u_xx - u_xxxx on `dim` equidistant points of a ring.

    The scheme is ETDRK4 with the spatial operators as real matrices on the points: a field of real numbers stays one,
    whereas complex coefficients let rounding errors outside the real fields grow until the run is lost. At the steps in
    use the error falls with the third power of the step (2e-5 after 2 units of time at 1/8).

    Source: Kassam, Trefethen, SIAM J. Sci. Comput. 26, 1214 (2005), doi:10.1137/S1064827502410633.
    """

    length: float

    def _operators(self) -> tuple[np.ndarray, np.ndarray]:
        """Symbols of the linear part and of -1/2 d/dx, (dim // 2 + 1,)."""
        q = 2 * np.pi / self.length * np.arange(self.dim // 2 + 1)
        slope = -0.5j * q
        if self.dim % 2 == 0:
            slope[-1] = 0.0  # the derivative of the highest mode is not on the points
        return q**2 - q**4, slope

    def _matrix(self, symbol: np.ndarray) -> np.ndarray:
        return np.fft.irfft(symbol[:, None] * np.fft.rfft(np.eye(self.dim), axis=0), self.dim, axis=0)

    def rhs(self, x: np.ndarray) -> np.ndarray:
        linear, slope = map(self._matrix, self._operators())
        return x @ linear.T + (x * x) @ slope.T

    def step(self, x: np.ndarray) -> np.ndarray:
        raise self._wrong_kind("step", "rhs")

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        linear, slope = map(self._matrix, self._operators())
        return linear + 2 * slope * np.asarray(x)[..., None, :]

    def state_scale(self) -> np.ndarray:
        return np.full(self.dim, 1.17)

    def _scheme(self, dt: float) -> tuple[int, tuple[np.ndarray, ...]]:
        """Number of substeps, and the matrices E, E2, Q, F1, F2, F3 of one; the last four include -1/2 d/dx."""
        substeps = max(1, int(np.ceil(dt / MAX_STEP - 1e-9)))
        h, (linear, slope) = dt / substeps, self._operators()
        z = h * linear[:, None] + np.exp(1j * np.pi * (np.arange(CONTOUR) + 0.5) / CONTOUR)

        def average(f: np.ndarray) -> np.ndarray:
            return h * f.mean(axis=1).real

        symbols = (
            np.exp(h * linear),
            np.exp(h * linear / 2),
            slope * average((np.exp(z / 2) - 1) / z),
            slope * average((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3),
            slope * average((2 + z + np.exp(z) * (z - 2)) / z**3),
            slope * average((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3),
        )
        return substeps, tuple(np.ascontiguousarray(self._matrix(s)) for s in symbols)

    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """As in `System`; Q is advanced by the exact derivative of the step that `simulate` makes."""
        dt = self._sampling_step(dt)
        substeps, matrices = self._scheme(dt)

        def advance(x: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            x, Q = np.asarray(x, dtype=float)[..., None], np.asarray(Q, dtype=float)
            for _ in range(substeps):
                x, Q = _tangent_step(matrices, x, Q)
            if not np.isfinite(x).all():
                raise self._escaped(dt)
            return x[..., 0], Q

        return TangentSteps(advance, "analytic Jacobian")

    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        substeps, matrices = self._scheme(dt)
        orbit, failed = compiled(ring_orbit)(*matrices, np.ascontiguousarray(start), rows, substeps)
        if failed >= 0:
            raise self._escaped(began + failed * dt / substeps)
        return orbit

    def _start(self, rng: np.random.Generator, transient: float) -> tuple[np.ndarray, float]:
        state, began = super()._start(rng, transient)
        return state - state.mean(), began  # the same motion, seen from a frame that moves along

    def _provenance(self) -> dict[str, Any]:
        return {"integrator": "ETDRK4", "max_step": MAX_STEP}


def _tangent_step(matrices: tuple[np.ndarray, ...], u: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """u (..., dim, 1) and tangent vectors w (..., dim, k) after one step."""
    E, E2, Q, F1, F2, F3 = matrices
    a, da = E2 @ u + Q @ (u * u), E2 @ w + Q @ (2 * u * w)
    b, db = E2 @ u + Q @ (a * a), E2 @ w + Q @ (2 * a * da)
    c, dc = E2 @ a + Q @ (2 * b * b - u * u), E2 @ da + Q @ (4 * b * db - 2 * u * w)
    moved = E @ u + F1 @ (u * u) + 2 * (F2 @ (a * a + b * b)) + F3 @ (c * c)
    return moved, E @ w + F1 @ (2 * u * w) + 4 * (F2 @ (a * da + b * db)) + 2 * (F3 @ (c * dc))


def ring_orbit(E, E2, Q, F1, F2, F3, start, rows, substeps):
    """States (rows, dim), the first being `start`, and the substep at which the run was lost (-1: none)."""
    orbit = np.empty((rows, start.shape[0]))
    orbit[0] = start
    u = start
    for row in range(1, rows):
        for substep in range(substeps):
            s, half = u * u, E2 @ u
            a = half + Q @ s
            sa = a * a
            b = half + Q @ sa
            sb = b * b
            c = E2 @ a + Q @ (2.0 * sb - s)
            u = E @ u + F1 @ s + 2.0 * (F2 @ (sa + sb)) + F3 @ (c * c)
            if not np.isfinite(u.sum()):
                return orbit, (row - 1) * substeps + substep + 1
        orbit[row] = u
    return orbit, -1


REFERENCE = {
    "largest_lyapunov_exponent": Published(
        0.048, np.nan, "P. Cvitanovic, R. L. Davidchack, E. Siminos, SIAM J. Appl. Dyn. Syst. 9, 1 (2010), "
        "doi:10.1137/070705623",
    ),
}  # fmt: skip


REMARK = (
    "the mean is conserved: one zero exponent and one unit of the Kaplan-Yorke dimension belong to it; "
    "the field itself, of mean 0, has a dimension lower by 1"
)


@SYSTEMS.register("kuramoto_sivashinsky")
@dataclass(frozen=True)
class KuramotoSivashinsky:
    """u_t = -u u_x - u_xx - u_xxxx with period `length`; the mean of u is conserved and set to 0.

    Tangent vectors may have another mean: one of the three zero exponents, and one unit of the Kaplan-Yorke dimension,
    belong to it. Spectra over the length: R. A. Edson et al., ANZIAM J. 61, 270 (2019), arXiv:1902.09651.
    """

    length: float = option(22.0, "length of the ring; chaotic from about 18 on")
    dim: int = option(64, "number of points; three per unit of length resolve the field")

    def __post_init__(self) -> None:
        if not (0 < self.length < np.inf) or self.dim < 8 or self.dim < 1.5 * self.length:
            raise SpecError(
                f"kuramoto_sivashinsky with length = {self.length} and dim = {self.dim}",
                "a positive length, and at least 8 points and 1.5 per unit of length",
                f"give for example dim={max(16, round(3 * max(self.length, 1)))}",
            )

    def build(self) -> Ring:
        place = 2 * np.pi * np.arange(self.dim) / self.dim
        return Ring(
            name="kuramoto_sivashinsky",
            time="flow",
            dim=self.dim,
            dt=0.25,
            period=10.0,
            parameters=asdict(self),
            default_state=np.cos(place) + 0.1 * np.sin(2 * place),
            names=tuple(f"u{i + 1}" for i in range(self.dim)),
            reference=REFERENCE if self.length == 22.0 else {},
            description="flame fronts and thin films: a chaotic field on a ring",
            remark=REMARK,
            citation="Y. Kuramoto, T. Tsuzuki, Prog. Theor. Phys. 55, 356 (1976), doi:10.1143/PTP.55.356",
            length=self.length,
        )
