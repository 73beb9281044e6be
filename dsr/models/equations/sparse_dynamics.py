"""Sparse regression of dynamics: a differential equation of few polynomial terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError, unknown
from ...registry import option
from ..base import Model
from ..closed_loop import choose_in_closed_loop, hold_out
from ..continuous.runge_kutta import rk4
from ..observed import ObservedModel
from ..orbits import Orbit, compiled_orbit
from ..plrnn import require
from ..polynomials import (
    evaluate,
    evaluate_jvp,
    flow_loop,
    monomials,
    number_of_terms,
    recursion,
    require_library,
    require_memory,
    term_names,
)
from ..registry import MODELS, ModelConfig, Range
from ..states import require_width
from .regression import DERIVATIVES, SparsePath, equations, rows_lost

THRESHOLDS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4)
WINDOWS = (64, 32, 16, 8)  # the widest average noise best


class SparseDynamics(ObservedModel):
    """dx/dt = sum of few monomials of x, in the units of the data; a step integrates it over dt (Runge-Kutta 4).

    `equations_text` prints the equation. Without `threshold` or `window` they are chosen in closed loop on the last
    fifth of the training data, with the degree up to `degree`, the sparsest first; the equation is then solved for
    again on all.

    It misleads where the observed columns are no complete state, or the field is no polynomial: it then finds dense
    equations that fit and may diverge in free run. Nothing is random.

    Sources: Brunton, Proctor, Kutz, PNAS 113, 3932 (2016), doi:10.1073/pnas.1517384113; weak form: Messenger, Bortz,
    Multiscale Model. Simul. 19, 1474 (2021), doi:10.1137/20M1343166.
    """

    time = "flow"
    closed_form = True
    factors: Tensor

    def __init__(
        self,
        obs_dim: int,
        degree: int = 3,
        derivative: str = "weak",
        window: int | None = None,
        threshold: float | None = None,
        substeps: int = 4,
        seed: int = 0,
    ) -> None:
        require(degree >= 1, f"degree = {degree}", "1 or more")
        require(substeps >= 1, f"substeps = {substeps}", "1 or more")
        require(window is None or window >= 3, f"window = {window}", "3 or more, or none to choose it in closed loop")
        require(threshold is None or threshold >= 0, f"threshold = {threshold}", "0 or more, or none to choose it")
        if derivative not in DERIVATIVES:
            raise unknown("derivative", derivative, DERIVATIVES)
        require_library(obs_dim, degree)
        super().__init__(obs_dim, obs_dim)
        self.degree, self.derivative, self.window = degree, derivative, window
        self.threshold, self.substeps = threshold, substeps
        factors = monomials(obs_dim, degree)
        self.register_buffer("factors", torch.from_numpy(factors), persistent=False)
        self.coefficients = nn.Parameter(torch.zeros((obs_dim, len(factors)), dtype=torch.float64), requires_grad=False)

    def field(self, z: Tensor) -> Tensor:
        """dz/dt in standardised units, (..., state) -> (..., state)."""
        require_width(z, self.state_dim)
        x = self.data_mean + self.data_std * z
        return evaluate(self.factors, x) @ self.coefficients.T / self.data_std

    def field_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        """Derivative of `field` along tangent vectors, (batch, state), (batch, state, k) -> (batch, state, k)."""
        x, moved = self.data_mean + self.data_std * z, self.data_std[:, None] * v
        return self.coefficients @ evaluate_jvp(self.factors, x, moved) / self.data_std[:, None]

    def step(self, z: Tensor) -> Tensor:
        return self.flow(z, self.dt)

    def flow(self, z: Tensor, duration: Tensor) -> Tensor:
        return rk4(self.field, z, duration, self.substeps)

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        h = self.dt / self.substeps
        for _ in range(self.substeps):
            k1, d1 = self.field(z), self.field_jvp(z, v)
            k2, d2 = self.field(z + 0.5 * h * k1), self.field_jvp(z + 0.5 * h * k1, v + 0.5 * h * d1)
            k3, d3 = self.field(z + 0.5 * h * k2), self.field_jvp(z + 0.5 * h * k2, v + 0.5 * h * d2)
            k4, d4 = self.field(z + h * k3), self.field_jvp(z + h * k3, v + h * d3)
            z = z + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            v = v + h / 6.0 * (d1 + 2.0 * d2 + 2.0 * d3 + d4)
        return v

    def jacobian(self, z: Tensor) -> Tensor:
        return self.jvp(z, torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1))

    def compiled_orbit(self) -> Orbit | None:
        parent, variable = map(torch.from_numpy, recursion(self.factors.numpy()))
        h = float(self.dt) / self.substeps
        weights = self.coefficients.T, self.data_mean, self.data_std
        return compiled_orbit(flow_loop, self.state_dim, parent, variable, *weights, h, self.substeps)

    def equations_text(self, names: Sequence[str] | None = None, digits: int = 4) -> list[str]:
        """The equation of each column, in the units of the data: "dx/dt = -10 x + 10 y". `names` defaults to x1, x2,
        ..."""
        names = names or [f"x{i + 1}" for i in range(self.obs_dim)]
        if len(names) != self.obs_dim:
            raise DataError(f"{len(names)} names", f"one for each of {self.obs_dim} columns", "pass series.names")
        terms = term_names(self.factors.numpy(), names)
        return [
            f"d{name}/dt = {_sum_text(row, terms, digits)}"
            for name, row in zip(names, self.coefficients.tolist(), strict=True)
        ]

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories that are too short, or too many terms for memory."""
        windows = (0,) if self.derivative == "finite_difference" else (self.window,) if self.window else WINDOWS
        thresholds = THRESHOLDS if self.threshold is None else (self.threshold,)
        # the lowest degrees first: on a thin attractor the library of a higher one is nearly collinear
        degrees = range(min(2, self.degree), self.degree + 1) if self.threshold is None else (self.degree,)
        chosen = (thresholds[0], degrees[0], windows[0])
        if len(windows) * len(thresholds) > 1:
            shorter, held_out = hold_out(segments, self.min_context)
            longest = max(map(len, shorter))
            fitting = [w for w in windows if 4 * rows_lost(self.derivative, w) < longest]
            paths = {w: self._path(shorter, w) for w in fitting or windows[:1]}
            candidates = list(product(thresholds, degrees, paths))
            chosen = choose_in_closed_loop(self, candidates, lambda c: self._set(paths[c[2]], *c[:2]), held_out)
        self._set(self._path(segments, chosen[2]), *chosen[:2])

    def _set(self, path: SparsePath, threshold: float, degree: int) -> None:
        terms = number_of_terms(self.obs_dim, degree)
        self.coefficients.copy_(torch.from_numpy(path(threshold, terms).T))

    def _path(self, segments: Sequence[np.ndarray], window: int) -> SparsePath:
        need = 2 * rows_lost(self.derivative, window) + 1
        usable = [s for s in segments if len(s) >= need]
        if not usable:
            raise DataError(
                f"trajectories of at most {max(map(len, segments))} rows",
                f"{need} or more for the derivative '{self.derivative}'",
                "bring a longer series, or set a smaller window",
            )
        require_memory(sum(map(len, usable)), len(self.factors))
        pairs = []
        for s in usable:
            x = self.data_mean + self.data_std * torch.from_numpy(s)
            phi = evaluate(self.factors, x).numpy()
            pairs.append(equations(x.numpy(), phi, float(self.dt), self.derivative, window))
        return SparsePath(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))


