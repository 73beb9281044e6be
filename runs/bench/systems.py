"""Section on the generators: trajectories, ensembles and exponents of Lorenz-63 against dysts, scipy, pynamicalsys."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...analysis import lyapunov_spectrum
from ...systems import get_system
from ...systems.ensemble import simulate_ensemble
from ..markdown import paragraphs, table
from .goals import Goal, Section
from .timing import Effort, Ratio, Say, Variant, measure, ratio, within

POINTS, UNIT = 100_000, 500  # of the trajectory that is told, and of one unit of work
PER_PERIOD, PERIOD = 100, 1.5009  # the period is that of dysts
MEMBERS, STEPS, CHUNK = 1000, 10_000, 1000  # of the ensemble; steps in a unit of work
EXPONENTS = (0.9056, 0.0, -14.5723)  # Sprott, Chaos and Time-Series Analysis (2003)
ACCURACY, STEP, STARTS = 0.01, 0.01, 12
DURATIONS = (50, 100, 200, 400, 800, 1600)
ALIGNING = 200  # steps in which tangent vectors turn to their directions, before the average
DYSTS_PERIODS, DYSTS_PER_PERIOD = 10, 500
WANTED = {"dysts": 5000.0, "scipy": 100.0, "ensemble": 1000.0, "exponents": 1.0}
OURS, ADAPTIVE = "dsr", "dsr, dopri5, 1e-9"
SAME_STEPS = "a loop of scipy RK45, as many steps"


def systems(effort: Effort, say: Say) -> Section:
    """Times as fast as the others; errors that go with the times."""
    rows: list[tuple] = []
    goals: list[Goal] = []
    seconds = measure(_trajectories(), effort, within(say, "trajectory"))
    for other, wanted in (("dysts", WANTED["dysts"]), ("scipy DOP853, 1e-9", WANTED["scipy"])):
        for ours in (OURS, ADAPTIVE):
            what = f"{POINTS} points, {PER_PERIOD} per period"
            if other not in seconds:
                goals.append(Goal(f"{ours} against dysts", what, wanted, None, reason=_missing("dysts"), unit="x"))
                continue
            times = ratio(seconds[other], seconds[ours])
            scaled = [f"{POINTS / UNIT * float(np.median(seconds[name])):.3g} s" for name in (ours, other)]
            rows.append((what, ours, other, *scaled, times))
            goals.append(Goal(f"{ours} against {other}", what, wanted, times.median, unit="x"))
    seconds = measure(_ensembles(), effort, within(say, "ensemble"))
    for other in seconds:
        if other != OURS:
            times = ratio(seconds[other], seconds[OURS])
            scaled = [f"{MEMBERS * STEPS / CHUNK * float(np.median(seconds[name])):.3g} s" for name in (OURS, other)]
            what = f"{MEMBERS} starts, {STEPS} steps"
            rows.append((what, OURS, other, *scaled, times))
            if other == SAME_STEPS:
                goals.append(Goal(f"{OURS} against {other}", what, WANTED["ensemble"], times.median, unit="x"))
    exponents, judged = _exponents(effort, say)
    text = paragraphs(
        f"Lorenz-63, CPU seconds. A trajectory has a row every {PERIOD / PER_PERIOD:.4f} time units, by classical "
        f"Runge-Kutta steps of at most 0.0025 or by adaptive steps; the others' seconds are those of {UNIT} points (of "
        f"{CHUNK} steps of one member) scaled to the whole, which dysts would need minutes for. Error after one "
        f"period: {_errors()}. The loop over members by DOP853 makes fewer and more accurate steps; it has no goal.",
        table(("", "by", "against", "time", "time of the other", "times as fast"), rows),
        f"The time to {100 * ACCURACY:g} %: seconds of the shortest run of {', '.join(map(str, DURATIONS))} time units "
        f"after which the largest and the smallest exponent, over {STARTS} starts on the attractor, are off by less "
        f"than {100 * ACCURACY:g} % (root mean square). Both make Runge-Kutta steps of {STEP:g}, our vectors being "
        "orthonormalised every tenth, those of pynamicalsys every one. dysts gets nowhere near at its densities of "
        "points: its seconds are those of a run with the error that is shown, so the ratio is a lower bound.",
        table(("", "time units", "error", "seconds", "times as fast"), exponents),
    )
    return Section("Generators", text, goals + judged)


def _missing(library: str) -> str:
    return f"{library} is not installed"


def _lorenz() -> Any:
    return get_system("lorenz63")


def _adaptive() -> Any:
    return _lorenz().with_integrator("dopri5", rtol=1e-9, atol=1e-9)


def _equations(t: float, x: np.ndarray) -> list[float]:
    """As a user of scipy writes them."""
    u, v, w = x
    return [10.0 * (v - u), u * (28.0 - w) - v, u * v - 8.0 / 3.0 * w]


def _solve(start: np.ndarray, times: np.ndarray, **settings: Any) -> np.ndarray:
    from scipy.integrate import solve_ivp

    return solve_ivp(_equations, (0.0, times[-1]), start, t_eval=times, **settings).y.T


def _trajectories() -> dict[str, Variant]:
    """Units of 500 points of one trajectory."""
    dt = PERIOD / PER_PERIOD
    lorenz, adaptive = _lorenz(), _adaptive()
    start = lorenz.attractor_points(1, transient=50.0, seed=0)[0]

    def theirs(n: int) -> None:
        _solve(start, dt * np.arange(UNIT * n), method="DOP853", rtol=1e-9, atol=1e-9)

    variants = {
        OURS: Variant(lambda n: lorenz.simulate(UNIT * n, dt, transient=0.0, seed=0)),
        ADAPTIVE: Variant(lambda n: adaptive.simulate(UNIT * n, dt, transient=0.0, seed=0)),
        "scipy DOP853, 1e-9": Variant(theirs),
    }
    if importlib.util.find_spec("dysts") is not None:
        variants["dysts"] = Variant(_dysts_trajectory())
    return variants


def _dysts_trajectory() -> Callable[[int], Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dysts.flows import Lorenz
    return lambda n: Lorenz().make_trajectory(UNIT * n, pts_per_period=PER_PERIOD)


def _ensembles() -> dict[str, Variant]:
    """Units of 1000 steps of one member, a row after each."""
    lorenz = _lorenz()
    h, starts = lorenz.max_step, lorenz.attractor_points(MEMBERS, transient=50.0, seed=0)

    def equal_steps(n: int) -> None:
        times = h * np.arange(CHUNK * n + 1)
        _solve(starts[0], times, method="RK45", first_step=h, max_step=h, rtol=1e-3, atol=1e-3)

    def equal_rows(n: int) -> None:
        _solve(starts[0], h * np.arange(CHUNK * n + 1), method="DOP853", rtol=1e-9, atol=1e-9)

    return {
        OURS: Variant(lambda n: simulate_ensemble(lorenz, CHUNK * n + 1, h, starts=starts), models=MEMBERS),
        SAME_STEPS: Variant(equal_steps),
        "a loop of scipy DOP853, 1e-9, as many rows": Variant(equal_rows),
    }


def _errors() -> str:
    """Distance from a solution of tolerance 1e-13 after one period, in parts of the attractor's size."""
    lorenz = _lorenz()
    start = lorenz.attractor_points(1, transient=50.0, seed=1)[0]
    exact = _lorenz().with_integrator("dopri5", rtol=1e-13, atol=1e-13)._orbit(start, 2, PERIOD, 0.0)[1]
    ends = {
        OURS: lorenz._orbit(start, 2, PERIOD, 0.0)[1],
        ADAPTIVE: _adaptive()._orbit(start, 2, PERIOD, 0.0)[1],
        "scipy": _solve(start, np.array([0.0, PERIOD]), method="DOP853", rtol=1e-9, atol=1e-9)[1],
    }
    gaps = {name: np.abs((end - exact) / lorenz.state_scale()).max() for name, end in ends.items()}
    return ", ".join(f"{name} {gap:.1g}" for name, gap in gaps.items())


