"""Teacher forcing: how strongly the state is pulled to the data after each predicted step.

Every scheme is a vector of strengths alpha_t in [0, 1], one per step of a window: the loss sees the unforced
prediction of step t, then the forced state coordinates become (1 - alpha_t) z_t + alpha_t * signal_t.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError, unknown
from ..registry import Registry, option
from ..series import TimeSeries
from .arguments import described, require_seed
from .forcing_from_data import TAU_RULES, forcing_interval, forcing_strength
from .jacobian_norms import ESTIMATORS

FORCINGS: Registry[Forcing] = Registry("forcing", show="dsr models")


@dataclass(frozen=True)
class Forcing(abc.ABC):
    """A forcing scheme. A field that is None is open: `estimated` fills it from data."""

    @abc.abstractmethod
    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        """alpha_t for the steps t = 1..length of a window, (length,), when the fraction `progress` (0 to 1) of the
        training is done. Raises `SpecError` while a field it needs is open."""

    def estimated(self, series: TimeSeries) -> Self:
        """This scheme with its open fields estimated from a series; what is set stays."""
        return self

    @classmethod
    def from_data(cls, series: TimeSeries) -> Self:
        """The scheme with default settings, its open fields estimated from a series."""
        return cls().estimated(series)


@FORCINGS.register("none")
@dataclass(frozen=True)
class NoForcing(Forcing):
    """Only the first state of a window comes from the data; gradients of a chaotic system then grow with the window."""

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        return np.zeros(length)


@FORCINGS.register("full")
@dataclass(frozen=True)
class FullForcing(Forcing):
    """The data replace the forced coordinates after every step: one-step prediction where all of them are forced."""

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        return np.ones(length)


@FORCINGS.register("sparse")
@dataclass(frozen=True)
class SparseForcing(Forcing):
    """Full forcing every `tau` steps, none between (Mikhaeil, Monfared, Durstewitz, NeurIPS 2022, arXiv:2110.07238)."""

    tau: int | None = option(None, "steps between forcings; estimated from the data if not given")
    tau_rule: str = option("earliest", "how tau is estimated: " + ", ".join(TAU_RULES))

    def __post_init__(self) -> None:
        _check_tau("tau", self.tau)
        if self.tau_rule not in TAU_RULES:
            raise unknown("tau_rule", self.tau_rule, TAU_RULES)

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        return _every(_given(self.tau, "tau"), length)

    def estimated(self, series: TimeSeries) -> Self:
        return self if self.tau is not None else replace(self, tau=forcing_interval(series, self.tau_rule))


@FORCINGS.register("random_sparse")
@dataclass(frozen=True)
class RandomSparseForcing(Forcing):
    """Strength `alpha` at random intervals of `tau_min` to `tau_max` steps, the first after 1 to tau_max steps.

    They are drawn anew for every block of training steps (and are the same for all windows of a block), so that
    unobserved units cannot learn to count the steps between two forcings, as they can with `SparseForcing`. alpha
    moves by equal factors from its start to its end value. The draws are a function of seed and progress alone.
    """

    tau_min: int | None = option(None, "fewest steps between forcings; half the estimate of sparse if not given")
    tau_max: int | None = option(None, "most steps between forcings; 1.5 times the estimate of sparse if not given")
    alpha: float = option(1.0, "forcing strength at the start, above 0, at most 1")
    final_alpha: float = option(0.5, "forcing strength at the end, above 0, at most 1")
    seed: int = option(0, "seed of the intervals")

    def __post_init__(self) -> None:
        for key in ("alpha", "final_alpha"):
            if not 0 < _number(getattr(self, key)) <= 1:
                raise SpecError(
                    f"{key} = {getattr(self, key)!r}", "a number above 0, at most 1", f"give 0 < {key} <= 1"
                )
        for key in ("tau_min", "tau_max"):
            _check_tau(key, getattr(self, key))
        if self.tau_min is not None and self.tau_max is not None and self.tau_min > self.tau_max:
            got = f"tau_min = {self.tau_min} above tau_max = {self.tau_max}"
            raise SpecError(got, "tau_min <= tau_max", "raise tau_max, or lower tau_min")
        require_seed(self.seed)

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        low, high = int(_given(self.tau_min, "tau_min")), int(_given(self.tau_max, "tau_max"))
        rng = np.random.default_rng([self.seed, round(1e6 * progress)])
        first = rng.integers(1, high + 1)
        steps = first + np.concatenate([[0], np.cumsum(rng.integers(low, high + 1, size=length // low))])
        found = np.zeros(length)
        found[steps[steps <= length] - 1] = self.alpha * (self.final_alpha / self.alpha) ** progress
        return found

    def estimated(self, series: TimeSeries) -> Self:
        if self.tau_min is not None and self.tau_max is not None:
            return self
        tau = forcing_interval(series, "earliest")
        low = max(1, round(0.5 * tau)) if self.tau_min is None else self.tau_min
        high = max(1, round(1.5 * tau)) if self.tau_max is None else self.tau_max
        if self.tau_min is None:  # an estimate gives way to what the user set
            low = min(low, high)
        elif self.tau_max is None:
            high = max(low, high)
        return replace(self, tau_min=low, tau_max=high)


@FORCINGS.register("generalized")
@dataclass(frozen=True)
class GeneralizedForcing(Forcing):
    """The same strength `alpha` after every step (Hess, Monfared, Brenner, Durstewitz, ICML 2023, arXiv:2306.04406).

    alpha large enough keeps gradients bounded, alpha too large never shows the model its own errors.
    """

    alpha: float | None = option(None, "forcing strength, 0 to 1; estimated from the data if not given")

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.alpha)

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        return np.full(length, _given(self.alpha, "alpha"))

    def estimated(self, series: TimeSeries) -> Self:
        return self if self.alpha is not None else replace(self, alpha=forcing_strength(series))


@FORCINGS.register("annealed")
@dataclass(frozen=True)
class AnnealedForcing(Forcing):
    """Strength `alpha` every `tau` steps, both moving from a start to an end value over the training.

    An end value that is not given is the start value; but with neither given, `final_alpha` is the strength that
    `GeneralizedForcing` estimates from the data. tau is rounded to whole steps.
    """

    alpha: float = option(1.0, "forcing strength at the start, 0 to 1")
    final_alpha: float | None = option(None, "forcing strength at the end; alpha, or an estimate, if not given")
    tau: int = option(1, "steps between forcings at the start")
    final_tau: int | None = option(None, "steps between forcings at the end; tau if not given")
    schedule: str = option("geometric", "course of both between the ends: geometric or linear")

    def __post_init__(self) -> None:
        for key in ("alpha", "final_alpha"):
            _check_alpha(key, getattr(self, key))
        for key in ("tau", "final_tau"):
            _check_tau(key, getattr(self, key))
        if self.schedule not in ("geometric", "linear"):
            raise unknown("schedule", self.schedule, ("geometric", "linear"))
        if self.schedule == "geometric" and 0.0 in (self.alpha, self.final_alpha):
            raise SpecError("a geometric schedule of alpha through 0", "alpha > 0", "set schedule = 'linear'")

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        final_tau = self.tau if self.final_tau is None else self.final_tau
        final_alpha = self.alpha if self.final_alpha is None and self.final_tau is not None else self.final_alpha
        alpha = self._between(self.alpha, _given(final_alpha, "final_alpha"), progress)
        return alpha * _every(round(self._between(self.tau, final_tau, progress)), length)

    def estimated(self, series: TimeSeries) -> Self:
        if self.final_alpha is not None or self.final_tau is not None:
            return self
        return replace(self, final_alpha=forcing_strength(series))

    def _between(self, first: float, last: float, progress: float) -> float:
        if self.schedule == "linear":
            return first + (last - first) * progress
        return first * (last / first) ** progress


@FORCINGS.register("adaptive")
@dataclass(frozen=True)
class AdaptiveForcing(Forcing):
    """The same strength after every step, following the model: alpha = 1 - 1/N, N an estimate of how much the model's
    Jacobian products grow per step (adaptive generalized teacher forcing, Hess et al., arXiv:2306.04406).

    Each member of an ensemble has its own alpha. N comes from `jacobian_norms`, once per block of training steps. N is
    taken at the data: with unobserved states, whose forcing signal is unknown, or noisy data alpha is biased.
    """

    alpha: float = option(1.0, "forcing strength at the start, 0 to 1")
    estimator: str = option("product_upper_bound", "estimate of the growth: " + ", ".join(ESTIMATORS))
    decay: float = option(0.999, "share of the old alpha kept at an update that lowers it, 0 to 1")
    interval: int = option(5, "training steps between updates that decay refers to")

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.alpha)
        if self.estimator not in ESTIMATORS:
            raise unknown("estimator of the Jacobian norm", self.estimator, ESTIMATORS)
        if not 0 <= _number(self.decay) <= 1:
            raise SpecError(f"decay = {self.decay!r}", "a number from 0 to 1", "give 0 <= decay <= 1")
        if not _number(self.interval) >= 1:
            raise SpecError(f"interval = {self.interval!r}", "a positive number of steps", "give interval >= 1")

    def strengths(self, length: int, progress: float = 0.0) -> np.ndarray:
        """Those of the start; later `adapt` says what alpha is."""
        return np.full(length, self.alpha)

    def adapt(self, alpha: Tensor, norm: Tensor, steps: int = 100) -> Tensor:
        """The next alpha (members,) from the present one and N (members,), `steps` training steps later: up to the
        estimate at once, down to it exponentially. A member without a norm (NaN) keeps its alpha."""
        wanted = (1 - 1 / norm).clamp(min=0.0)
        kept = self.decay ** (steps / self.interval)
        lowered = wanted.lerp(alpha, kept)
        return torch.where(norm.isnan(), alpha, torch.where(wanted > alpha, wanted, lowered))


def as_forcings(found: Forcing | Sequence[Forcing], members: int) -> list[Forcing]:
    """One for each member. Raises `SpecError` for what is no forcing, such as a class or a name, or too many."""
    several = list(found) if isinstance(found, Sequence) and not isinstance(found, str) else [found] * members
    for one in several:
        if not isinstance(one, Forcing):
            raise SpecError(
                f"{described(one)} as forcing",
                "a forcing scheme, or one per member",
                "give forcing=GeneralizedForcing.from_data(train), SparseForcing(tau), ..., or leave it out",
            )
    if len(several) != members:
        raise SpecError(f"{len(several)} forcings for {members} members", "one, or one per member", "match them")
    return several


def _number(value: Any) -> float:
    """The value, or NaN, which is in no range, for what is no number."""
    return value if isinstance(value, Real) else math.nan  # type: ignore[return-value]


def _every(tau: float, length: int) -> np.ndarray:
    return (np.arange(1, length + 1) % tau == 0).astype(np.float64)


def _given(value: float | None, name: str) -> float:
    if value is None:
        raise SpecError(f"{name} is not set", "a number", f"give {name}, or estimate it: Forcing.from_data(train)")
    return value


def _check_alpha(name: str, value: float | None) -> None:
    if value is not None and not 0 <= _number(value) <= 1:
        raise SpecError(f"{name} = {value!r}", "a number from 0 to 1", f"give 0 <= {name} <= 1")


def _check_tau(name: str, value: int | None) -> None:
    if value is not None and not (_number(value) >= 1 and float(value).is_integer()):
        raise SpecError(f"{name} = {value!r}", "a whole number of steps, 1 or more", f"give {name} as an integer >= 1")
