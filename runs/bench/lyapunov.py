"""Section on Lyapunov exponents: of equations, of models and from data, against other libraries."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.models import ALRNN, EchoStateNetwork

from ...analysis import delay_embed, lyapunov_spectrum, max_lyapunov_from_data
from ...systems import get_system
from ..markdown import paragraphs, table
from .goals import Goal, Section
from .timing import Effort, Say, Variant, measure, ratio, within

STEP, STEPS = 0.01, 1000  # of one run of the equations: a step, and how many make one unit of work
LAMBDA_1, ACCURACY = 0.90563, 0.002
LONG = 4_000_000  # steps of the run that shows the accuracy
ROWS, TRAJECTORY = 10_000, 300  # of a series, and how long neighbours are followed
UNITS, LEADING, RESERVOIR_MS = 1000, 10, 3.0
WANTED = {"pynamicalsys": 1.0, "dysts": 500.0, "nolds": 20.0}
OURS, STEPWISE = "dsr", "step by step"


def lyapunov(effort: Effort, say: Say) -> Section:
    """Times as fast as pynamicalsys, dysts and nolds; time per step of a large reservoir."""
    rows, goals = [], []
    for library, where, make in (
        ("pynamicalsys", "Lorenz-63, three exponents, h = 0.01", _against_pynamicalsys),
        ("dysts", "Lorenz-63, three exponents, per unit of time", _against_dysts),
        ("nolds", f"Rosenstein, Lorenz-63, x embedded, {ROWS} rows", _against_nolds),
    ):
        if importlib.util.find_spec(library) is None:
            missing = f"{library} is not installed"
            goals.append(Goal(f"exponents, {library}", where, WANTED[library], None, reason=missing, unit="x"))
            continue
        seconds = measure(make(), effort, within(say, library))
        times = ratio(seconds[library], seconds[OURS])
        rows.append((where, library, *_milliseconds(seconds, OURS, library), times))
        goals.append(Goal(f"exponents, {library}", where, WANTED[library], times.median, unit="x"))
    where = "AL-RNN, M = 20, P = 10, 16 members, all exponents"
    seconds = measure(_regions(), effort, within(say, where))
    times = ratio(seconds[STEPWISE], seconds[OURS])
    rows.append((where, STEPWISE, *_milliseconds(seconds, OURS, STEPWISE), times))
    where = f"reservoir, {UNITS} units, k = {LEADING}"
    step = 1e3 * float(np.median(measure({OURS: Variant(_reservoir())}, effort, within(say, where))[OURS]))
    goals.append(Goal("time of a step of the spectrum", where, RESERVOIR_MS, step, most=True, unit=" ms"))
    error = accuracy()
    goals.append(Goal("relative error of lambda_1", f"Lorenz-63, {LONG} steps", ACCURACY, error, most=True))
    text = paragraphs(
        f"One unit of work is a run of {STEPS} steps of the equations, 1.5 time units for dysts, one series for nolds, "
        "one step of all members for the network.",
        table(("", "against", f"{OURS}, ms", "other, ms", "times as fast"), rows),
        f"The spectrum of a reservoir of {UNITS} units, k = {LEADING}, takes {step:.2g} ms a step; the largest "
        f"exponent of Lorenz-63 after {LONG} steps is off by {100 * error:.2g} %.",
    )
    return Section("Lyapunov exponents", text, goals)


def accuracy() -> float:
    """Relative error of the largest exponent of Lorenz-63 in one long run of four members."""
    return abs(_lorenz(4, transient=1000)(LONG // 4)[0] / LAMBDA_1 - 1)


def _milliseconds(seconds: dict[str, np.ndarray], *names: str) -> list[str]:
    return [f"{1e3 * float(np.median(seconds[name])):.3g}" for name in names]


def _lorenz(members: int = 1, transient: int = 0) -> Callable[[int], np.ndarray]:
    """Exponents after so many steps."""
    lorenz: Any = get_system("lorenz63")
    system = dataclasses.replace(lorenz, max_step=STEP)
    x0, step = system.attractor_points(members, transient=50.0, seed=1), system.tangent_map(STEP)
    return lambda n: lyapunov_spectrum(step, x0, steps=n, transient=transient, dt=STEP, qr_every=10).exponents


def _against_pynamicalsys() -> dict[str, Variant]:
    other = importlib.import_module("pynamicalsys").ContinuousDynamicalSystem(model="lorenz system")
    other.integrator("rk4", time_step=STEP)

    def theirs(n: int) -> Any:
        return other.lyapunov([1.0, 1.0, 25.0], n * STEPS * STEP, parameters=[10.0, 28.0, 8 / 3])

    ours = _lorenz()
    return {OURS: Variant(lambda n: ours(n * STEPS)), "pynamicalsys": Variant(theirs)}


def _against_dysts() -> dict[str, Variant]:
    from dysts.analysis import find_lyapunov_exponents
    from dysts.flows import Lorenz

    def theirs(n: int) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return find_lyapunov_exponents(Lorenz(), 500 * n, pts_per_period=500)

    ours = _lorenz()
    return {OURS: Variant(lambda n: ours(150 * n)), "dysts": Variant(theirs)}


def _against_nolds() -> dict[str, Variant]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nolds

    x = get_system("lorenz63").simulate(ROWS, STEP, transient=50.0, seed=0).values[:, 0]
    embedded = delay_embed(x, 5, 10)

    def ours(n: int) -> None:
        for _ in range(n):
            max_lyapunov_from_data(embedded, STEP, references=len(embedded))

    def theirs(n: int) -> None:
        for _ in range(n):
            nolds.lyap_r(x, emb_dim=5, lag=10, min_tsep=100, trajectory_len=TRAJECTORY, tau=STEP, fit="poly")

    return {OURS: Variant(ours), "nolds": Variant(theirs)}


def _regions() -> dict[str, Variant]:
    model = ALRNN(3, 20, 10, seed=1)
    x0, tangent_map = np.random.default_rng(0).standard_normal((16, 20)), model.tangent_map()

    def run(step: Any) -> Callable[[int], Any]:
        return lambda n: lyapunov_spectrum(step, x0, steps=max(n, 5), transient=0, dt=1.0)

    return {OURS: Variant(run(tangent_map)), STEPWISE: Variant(run(lambda x, q: tangent_map(x, q)))}


def _reservoir() -> Callable[[int], Any]:
    step = EchoStateNetwork(3, units=UNITS).tangent_map()
    x0 = 0.1 * np.random.default_rng(0).standard_normal((1, UNITS + 3))
    return lambda n: lyapunov_spectrum(step, x0, steps=max(n, 5), transient=0, dt=1.0, k=LEADING)
