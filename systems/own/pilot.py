"""A trial trajectory of equations that nobody has described yet: their scale, their period, the step they need."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dsr.errors import DataError

from ..integration.runge_kutta import runge_kutta

Field = Callable[[np.ndarray], np.ndarray]

ROWS = 4000  # of the trial trajectory; its first half is dropped as transient
CYCLES = 15  # wanted in the second half
LONGER, TRIES = 3.0, 16
FAR = 1e8  # times the size of the initial state: a trajectory that gets there is taken to escape
BAND = 0.1  # standard deviations around the mean in which nothing counts as a crossing
WORK = 400_000  # evaluations of the equations
ITERATIONS = 2000  # of a map
STEP_TOLERANCE, HALVINGS = 1e-8, 12
STEPS_PER_PERIOD = 100


@dataclass(frozen=True)
class Pilot:
    """scale : standard deviation (dim,) of each coordinate; period : mean time of a cycle of the fastest coordinate;
    points : (n, dim) states after the transient; at_rest : whether nothing moved any more; evaluations : of the
    equations per period, by LSODA at a relative accuracy of 1e-6."""

    scale: tuple[float, ...]
    period: float
    points: np.ndarray
    at_rest: bool
    evaluations: float = 0.0


def trial(rhs: Field, start: np.ndarray, rate: float, period: float | None, name: str, clock: bool) -> Pilot:
    """Trial of a flow from `start` (dim,). `rate` is a first guess of its rates; the duration is trebled until 15
    cycles are seen, or is 100 periods where the period is known. `clock` tells that the last coordinate is time.

    Raises `DataError` where the trajectory leaves every bound. Misleads where two time scales lie far apart.
    """
    duration = 100.0 * period if period else 50.0 / rate
    sizes = sizes_told_by(start)
    for _ in range(1 if period else TRIES):
        orbit, evaluations = _lsoda(rhs, start, duration, name)
        orbit = orbit[ROWS // 2 :]
        moving = [c for c, size in zip(orbit.T[: len(start) - clock], sizes, strict=False) if not _still(c, size)]
        cycles = max((_upward(column) for column in moving), default=0)
        seen = duration / 2 / cycles if cycles else 2 * math.pi / rate
        if cycles >= CYCLES:
            break
        duration *= LONGER
    found = _pilot(orbit, start, period or seen, clock)
    return replace(found, evaluations=evaluations / duration * found.period)


def trial_map(step: Field, start: np.ndarray, name: str, clock: bool) -> Pilot:
    """2000 iterations of a map from `start` (dim,); raises `DataError` where they leave every bound."""
    orbit = np.empty((ITERATIONS, len(start)))
    orbit[0] = start
    with np.errstate(all="ignore"):
        for i in range(1, ITERATIONS):
            orbit[i] = step(orbit[i - 1])
    _require_bounded(orbit, 1.0, name, "iterations")
    found = _pilot(orbit[ITERATIONS // 2 :], start, 1.0, clock)
    # without a scale the time gets no random displacement: it stays whole
    return replace(found, scale=(*found.scale[:-1], 0.0)) if clock else found


def sizes_told_by(start: np.ndarray) -> np.ndarray:
    """Sizes (dim,) of the coordinates as an initial state tells them: 10 times a component below 0.1, else 1 or more.
    A zero is taken for as small as the largest component."""
    sizes = np.abs(start)
    sizes = np.where(sizes > 0, sizes, min(sizes.max(), 1.0) or 1.0)
    return np.where(sizes < 0.1, 10 * sizes, np.maximum(sizes, 1.0))


def stable_step(rhs: Field, pilot: Pilot, name: str) -> float:
    """Largest step period / 100 / 2^k of classical Runge-Kutta whose halving moves no state of the trial by more than
    1e-8 of its scale within period / 100. Raises `DataError` for equations that jump or are too stiff for that."""
    span = pilot.period / STEPS_PER_PERIOD
    tried = pilot.points[:: max(1, len(pilot.points) // 100)]
    scale = np.array(pilot.scale)
    with np.errstate(all="ignore"):
        coarse = runge_kutta(rhs, None, tried, None, span, 1)[0]
        for k in range(HALVINGS):
            fine = runge_kutta(rhs, None, tried, None, span, 2 ** (k + 1))[0]
            if (np.abs(fine - coarse) <= STEP_TOLERANCE * scale).all():
                return span / 2**k
            coarse = fine
    raise DataError(
        f"{name} needs steps below {span / 2**HALVINGS:.3g} at a period of {pilot.period:.3g}: it is stiff or jumps",
        "equations without rates that far apart",
        f'give integrator="lsoda" if it is stiff; if it jumps, max_step={span / 2**6:.2g}, at a lower accuracy',
    )


def _pilot(orbit: np.ndarray, start: np.ndarray, period: float, clock: bool) -> Pilot:
    sizes = sizes_told_by(start)
    still = np.array([_still(column, size) for column, size in zip(orbit.T, sizes, strict=True)])
    scale = np.where(still, sizes, orbit.std(axis=0))
    if clock:
        scale[-1], still[-1] = period, True
    return Pilot(tuple(float(s) for s in scale), float(period), orbit, bool(still.all()))


def _lsoda(rhs: Field, start: np.ndarray, duration: float, name: str) -> tuple[np.ndarray, int]:
    from scipy.integrate import solve_ivp

    times = np.linspace(0.0, duration, ROWS)
    allowed = 1e-9 * np.minimum(sizes_told_by(start), 1.0)
    far = FAR * max(1.0, float(np.abs(start).max()), duration)
    done = 0

    def counted(t: float, x: np.ndarray) -> np.ndarray:
        nonlocal done
        done += 1
        if done > WORK:
            raise DataError(
                f"{name} took more than {WORK} evaluations for a trial of {duration:.3g} time units, until {t:.3g}",
                "equations that are neither stiff nor full of jumps",
                "give the period, or other parameters",
            )
        return rhs(x)

    def escape(t: float, x: np.ndarray) -> float:
        return far - float(np.abs(x).max())

    escape.terminal = True  # type: ignore[attr-defined]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where LSODA gives up, rows are missing, and that is an error below
        solution = solve_ivp(counted, (0.0, duration), start, "LSODA", times, rtol=1e-6, atol=allowed, events=escape)
    orbit = np.full((ROWS, len(start)), np.nan)
    orbit[: solution.y.shape[1]] = solution.y.T
    _require_bounded(orbit, duration / ROWS, name, "time units")
    return orbit, done


def _require_bounded(orbit: np.ndarray, dt: float, name: str, unit: str) -> None:
    bounded = np.isfinite(orbit).all(axis=1) & (np.abs(orbit) < 1e100).all(axis=1)
    if not bounded.all():
        raise DataError(
            f"a trial trajectory of {name} leaves every bound about {int(np.argmin(bounded)) * dt:.3g} {unit} after "
            f"its initial state {np.round(orbit[0], 6).tolist()}",
            "an initial state and parameters for which trajectories stay bounded",
            "give another initial state, or check the signs of the equations",
        )


def _still(column: np.ndarray, size: float) -> bool:
    return bool(column.std() <= 1e-6 * max(size, np.abs(column).max()))


def _upward(column: np.ndarray) -> int:
    """Crossings of the mean from below, by more than what the solver's error does."""
    away = column - column.mean()
    side = np.sign(away[np.abs(away) > BAND * column.std()])
    return int(np.count_nonzero(np.diff(side) > 0))
