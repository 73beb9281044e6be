"""Small comparisons for the gallery: families that are solved within a second, over data and systems."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsr.measure import Floor
from dsr.models import MODELS, Model
from dsr.series import TimeSeries
from dsr.training import fit

from ...analysis import d_stsp, lyapunov_spectrum
from ...analysis.scorecard.floor import INDEPENDENT, quantile_floor
from ...analysis.scorecard.outcome import first_lost_step
from ...systems import get_system
from ...systems.making import independent_sets
from ..figures import Spectrum
from ..ground_truth.spectrum import stored_spectrum

FAMILIES = ("ngrc", "sindy", "esn", "var", "dmd")
SYSTEMS = ("lorenz63", "rossler", "dysts:Halvorsen", "dysts:Rucklidge", "dysts:SprottB")
NOISE, SEEDS = 0.02, 5
ROWS = (200, 500, 1000, 2000, 5000)  # of training data that are swept
TRAIN, TEST, TRANSIENT, FLOORS = 5000, 10_000, 500, 10


@dataclass(frozen=True)
class Scores:
    """Quartiles over runs that stayed finite: (median, low, high), and how many were lost."""

    median: float
    low: float
    high: float
    lost: int


def solved(name: str, train: TimeSeries, seed: int = 0) -> Model:
    """A model of this family with its default settings."""
    model = MODELS.build(name, {}).build(train.dim, seed)
    fit(model, train, seed=seed)
    return model


def score(model: Model, test: TimeSeries) -> float:
    """D_stsp of a free run as long as the test series; infinite where it diverges."""
    context = test.values[None, : model.min_context]
    run = model.free_run(model.initial_state(context), TRANSIENT + len(test))
    if first_lost_step(run, test.values) is not None:
        return math.inf
    return d_stsp(test.values, run.observations[0, TRANSIENT:]).value


def quartiles(values: list[float]) -> Scores:
    found = [v for v in values if math.isfinite(v)]
    if not found:
        return Scores(math.nan, math.nan, math.nan, len(values))
    low, median, high = (float(q) for q in np.quantile(found, [0.25, 0.5, 0.75]))
    return Scores(median, low, high, len(values) - len(found))


def data_of(name: str, seed: int, rows: int = TRAIN) -> tuple[TimeSeries, TimeSeries]:
    """Noisy training series and clean test series."""
    system = get_system(name)
    transient = 50 * system.period
    train, _, test = independent_sets(system, rows, 10, TEST, system.dt, transient=transient, seed=seed, noise=NOISE)
    return train, test


def floor_of(name: str) -> Floor:
    system = get_system(name)
    test = data_of(name, 0)[1]
    others = system.simulate_many(TEST, system.dt, count=FLOORS, transient=50 * system.period, seed=99)
    return quantile_floor([d_stsp(test.values, o.values).value for o in others], INDEPENDENT)


def families(name: str) -> dict[str, Scores]:
    """Every family on one system, over seeds of the data."""
    sets = [data_of(name, seed) for seed in range(SEEDS)]
    return {family: quartiles([score(solved(family, *pair[:1]), pair[1]) for pair in sets]) for family in FAMILIES}


def lengths(name: str, family: str) -> list[Scores]:
    """One family over the length of its training data."""
    sets = [data_of(name, seed, max(ROWS)) for seed in range(SEEDS)]
    return [quartiles([score(solved(family, train[:rows]), test) for train, test in sets]) for rows in ROWS]


def losses() -> dict[str, list[float]]:
    """Of every family on every system, one run each."""
    sets = [data_of(name, 0) for name in SYSTEMS]
    return {family: [score(solved(family, train), test) for train, test in sets] for family in FAMILIES}


def spectra(name: str, *, steps: int = 2000, members: int = 8) -> tuple[Spectrum, dict[str, Spectrum]]:
    """Exponents of the truth and of every family whose free run stays bounded."""
    train, test = data_of(name, 0)
    truth = stored_spectrum(get_system(name))
    assert truth is not None  # of the catalogue
    found = {}
    for family in FAMILIES:
        model = solved(family, train)
        run = model.free_run(model.initial_state(test.values[None, : model.min_context]), 2000)
        if first_lost_step(run, test.values) is not None:
            found[family] = Spectrum([], [])
            continue
        states = run.states[0, np.linspace(1000, 1999, members).astype(int)]
        spectrum = lyapunov_spectrum(
            model.tangent_map(), states, steps=steps, transient=500, k=min(model.state_dim, test.dim), dt=test.dt,
            time_unit=test.time_unit,
        )  # fmt: skip
        found[family] = Spectrum(spectrum.exponents.tolist(), spectrum.stderr.tolist())
    return Spectrum(truth.exponents.tolist(), truth.stderr.tolist()), found
