"""Next-generation reservoir: a polynomial map of a few delayed rows, solved by least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError
from ...registry import option
from ..base import Model
from ..closed_loop import solve_with_ridge
from ..delay import DelayModel
from ..orbits import Orbit, compiled_orbit
from ..plrnn import require
from ..polynomials import evaluate, evaluate_jvp, map_loop, monomials, recursion, require_library, require_memory
from ..registry import MODELS, ModelConfig, Range
from ..ridge import Ridge


class NextGenerationReservoir(DelayModel):
    """x' = x + W phi(x_t, x_{t-s}, ..., x_{t-(k-1)s}), phi the constant and all monomials up to `degree`.

    The matrix of the monomials is close to singular on finely sampled data (condition number 1e16), and nearly all
    of the forecast's quality lies in its small singular values: it is solved by its singular value decomposition in
    double precision, never by normal equations. `ridge` is the weight of |W|^2 against the mean squared error; None
    chooses it in closed loop on the last fifth of the training data, then solves on all.

    condition_number : largest over smallest singular value of the matrix solved last; 0 before. used_ridge : likewise.

    It misleads where the dynamics are no polynomial: basins and far-off regions then follow the library (Zhang,
    Cornelius, Phys. Rev. Research 5, 033213, 2023, doi:10.1103/PhysRevResearch.5.033213). With more than one lag, the
    exponents beyond the first `obs_dim` are those of the delays. Nothing is random.

    Source: Gauthier, Bollt, Griffith, Barbosa, Nat. Commun. 12, 5564 (2021), doi:10.1038/s41467-021-25801-2.
    """

    closed_form = True
    condition_number: Tensor
    used_ridge: Tensor
    factors: Tensor

    def __init__(
        self,
        obs_dim: int,
        degree: int = 3,
        lags: int = 2,
        stride: int = 1,
        ridge: float | None = None,
        seed: int = 0,
    ) -> None:
        require(degree >= 1, f"degree = {degree}", "1 or more")
        require(ridge is None or ridge >= 0, f"ridge = {ridge}", "0 or more, or none to choose it in closed loop")
        super().__init__(obs_dim, lags, stride)
        require_library(lags * obs_dim, degree)
        self.degree, self.ridge = degree, ridge
        factors = monomials(lags * obs_dim, degree)
        self.register_buffer("factors", torch.from_numpy(factors), persistent=False)
        self.register_buffer("condition_number", torch.zeros((), dtype=torch.float64))
        self.register_buffer("used_ridge", torch.zeros((), dtype=torch.float64))
        # double precision: single precision would throw away what the small singular values say
        self.W = nn.Parameter(torch.zeros((obs_dim, len(factors)), dtype=torch.float64), requires_grad=False)

    def predict(self, z: Tensor) -> Tensor:
        return z[..., : self.obs_dim] + evaluate(self.factors, z[..., self.columns]) @ self.W.T

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        moved = evaluate_jvp(self.factors, z[..., self.columns], v[..., self.columns, :])
        return v[..., : self.obs_dim, :] + self.W @ moved

    def compiled_orbit(self) -> Orbit | None:
        parent, variable = map(torch.from_numpy, recursion(self.factors.numpy()))
        return compiled_orbit(map_loop, self.state_dim, parent, variable, self.W.T, self.columns, 1.0)

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories that are too short, or too many terms for memory."""
        solver, ridge = solve_with_ridge(self, self.W, self.ridge, self._solver, segments)
        self.condition_number.fill_(solver.condition_number)
        self.used_ridge.fill_(ridge)

    def _solver(self, segments: Sequence[np.ndarray]) -> Ridge:
        rows = sum(max(0, len(s) - self.rows) for s in segments)
        if rows < 1:
            raise DataError(
                f"trajectories of at most {max(len(s) for s in segments)} rows",
                f"more than the {self.rows} rows that {self.lags} lags of {self.stride} take",
                "bring a longer series, or lower lags or stride",
            )
        require_memory(rows, len(self.factors))
        features, change = [], []
        for y in map(torch.from_numpy, segments):
            windows = self.windows(y[None])[0, self.rows - 1 : -1]
            features.append(evaluate(self.factors, windows[:, self.columns]).numpy())
            change.append((y[self.rows :] - y[self.rows - 1 : -1]).numpy())
        return Ridge(np.concatenate(features), np.concatenate(change))


@MODELS.register("ngrc")
@dataclass(frozen=True)
class NextGenerationReservoirConfig(ModelConfig):
    """Next-generation reservoir: a polynomial of a few delayed rows, solved in closed form."""

    family: ClassVar[type[Model]] = NextGenerationReservoir
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = x + W phi(x_t, x_{t-s}, ..., x_{t-(k-1)s}), phi = all monomials up to the degree"
    symbols: ClassVar[Mapping[str, str]] = {
        "W": "weights of the monomials (N, F): constant, linear, quadratic, ...",
        "condition_number": "of the matrix of monomials that was solved; 0 before",
        "used_ridge": "ridge that was given or chosen; 0 before",
    }
    when_to_use: ClassVar[str] = (
        "few columns and smooth (above all polynomial) dynamics: unmatched on clean data, and solved in a second; "
        "with noise, spread more lags (lags = 4, stride = 3)"
    )
    references: ClassVar[tuple[str, ...]] = (
        "Gauthier, Bollt, Griffith, Barbosa, Nat. Commun. 12, 5564 (2021), doi:10.1038/s41467-021-25801-2",
        "Zhang, Cornelius, Phys. Rev. Research 5, 033213 (2023), doi:10.1103/PhysRevResearch.5.033213",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = {
        "degree": Range(choices=(2, 3, 4)),
        "lags": Range(choices=(1, 2, 3, 4)),
        "stride": Range(choices=(1, 3, 5, 10)),
    }

    degree: int = option(3, "highest degree of the monomials")
    lags: int = option(2, "number of rows k the monomials are made of")
    stride: int = option(1, "rows s between them")
    ridge: float | None = option(None, "weight of |W|^2; none chooses it in closed loop on the last fifth of the data")
