"""Dynamic mode decomposition: the best linear map, of the observation or of a dictionary of its monomials."""

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


class DynamicModes(DelayModel):
    """Exact dynamic mode decomposition: x' = A x, A = X' V S^-1 U^T from the truncated decomposition X = U S V^T.

    x is standardised, so modes swing about the mean of the data. rank : singular values that are kept; None keeps
    those above rounding. The map is linear: every mode decays, rings or blows up, and a lambda_1 > 0 is growth
    without bound, not chaos. Nothing is random.

    Source: Tu, Rowley, Luchtenburg, Brunton, Kutz, J. Comput. Dyn. 1, 391 (2014), doi:10.3934/jcd.2014.1.391.
    """

    closed_form = True

    def __init__(self, obs_dim: int, rank: int | None = None, seed: int = 0) -> None:
        require(rank is None or 1 <= rank <= obs_dim, f"rank = {rank}", f"1 to the {obs_dim} columns, or none for all")
        super().__init__(obs_dim, 1)
        self.rank = rank
        self.A = nn.Parameter(torch.zeros((obs_dim, obs_dim), dtype=torch.float64), requires_grad=False)

    def predict(self, z: Tensor) -> Tensor:
        return z @ self.A.T

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        return self.A @ v

    def eigenvalues(self) -> np.ndarray:
        """Per step, largest modulus first, complex (obs,); zero for directions beyond the rank."""
        return _sorted_eigen(self.A)[0]

    def modes(self) -> np.ndarray:
        """Eigenvectors of A in data units about the mean, complex (obs, obs), one column per eigenvalue."""
        return self.data_std.numpy()[:, None] * _sorted_eigen(self.A)[1]

    def compiled_orbit(self) -> Orbit | None:
        parent, variable = map(torch.from_numpy, recursion(monomials(self.obs_dim, 1)))
        weights = torch.cat([self.A.new_zeros((1, self.obs_dim)), self.A.T])
        return compiled_orbit(map_loop, self.state_dim, parent, variable, weights, self.columns, 0.0)

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` when no trajectory has two rows."""
        now, after = _pairs(segments)
        left, singular, right = np.linalg.svd(now.T, full_matrices=False)
        rounding = np.finfo(np.float64).eps * max(now.shape) * singular[0]
        kept = int((singular > rounding).sum()) if self.rank is None else self.rank
        A = after.T @ right[:kept].T / singular[:kept] @ left[:, :kept].T
        self.A.copy_(torch.from_numpy(A))


class ExtendedDynamicModes(DelayModel):
    """x' = C K psi(x): psi are all monomials up to `degree`, K is the least-squares linear map of psi(x) to psi(x'),
    and C reads x off psi(x').

    The state is lifted anew at every step, so the model is a polynomial map and may be chaotic. Iterating K alone
    would be a linear system of as many dimensions as the dictionary, of which a lambda_1 > 0 says that it blows up
    and nothing of chaos; its eigenvalues are given by `eigenvalues`. `ridge` is the weight of |K|^2 against the mean
    squared error; None chooses it in closed loop on the last fifth of the training data. Nothing is random.

    Source: Williams, Kevrekidis, Rowley, J. Nonlinear Sci. 25, 1307 (2015), doi:10.1007/s00332-015-9258-5.
    """

    closed_form = True
    factors: Tensor

    def __init__(self, obs_dim: int, degree: int = 4, ridge: float | None = None, seed: int = 0) -> None:
        require(degree >= 1, f"degree = {degree}", "1 or more")
        require(ridge is None or ridge >= 0, f"ridge = {ridge}", "0 or more, or none to choose it in closed loop")
        require_library(obs_dim, degree)
        super().__init__(obs_dim, 1)
        self.degree, self.ridge = degree, ridge
        factors = monomials(obs_dim, degree)
        self.register_buffer("factors", torch.from_numpy(factors), persistent=False)
        self.K = nn.Parameter(torch.zeros((len(factors), len(factors)), dtype=torch.float64), requires_grad=False)

    @property
    def projected(self) -> Tensor:
        """C K (obs, terms): the rows of K for the linear monomials."""
        return self.K[1 : self.obs_dim + 1]

    def predict(self, z: Tensor) -> Tensor:
        return evaluate(self.factors, z) @ self.projected.T

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        return self.projected @ evaluate_jvp(self.factors, z, v)

    def eigenvalues(self) -> np.ndarray:
        """Of K, per step, largest modulus first, complex (terms,): approximate Koopman eigenvalues."""
        return _sorted_eigen(self.K)[0]

    def compiled_orbit(self) -> Orbit | None:
        parent, variable = map(torch.from_numpy, recursion(self.factors.numpy()))
        return compiled_orbit(map_loop, self.state_dim, parent, variable, self.projected.T, self.columns, 0.0)

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories that are too short, or too many terms for memory."""
        solve_with_ridge(self, self.K, self.ridge, self._solver, segments)

    def _solver(self, segments: Sequence[np.ndarray]) -> Ridge:
        now, after = _pairs(segments)
        require_memory(len(now), len(self.factors))
        return Ridge(*(evaluate(self.factors, torch.from_numpy(x)).numpy() for x in (now, after)))


def _pairs(segments: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    usable = [s for s in segments if len(s) > 1]
    if not usable:
        raise DataError("trajectories of one row each", "two rows or more", "bring a longer series")
    return np.concatenate([s[:-1] for s in usable]), np.concatenate([s[1:] for s in usable])


def _sorted_eigen(matrix: Tensor) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eig(matrix.detach().double().numpy())
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order], vectors[:, order]


@MODELS.register("dmd")
@dataclass(frozen=True)
class DynamicModesConfig(ModelConfig):
    """Dynamic mode decomposition: the best linear map of the observation."""

    family: ClassVar[type[Model]] = DynamicModes
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = A x"
    symbols: ClassVar[Mapping[str, str]] = {"A": "linear map of one step about the mean, of rank r (N, N)"}
    when_to_use: ClassVar[str] = "modes and frequencies of nearly linear data of many columns; it is never chaotic"
    references: ClassVar[tuple[str, ...]] = (
        "Tu, Rowley, Luchtenburg, Brunton, Kutz, J. Comput. Dyn. 1, 391 (2014), doi:10.3934/jcd.2014.1.391",
    )
    recommended_forcing: ClassVar[str] = "none"

    rank: int | None = option(None, "singular values that are kept; none for all above rounding")


@MODELS.register("edmd")
@dataclass(frozen=True)
class ExtendedDynamicModesConfig(ModelConfig):
    """Extended dynamic mode decomposition: a linear map of monomials, lifted anew at every step."""

    family: ClassVar[type[Model]] = ExtendedDynamicModes
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = C K psi(x), psi = all monomials up to the degree, C reads off x"
    symbols: ClassVar[Mapping[str, str]] = {"K": "linear map of the monomials over one step (F, F)"}
    when_to_use: ClassVar[str] = "Koopman eigenvalues beside a forecast; the step alone is a next-generation reservoir"
    references: ClassVar[tuple[str, ...]] = (
        "Williams, Kevrekidis, Rowley, J. Nonlinear Sci. 25, 1307 (2015), doi:10.1007/s00332-015-9258-5",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = {"degree": Range(choices=(2, 3, 4, 5))}

    degree: int = option(4, "highest degree of the monomials")
    ridge: float | None = option(None, "weight of |K|^2; none chooses it in closed loop on the last fifth of the data")
