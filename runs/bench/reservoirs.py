"""Section on the echo state network against reservoirpy: fit and generation, matrices drawn or given."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from dsr.models import EchoStateNetwork

from ..markdown import paragraphs, table
from .goals import Goal, Section
from .sizes import series
from .timing import Effort, Say, Variant, measure, ratio, within

UNITS, DENSITY = 500, 0.02
WANTED = {"fit": 2.0, "generation": 1.5}
APART = 1e-10
OURS, THEIRS = "dsr", "reservoirpy"
WHERE = f"N = {UNITS}"


def reservoirs(effort: Effort, say: Say) -> Section:
    """Times as fast as reservoirpy, and how far the states are apart."""
    if importlib.util.find_spec("reservoirpy") is None:
        why = "reservoirpy is not installed"
        goals = [Goal(f"reservoir, {what}", WHERE, least, None, reason=why, unit="x") for what, least in WANTED.items()]
        return Section("Reservoirs", f"Not measured: {why}.", goals)
    values = series(3).values
    y = (values - values.mean(0)) / values.std(0)
    rows, goals = [], []
    for what, variants, unit, factor in (("fit", _fits, "ms", 1e3), ("generation", _free_runs, "us a step", 1e6)):
        for same in (False, True):
            matrices = "the same matrices" if same else "matrices of its own"
            seconds = measure(variants(y, same), effort, within(say, f"{what}, {matrices}"))
            times = ratio(seconds[THEIRS], seconds[OURS])
            medians = (f"{factor * float(np.median(seconds[name])):.3g} {unit}" for name in (OURS, THEIRS))
            rows.append((f"{what}, {matrices}", *medians, times))
            goals.append(Goal(f"reservoir, {what}, {matrices}", WHERE, WANTED[what], times.median, unit="x"))
    apart = largest_difference(y)
    goals.append(Goal("reservoir, states apart from reservoirpy's", WHERE, APART, apart, most=True))
    text = paragraphs(
        f"Lorenz-63, {len(y)} rows, {UNITS} units that each read {round(DENSITY * UNITS)} others, settings equal. A "
        "fit drives the units and solves for the readout; with matrices of its own it also draws them and scales them "
        "to the spectral radius. Generation is a free run.",
        table(("", OURS, THEIRS, "times as fast"), rows),
        f"Given the same matrices, the states are {apart:.1e} apart at most.",
    )
    return Section("Reservoirs", text, goals)


def largest_difference(y: np.ndarray) -> float:
    """Of the states along the data (time, 3), given the same matrices."""
    model, states = _ours(), np.empty((len(y), UNITS))
    model.feed(y, np.zeros(UNITS), states)
    return float(np.abs(states - _theirs(model).nodes[0].run(y)).max())


def _ours() -> EchoStateNetwork:
    return EchoStateNetwork(3, units=UNITS, density=DENSITY)


def _theirs(same: EchoStateNetwork | None) -> Any:
    """A model of the other library, with the settings of `_ours`, or with the matrices of a model."""
    from reservoirpy import mat_gen
    from reservoirpy.nodes import Reservoir, Ridge
    from scipy.sparse import csr_array

    if same is None:
        matrices = {"W": mat_gen.uniform, "Win": mat_gen.uniform, "bias": 1.6, "units": UNITS, "sr": 0.8}
        matrices |= {"rc_connectivity": DENSITY, "input_connectivity": 1.0, "input_scaling": 0.7, "seed": 0}
    else:
        matrices = {"W": csr_array(same.A.numpy()), "Win": same.W_in.numpy(), "bias": same.bias.numpy()}
    return Reservoir(lr=0.6, **matrices) >> Ridge(2e-12 * 10_000, fit_bias=False)


def _fits(y: np.ndarray, same: bool) -> dict[str, Variant]:
    given = _ours()

    def ours(n: int) -> None:
        for _ in range(n):
            model = given if same else _ours()
            model.solve([y], np.random.default_rng(0))

    def theirs(n: int) -> None:
        for _ in range(n):
            _fit_theirs(_theirs(given if same else None), y)

    return {OURS: Variant(ours), THEIRS: Variant(theirs)}


def _free_runs(y: np.ndarray, same: bool) -> dict[str, Variant]:
    model = _ours()
    model.solve([y], np.random.default_rng(0))
    start = model.initial_state(y[None, :300])
    other = _fit_theirs(_theirs(model if same else None), y)
    other.run(y[:299])

    def theirs(n: int) -> np.ndarray:
        rows, x = np.empty((n, 3)), y[299]
        for t in range(n):
            x = rows[t] = other.step(x)
        return rows

    return {OURS: Variant(lambda n: model.free_run(start, n)), THEIRS: Variant(theirs)}


def _fit_theirs(model: Any, y: np.ndarray) -> Any:
    return model.fit(y[:-1], y[1:], warmup=200)
