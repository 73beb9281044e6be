"""Where the draws of a hyper-parameter search come from: random numbers, or optuna."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ...errors import SpecError, unknown
from ...models import Range


class Sampler(Protocol):
    """Proposes settings, and is told the score (lower is better) of the last proposal."""

    def ask(self) -> dict[str, Any]: ...
    def tell(self, score: float) -> None: ...


class RandomSampler:
    """Independent draws, which do not look at scores."""

    def __init__(self, space: Mapping[str, Range], seed: int) -> None:
        self.space, self.rng = space, np.random.default_rng(seed)

    def ask(self) -> dict[str, Any]:
        return {name: _drawn(self.space[name], self.rng) for name in sorted(self.space)}

    def tell(self, score: float) -> None:
        return None


class OptunaSampler:
    """The tree-structured Parzen estimator of optuna: draws that follow the good ones, from some ten random ones on.

    Raises `SpecError` when optuna is not installed. Source: Bergstra et al., NeurIPS 2011; Akiba et al., KDD 2019,
    arXiv:1907.10902.
    """

    def __init__(self, space: Mapping[str, Range], seed: int) -> None:
        try:
            import optuna
        except ImportError as problem:
            raise SpecError(
                "sampler = 'optuna', which is not installed",
                "sampler = 'random', which needs nothing",
                "pip install 'dsr-workbench[search]'",
            ) from problem
        self.space = space
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # a library is silent
        try:
            self.study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        finally:
            optuna.logging.set_verbosity(level)

    def ask(self) -> dict[str, Any]:
        self.trial = self.study.ask()
        return {name: self._suggested(name, self.space[name]) for name in sorted(self.space)}

    def tell(self, score: float) -> None:
        self.study.tell(self.trial, score)

    def _suggested(self, name: str, r: Range) -> Any:
        if r.choices:
            return self.trial.suggest_categorical(name, r.choices)
        if _whole(r):
            return self.trial.suggest_int(name, int(r.low), int(r.high), log=r.log)
        return self.trial.suggest_float(name, r.low, r.high, log=r.log)


SAMPLERS: Mapping[str, Callable[[Mapping[str, Range], int], Sampler]] = {
    "random": RandomSampler,
    "optuna": OptunaSampler,
}


def make_sampler(name: str, space: Mapping[str, Range], seed: int) -> Sampler:
    """Raises `SpecError` for an unknown sampler, or a range that holds nothing."""
    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS)
    for key, r in space.items():
        if not r.choices and not (r.low <= r.high and (r.low > 0 or not r.log)):
            raise SpecError(
                f"a range of {key} from {r.low} to {r.high}",
                "low <= high, and low > 0 with log",
                f"change the range of {key}",
            )
    return SAMPLERS[name](space, seed)


def _whole(r: Range) -> bool:
    return isinstance(r.low, int) and isinstance(r.high, int)


def _drawn(r: Range, rng: np.random.Generator) -> Any:
    if r.choices:
        return r.choices[int(rng.integers(len(r.choices)))]
    low, high = (r.low, r.high + 1) if _whole(r) else (r.low, r.high)  # each whole number has its share
    u = rng.random()
    value = math.exp(math.log(low) + u * math.log(high / low)) if r.log else low + u * (high - low)
    return min(int(value), int(r.high)) if _whole(r) else value