def _exponents(effort: Effort, say: Say) -> tuple[list[tuple], list[Goal]]:
    """Rows and goals of the time to an accuracy of 1 %."""
    where = f"Lorenz-63, to {100 * ACCURACY:g} %"
    starts = _lorenz().attractor_points(STARTS, transient=50.0, seed=1)
    libraries: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {OURS: _our_exponents()}
    if importlib.util.find_spec("pynamicalsys") is not None:
        libraries["pynamicalsys"] = _their_exponents()
    reached = {name: _shortest(run, starts) for name, run in libraries.items()}
    variants = {name: _repeated(run, starts[0], reached[name][0]) for name, run in libraries.items()}
    errors: dict[str, tuple[float, float]] = dict(reached)
    if importlib.util.find_spec("dysts") is not None:
        found = _dysts_exponents()
        errors["dysts"] = DYSTS_PERIODS * PERIOD, _error(np.array([found()]))
        variants["dysts"] = Variant(lambda n: [found() for _ in range(n)])
    seconds = measure(variants, effort, within(say, "exponents"))
    rows, goals = [], []
    for name, taken in seconds.items():
        times: Ratio | str = "" if name == OURS else ratio(taken, seconds[OURS])
        rows.append((name, f"{errors[name][0]:g}", f"{errors[name][1]:.2g}", f"{float(np.median(taken)):.3g}", times))
    for name in ("pynamicalsys", "dysts"):
        measured = ratio(seconds[name], seconds[OURS]).median if name in seconds else None
        reason = "" if name in seconds else _missing(name)
        goals.append(
            Goal(f"all exponents against {name}", where, WANTED["exponents"], measured, reason=reason, unit="x")
        )
    return rows, goals