def _sum_text(row: Sequence[float], terms: Sequence[str], digits: int) -> str:
    text = ""
    for value, term in zip(row, terms, strict=True):
        if value:
            sign = (" - " if value < 0 else " + ") if text else ("-" if value < 0 else "")
            number = f"{abs(value):.{digits}g}"
            text += sign + (number if term == "1" else f"{number} {term}")
    return text or "0"


@MODELS.register("sindy")
@dataclass(frozen=True)
class SparseDynamicsConfig(ModelConfig):
    """Sparse regression of dynamics (SINDy): a differential equation of few polynomial terms."""

    family: ClassVar[type[Model]] = SparseDynamics
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "dx/dt = C phi(x), phi = all monomials up to the degree, most of C zero"
    symbols: ClassVar[Mapping[str, str]] = {
        "coefficients": "C, of each monomial in each equation, in the units of the data (N, F)",
    }
    when_to_use: ClassVar[str] = "all state variables observed, smooth dynamics, and an equation to read is wanted"
    references: ClassVar[tuple[str, ...]] = (
        "Brunton, Proctor, Kutz, PNAS 113, 3932 (2016), doi:10.1073/pnas.1517384113",
        "Messenger, Bortz, Multiscale Model. Simul. 19, 1474 (2021), doi:10.1137/20M1343166",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = {
        "degree": Range(choices=(2, 3, 4)),
        "window": Range(choices=WINDOWS),
        "threshold": Range(1e-3, 0.3, log=True),
    }

    degree: int = option(3, "highest degree of the monomials")
    derivative: str = option("weak", "weak (averaged with smooth bumps), finite_difference or savitzky_golay")
    window: int | None = option(None, "half-width in rows of the bump or filter; none chooses it in closed loop")
    threshold: float | None = option(None, "smallest share of a term in the derivative; none chooses it in closed loop")
    substeps: int = option(4, "Runge-Kutta steps per row")
