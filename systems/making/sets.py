"""Training, validation and test data from independent initial conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsr.series import TimeSeries

from ..base import System
from .operation import Operation, make


def independent_sets(
    system: System,
    train: int,
    validation: int,
    test: int,
    dt: float | None = None,
    *,
    transient: float,
    seed: int,
    noise: float = 0.0,
    operations: Sequence[Operation | Mapping[str, Any]] = (),
) -> tuple[TimeSeries, TimeSeries, TimeSeries]:
    """Three trajectories of these many rows from initial conditions of their own; the test series is clean.

    `noise` (as in `System.simulate`) and `operations` (see `make`) change what is trained on: the first two series. The
    same seed with other lengths of the other sets gives the same series. Raises what `simulate` and `make` raise.
    """
    of_train, of_validation, of_test, _ = seeds_of_sets(seed)
    seeds = of_train, of_validation
    seen = [
        system.simulate(n, dt, transient=transient, seed=s, noise=noise)
        for n, s in zip((train, validation), seeds, strict=True)
    ]
    if operations:
        seen = [make(series, operations, seed=s) for series, s in zip(seen, seeds, strict=True)]
    return seen[0], seen[1], system.simulate(test, dt, transient=transient, seed=of_test)


def seeds_of_sets(seed: int) -> list[int]:
    """Seeds of the training, the validation and the test series, and of further true trajectories for floors."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(4)]