def _repeated(run: Callable[[np.ndarray, float], np.ndarray], start: np.ndarray, duration: float) -> Variant:
    return Variant(lambda n: [run(start, duration) for _ in range(n)])


def _shortest(run: Callable[[np.ndarray, float], np.ndarray], starts: np.ndarray) -> tuple[float, float]:
    """The first duration at which the error is small enough, or the last one, and the error there."""
    for duration in DURATIONS:
        error = _error(np.array([run(start, float(duration)) for start in starts]))
        if error <= ACCURACY:
            break
    return float(duration), error


def _error(found: np.ndarray) -> float:
    """The larger of the relative errors, root mean square, of the first and last of the exponents (runs, 3)."""
    relative = found[:, [0, -1]] / np.array(EXPONENTS)[[0, -1]] - 1.0
    return float(np.sqrt((relative**2).mean(axis=0)).max())


def _our_exponents() -> Callable[[np.ndarray, float], np.ndarray]:
    step = dataclasses.replace(_lorenz(), max_step=STEP).tangent_map(STEP)

    def run(start: np.ndarray, duration: float) -> np.ndarray:
        steps = round(duration / STEP)
        return lyapunov_spectrum(step, start[None], steps=steps, transient=ALIGNING, dt=STEP, qr_every=10).exponents

    return run


def _their_exponents() -> Callable[[np.ndarray, float], np.ndarray]:
    other = importlib.import_module("pynamicalsys").ContinuousDynamicalSystem(model="lorenz system")
    other.integrator("rk4", time_step=STEP)

    def run(start: np.ndarray, duration: float) -> np.ndarray:
        return np.asarray(other.lyapunov(start.tolist(), duration, parameters=[10.0, 28.0, 8 / 3]))

    return run


def _dysts_exponents() -> Callable[[], np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dysts.analysis import find_lyapunov_exponents
        from dysts.flows import Lorenz

    def run() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            points = DYSTS_PERIODS * DYSTS_PER_PERIOD
            return np.asarray(find_lyapunov_exponents(Lorenz(), points, pts_per_period=DYSTS_PER_PERIOD))

    return run
