"""Vector autoregression: the next row is a linear function of the last ones."""

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
from ..delay import DelayModel
from ..orbits import Orbit, compiled_orbit
from ..plrnn import require
from ..polynomials import map_loop, monomials, recursion, require_memory
from ..registry import MODELS, ModelConfig, Range
from ..ridge import Ridge


class VectorAutoregression(DelayModel):
    """x' = c + A_1 x_t + ... + A_p x_{t-p+1}, by least squares with a ridge.

    A linear map cannot be chaotic: its exponents are ln |eigenvalue| / dt of the companion matrix, and lambda_1 <= 0
    means that a free run decays to a fixed point or rings on a torus, lambda_1 > 0 that it blows up. What it reaches
    in valid prediction time is what a linear forecast can; long-run statistics of it mean nothing. Nothing is random.

    Source: Lütkepohl, New Introduction to Multiple Time Series Analysis (2005), doi:10.1007/978-3-540-27752-1.
    """

    closed_form = True

    def __init__(self, obs_dim: int, lags: int = 5, ridge: float = 1e-10, seed: int = 0) -> None:
        require(ridge >= 0, f"ridge = {ridge}", "0 or more")
        super().__init__(obs_dim, lags)
        self.ridge = ridge
        self.A = nn.Parameter(torch.zeros((lags, obs_dim, obs_dim), dtype=torch.float64), requires_grad=False)
        self.c = nn.Parameter(torch.zeros(obs_dim, dtype=torch.float64), requires_grad=False)

    @property
    def wide(self) -> Tensor:
        """(A_1, ..., A_p) side by side, (obs, state)."""
        return self.A.transpose(0, 1).flatten(1)

    def predict(self, z: Tensor) -> Tensor:
        return z @ self.wide.T + self.c

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        return self.wide @ v

    def eigenvalues(self) -> np.ndarray:
        """Of the companion matrix, largest modulus first, complex (state,)."""
        companion = self.jacobian(self.c.new_zeros((1, self.state_dim)))[0]
        values = np.linalg.eigvals(companion.detach().numpy())
        return values[np.argsort(-np.abs(values), kind="stable")]

    def compiled_orbit(self) -> Orbit | None:
        parent, variable = map(torch.from_numpy, recursion(monomials(self.state_dim, 1)))
        weights = torch.cat([self.c[None], self.wide.T])
        return compiled_orbit(map_loop, self.state_dim, parent, variable, weights, self.columns, 0.0)

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories that are too short, or too many columns for memory."""
        usable = [torch.from_numpy(s) for s in segments if len(s) > self.rows]
        if not usable:
            raise DataError(
                f"trajectories of at most {max(len(s) for s in segments)} rows",
                f"more than the {self.lags} that lags = {self.lags} takes",
                "bring a longer series, or lower lags",
            )
        require_memory(sum(map(len, usable)), self.state_dim)
        past = torch.cat([self.windows(y[None])[0, self.rows - 1 : -1] for y in usable]).numpy()
        future = torch.cat([y[self.rows :] for y in usable]).numpy()
        # without means in them, the ridge leaves the constant alone
        solved = Ridge(past - past.mean(0), future - future.mean(0))(self.ridge)
        wide = torch.from_numpy(solved.T)
        self.A.copy_(wide.unflatten(1, (self.lags, self.obs_dim)).transpose(0, 1))
        self.c.copy_(torch.from_numpy(future.mean(0) - past.mean(0) @ solved))


@MODELS.register("var")
@dataclass(frozen=True)
class VectorAutoregressionConfig(ModelConfig):
    """Vector autoregression VAR(p): the linear reference."""

    family: ClassVar[type[Model]] = VectorAutoregression
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = c + A_1 x_t + ... + A_p x_{t-p+1}"
    symbols: ClassVar[Mapping[str, str]] = {
        "A": "matrix of each lag, newest first (p, N, N)",
        "c": "constant (N)",
    }
    when_to_use: ClassVar[str] = "the linear reference: what it reaches needs no nonlinear model; it is never chaotic"
    references: ClassVar[tuple[str, ...]] = (
        "Lütkepohl, New Introduction to Multiple Time Series Analysis (2005), doi:10.1007/978-3-540-27752-1",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = {
        "lags": Range(1, 30),
        "ridge": Range(1e-12, 1e-2, log=True),
    }

    lags: int = option(5, "order p: rows that the next one depends on")
    ridge: float = option(1e-10, "weight of |A|^2 against the mean squared error")
