"""What a call is given, judged before anything is computed with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError, SpecError
from ..models import Model
from ..series import TimeSeries


def described(found: Any) -> str:
    """What arrived in place of something else, in words."""
    if isinstance(found, str):
        return f"the text {found!r}"
    return f"the class {found.__name__}" if isinstance(found, type) else f"a value of type {type(found).__name__}"


def require_series(found: TimeSeries, what: str) -> None:
    """Raise `DataError` for what is no `TimeSeries`, such as an array."""
    if not isinstance(found, TimeSeries):
        raise DataError(
            f"{described(found)} as {what}", "a TimeSeries", "give TimeSeries(values, dt), with values (time, dim)"
        )


def as_series(found: TimeSeries | Sequence[TimeSeries] | None, what: str) -> list[TimeSeries]:
    """One or several series as a list, empty for None. Raises `DataError` for anything else."""
    if found is None:
        return []
    several = list(found) if isinstance(found, Sequence) else [found]
    for one in several:
        require_series(one, what)
    return several


def require_models(members: Sequence[Model]) -> None:
    """Raise `SpecError` for what is no model, such as its class."""
    for member in members:
        if not isinstance(member, Model):
            name = member.__name__ if isinstance(member, type) else "ShallowPLRNN"
            raise SpecError(f"{described(member)} as model", "a model", f"make one first: {name}(obs_dim=train.dim)")


def require_seed(seed: int) -> None:
    """Raise `SpecError` for a seed that numpy does not take."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SpecError(f"seed = {seed!r}", "an integer of 0 or more", "give another seed")
