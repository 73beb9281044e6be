"""Systems whose parameter moves during the run: non-stationary data, and systems driven by an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import SpecError, unknown
from dsr.series import TimeSeries

from ..base import System
from .operation import name_of

Path = tuple[float, float] | Sequence[float] | np.ndarray | Callable[[float], float]


def simulate_drifting(
    system: System,
    n: int,
    dt: float | None = None,
    *,
    parameter: str,
    path: Path,
    as_input: bool = False,
    transient: float,
    seed: int,
    noise: float = 0.0,
) -> TimeSeries:
    """A trajectory of n rows while one parameter moves.

    Parameters
    ----------
    system : any system. dt, transient, seed, noise : as in `System.simulate`; the transient is run at the first value.
    parameter : which one moves. path : two numbers (a straight line from the first to the last row), n numbers (the
        value at each row: an external input), or a function of the time since the first row.
    as_input : whether the values at the rows are handed to models, as `inputs` of the series.

    Between two rows the parameter has the mean of their values, so that the path is followed to second order in dt. A
    constant path gives exactly the rows of `simulate`. Raises `SpecError` for an unknown parameter or values that are
    no numbers, and `DataError` where the trajectory leaves every bound. Statistics over such a series describe no one
    attractor.
    """
    if parameter not in system.parameters:
        raise unknown(f"parameter of {system.name} named", parameter, system.parameters)
    rows, dt, transient, noise = system.checked_request(n, dt, transient, seed, noise)
    values = _values(path, rows, dt)
    starting, observing = np.random.SeedSequence(seed).spawn(2)
    first = system.with_parameters(**{parameter: float(values[0])})
    state, began = first._start(np.random.default_rng(starting), transient)
    if len(state) != system.dim:
        raise SpecError(
            f"{parameter} of {system.name}, which changes the state's dimension", "other parameters", "choose another"
        )
    orbit = np.empty((rows, system.dim))
    orbit[0] = state
    row = 0
    for until, value in _stretches(0.5 * (values[:-1] + values[1:]) if system.time == "flow" else values[:-1]):
        member = system.with_parameters(**{parameter: float(value)})
        orbit[row : until + 1] = member._orbit(orbit[row].copy(), until - row + 1, dt, began + row * dt)
        row = until
    seen = orbit[:, : system.observed]
    if noise:
        seen = seen + noise * seen.std(axis=0) * np.random.default_rng(observing).standard_normal(seen.shape)
    origin: dict[str, Any] = {
        "system": system.name,
        "parameters": {k: np.asarray(v).tolist() for k, v in system.parameters.items()},
        "n": rows,
        "dt": dt,
        "transient": transient,
        "seed": int(seed),
        "noise": noise,
        "drift": {"parameter": parameter, "path": _described(path)},
        **system._provenance(),
        "dsr": __version__,
    }
    inputs = values[:, None] if as_input else None
    return TimeSeries(seen, dt, system.time_unit, system.names, origin, inputs)


def _values(path: Path, rows: int, dt: float) -> np.ndarray:
    """The parameter at each row."""
    try:
        if callable(path):
            values = np.array([float(path(i * dt)) for i in range(rows)])
        else:
            given = np.asarray(path, dtype=float)
            values = np.linspace(given[0], given[1], rows) if given.shape == (2,) else given
    except (TypeError, ValueError, IndexError):
        values = np.array([])
    if values.shape != (rows,) or not np.isfinite(values).all():
        raise SpecError(
            f"a path of shape {values.shape} for {rows} rows",
            f"two finite numbers, {rows} of them, or a function of time",
            "give for example path=(28.0, 40.0)",
        )
    return values


def _stretches(values: np.ndarray) -> list[tuple[int, float]]:
    """(row where it ends, value) of each stretch over which the parameter stays the same."""
    ends = np.append(np.flatnonzero(np.diff(values)) + 1, len(values))
    return [(int(end), float(values[end - 1])) for end in ends]


def _described(path: Path) -> Any:
    if callable(path):
        return name_of(path)
    return np.asarray(path, dtype=float).tolist()
