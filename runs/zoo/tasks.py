"""The data that the families are compared on: training and test series with what is known of the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from dsr.errors import DataError
from dsr.series import TimeSeries

from ...systems import get_system
from ..ground_truth.spectrum import true_spectrum

RUN, RUNS = 10_000, 10  # rows and number of the free runs that densities and spectra are taken from
TEST_SEED = 10_000  # the initial condition of every test trajectory


@dataclass(frozen=True, eq=False)
class Task:
    """train : the training series. test : an independent trajectory, clean where the system is known. independent :
    further true trajectories, for the floors. exponents : of the true system per unit of time, where known."""

    name: str
    title: str
    train: TimeSeries
    test: TimeSeries
    independent: tuple[TimeSeries, ...] = ()
    exponents: tuple[float, ...] = ()

    @property
    def lyapunov_time(self) -> float | None:
        return 1 / self.exponents[0] if self.exponents else None


@cache
def exponents(system: str, dim: int | None, dt: float, count: int) -> tuple[float, ...]:
    """The leading exponents of a system: those of the table of ground truth, or by QR of its own tangent map."""
    found = get_system(system, **({} if dim is None else {"dim": dim}))
    steps, transient = max(2000, round(100 * found.period / dt)), 50 * found.period
    spectrum = true_spectrum(found, dt=dt, transient=transient, steps=steps, members=64, seed=0)
    return tuple(float(x) for x in spectrum.exponents[:count])


@cache
def _unseen(system: str, dim: int | None, dt: float) -> tuple[TimeSeries, ...]:
    """The test trajectory and five more, the same for all seeds."""
    found = get_system(system, **({} if dim is None else {"dim": dim}))
    transient = 50 * found.period
    test = found.simulate(RUN * RUNS, dt, transient=transient, seed=TEST_SEED)
    others = found.simulate_many(RUN * RUNS, dt, count=5, transient=transient, seed=TEST_SEED + 1)
    return (test, *others)


def _simulated(
    name: str, title: str, system: str, dt: float, seed: int, *, rows: int = 10_000, dim: int | None = None, count: int
) -> Task:
    found = get_system(system, **({} if dim is None else {"dim": dim}))
    train = found.simulate(rows, dt, transient=50 * found.period, seed=seed)
    test, *others = _unseen(system, dim, dt)
    return Task(name, title, train, test, tuple(others), exponents(system, dim, dt, count))


def lorenz63(seed: int) -> Task:
    return _simulated("lorenz63", "Lorenz-63, clean, 10,000 rows, dt 0.01", "lorenz63", 0.01, seed, count=3)


def lorenz63_x(seed: int) -> Task:
    """Only the first coordinate is seen."""
    whole = lorenz63(seed)

    def first(s: TimeSeries) -> TimeSeries:
        return TimeSeries(s.values[:, :1], s.dt, s.time_unit, s.names[:1], s.origin)

    return replace(
        whole,
        name="lorenz63_x",
        title="Lorenz-63, x alone, clean, 10,000 rows, dt 0.01",
        train=first(whole.train),
        test=first(whole.test),
        independent=tuple(map(first, whole.independent)),
    )


def lorenz96_10(seed: int) -> Task:
    title = "Lorenz-96, 10 sites, F = 8, clean, 20,000 rows, dt 0.01"
    return _simulated("lorenz96_10", title, "lorenz96", 0.01, seed, rows=20_000, dim=10, count=10)


def lorenz96_20(seed: int) -> Task:
    title = "Lorenz-96, 20 sites, F = 8, clean, 40,000 rows, dt 0.01"
    return _simulated("lorenz96_20", title, "lorenz96", 0.01, seed, rows=40_000, dim=20, count=20)


def mackey_glass(seed: int) -> Task:
    title = "Mackey-Glass, tau 17, one column, clean, 10,000 rows, dt 1"
    return _simulated("mackey_glass", title, "mackey_glass", 1.0, seed, count=4)


def kuramoto_sivashinsky(seed: int) -> Task:
    title = "Kuramoto-Sivashinsky, L = 22, 64 columns, clean, 40,000 rows, dt 0.25"
    return _simulated("kuramoto_sivashinsky", title, "kuramoto_sivashinsky", 0.25, seed, rows=40_000, count=8)


def lorenz63_noise(folder: Path) -> Task:
    """The published noisy record; its test trajectory is clean."""
    train, test = _file(folder, "lorenz63_noise0.05_train.npy", 0.01), _file(folder, "lorenz63_test.npy", 0.01)
    truth = exponents("lorenz63", None, 0.01, 3)
    return Task("lorenz63_noise", "Lorenz-63 with 5 % noise, published, 100,000 rows, dt 0.01", train, test, (), truth)


def ecg(folder: Path) -> Task:
    train, test = (_file(folder, f"ecg_5d_700hz_{part}.npy", 1 / 700) for part in ("train", "test"))
    return Task("ecg", "Electrocardiogram, 5 delayed columns, published, 100,000 rows, 700 Hz", train, test)


def _file(folder: Path, name: str, dt: float) -> TimeSeries:
    try:
        values = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise DataError(
            f"'{folder / name}' cannot be read ({problem})",
            "the published data files",
            "name their folder with --data, or leave this task out",
        ) from problem
    unit = "s" if math.isclose(dt, 1 / 700) else "time units"
    return TimeSeries(values, dt, unit, origin={"file": name})


SIMULATED: dict[str, Callable[[int], Task]] = {
    "lorenz63": lorenz63,
    "lorenz63_x": lorenz63_x,
    "lorenz96_10": lorenz96_10,
    "lorenz96_20": lorenz96_20,
    "mackey_glass": mackey_glass,
    "kuramoto_sivashinsky": kuramoto_sivashinsky,
}
PUBLISHED: dict[str, Callable[[Path], Task]] = {"lorenz63_noise": lorenz63_noise, "ecg": ecg}
