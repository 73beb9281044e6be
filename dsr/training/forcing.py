"""Teacher forcing: how strongly the state is pulled to the data after each predicted step.

Every scheme is a vector of strengths alpha_t in [0, 1], one per step of a window: the loss sees the unforced
prediction of step t, then the forced state coordinates become (1 - alpha_t) z_t + alpha_t * signal_t.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..errors import SpecError
from ..registry import Registry, option
from ..series import TimeSeries
from ..timescales import autocorrelation_time, mutual_information_delay

FORCINGS: Registry[Forcing] = Registry("forcing", show="dsr models")


@dataclass(frozen=True)
class Forcing(abc.ABC):
    """A forcing scheme; `strengths(T)` gives alpha_t for t = 1..T."""

    @abc.abstractmethod
    def strengths(self, length: int) -> np.ndarray: ...

    @classmethod
    @abc.abstractmethod
    def from_data(cls, series: TimeSeries) -> Forcing:
        """The scheme with its parameter estimated from a series."""


@FORCINGS.register("sparse")
@dataclass(frozen=True)
class SparseForcing(Forcing):
    """Full forcing every `tau` steps, none between (Mikhaeil, Monfared, Durstewitz, NeurIPS 2022, arXiv:2110.07238)."""

    tau: int | None = option(None, "steps between forcings; estimated from the data if not given")

    def __post_init__(self) -> None:
        if self.tau is not None and self.tau < 1:
            raise SpecError(f"tau = {self.tau}", "a positive number of steps", "give tau >= 1")

    def strengths(self, length: int) -> np.ndarray:
        return (np.arange(1, length + 1) % _given(self.tau, "tau") == 0).astype(np.float64)

    @classmethod
    def from_data(cls, series: TimeSeries) -> SparseForcing:
        """tau = median over columns of the earlier of two times: autocorrelation down to 1/e, and first minimum of
        the delayed mutual information; never above 100 steps."""
        longest = min(100, len(series) // 4)
        information = [mutual_information_delay(column, max_lag=longest) for column in series.values.T]
        lags = np.minimum(autocorrelation_time(series.values), information)
        return cls(int(np.clip(np.median(lags), 1, longest)))


@FORCINGS.register("generalized")
@dataclass(frozen=True)
class GeneralizedForcing(Forcing):
    """The same strength `alpha` after every step (Hess, Monfared, Brenner, Durstewitz, ICML 2023, arXiv:2306.04406).

    alpha large enough keeps gradients bounded, alpha too large never shows the model its own errors.
    """

    alpha: float | None = option(None, "forcing strength, 0 to 1; estimated from the data if not given")

    def __post_init__(self) -> None:
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise SpecError(f"alpha = {self.alpha}", "a number from 0 to 1", "give 0 <= alpha <= 1")

    def strengths(self, length: int) -> np.ndarray:
        return np.full(length, _given(self.alpha, "alpha"))

    @classmethod
    def from_data(cls, series: TimeSeries, *, points: int = 500, seed: int = 0) -> GeneralizedForcing:
        """alpha = 1 - 1/s, s the geometric mean of the spectral norms of the one-step Jacobians, here fitted to the
        data by local linear regression over 200 neighbours of `points` random rows; clipped to [0.02, 0.9].

        The bound keeps the Jacobian product of the forced model from growing (same paper, proposition 3). On clean
        Lorenz-63 data (dt 0.01) 40 to 1600 neighbours give 0.09 to 0.11; with 5 % observation noise 200 give 0.08,
        but 40 give 0.28, because noise across so small a neighbourhood looks like expansion.
        """
        values = (series.values - series.values.mean(0)) / series.values.std(0)
        now, nxt = values[:-1], values[1:]
        neighbours = min(max(200, 8 * series.dim), max(len(now) // 10, series.dim + 2))
        rows = np.random.default_rng(seed).choice(len(now), min(points, len(now)), replace=False)
        _, index = cKDTree(now).query(now[rows], k=neighbours)
        log_norms = []
        for near in index:
            centred = now[near] - now[near].mean(0)
            fit = np.linalg.lstsq(centred, nxt[near] - nxt[near].mean(0), rcond=1e-3)[0]
            log_norms.append(np.log(np.linalg.norm(fit, 2)))
        return cls(float(np.clip(1.0 - np.exp(-np.mean(log_norms)), 0.02, 0.9)))


def _given(value: float | None, name: str) -> float:
    if value is None:
        raise SpecError(f"{name} is not set", "a number", f"give {name}, or estimate it: Forcing.from_data(train)")
    return value
