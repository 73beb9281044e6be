"""Paired timing: every variant once in each round, in random order, and ratios within the rounds.

Seconds are CPU seconds of this process, which other programs lengthen less than wall time; what slows a whole round
down cancels in its ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

Say = Callable[[str], None]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, seconds of one variant in one round, and steps of the long run for memory."""

    rounds: int
    seconds: float
    long_run: int

    def scaled(self, factor: float) -> Effort:
        """With that many times the seconds."""
        return replace(self, seconds=self.seconds * factor)


FULL, QUICK = Effort(9, 0.4, 1_000_000), Effort(3, 0.03, 100_000)


@dataclass(frozen=True)
class Variant:
    """`run(n)` does n steps, each of `models` models at once."""

    run: Callable[[int], object]
    models: int = 1


@dataclass(frozen=True)
class Ratio:
    """Median and range over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"**{_three(self.median)}** [{_three(self.low)}, {_three(self.high)}]"


def measure(
    variants: Mapping[str, Variant], effort: Effort, say: Say, *, seed: int = 0, clock: Clock = time.process_time
) -> dict[str, np.ndarray]:
    """Seconds per step and model of each variant, (rounds,). What the first steps of a variant cost is left out."""
    rng = np.random.default_rng(seed)
    names = list(variants)
    steps = {}
    for name in names:
        say(f"warming up: {name}")
        steps[name] = steps_within(variants[name].run, effort.seconds, clock)
    seconds = {name: np.zeros(effort.rounds) for name in names}
    for i in range(effort.rounds):
        say(f"round {i + 1} of {effort.rounds}")
        for j in rng.permutation(len(names)):
            name, variant = names[j], variants[names[j]]
            seconds[name][i] = _timed(variant.run, steps[name], clock) / (steps[name] * variant.models)
    return seconds


def steps_within(run: Callable[[int], object], seconds: float, clock: Clock = time.process_time) -> int:
    """Number of steps, at least 1, that take about `seconds`."""
    run(1)  # allocates buffers, compiles
    steps = 1
    while (taken := _timed(run, steps, clock)) < seconds / 8:
        steps *= 4
    return max(1, round(steps * seconds / taken))


def within(say: Say, where: str) -> Say:
    """The same words, with the place put before them."""
    return lambda what: say(f"{where}: {what}")


def ratio(base: np.ndarray, other: np.ndarray) -> Ratio:
    """How many times faster than `base` the other was, round by round."""
    ratios = base / other
    return Ratio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()))


def _timed(run: Callable[[int], object], steps: int, clock: Clock) -> float:
    started = clock()
    run(steps)
    return clock() - started


def _three(x: float) -> str:
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"
