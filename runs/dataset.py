"""The data of a run: training, validation and test series, and what is known of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.reading import load_trajectories
from dsr.series import TimeSeries

from ..analysis import LyapunovSpectrum
from ..systems import System, get_system
from ..systems.making import independent_sets
from .ground_truth.spectrum import true_spectrum
from .observed import embedding_of
from .series_cache import NO_CACHE, SeriesCache
from .spec import AnalysisSpec, FileData, RunSpec, SystemData

TRANSIENT_PERIODS = 50


@dataclass(frozen=True)
class Dataset:
    """independent : further true trajectories for the floors (systems only); estimated : what was chosen from the
    data; notes : sentences for the report."""

    train: list[TimeSeries]
    validation: list[TimeSeries]
    test: TimeSeries
    independent: list[TimeSeries] = field(default_factory=list)
    estimated: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def prepare(spec: RunSpec, cache: SeriesCache = NO_CACHE) -> Dataset:
    """Simulate or read the data of a run. Everything random comes from children of the run's seed.

    `cache` keeps what takes long to simulate; the data are the same without it.
    """
    if isinstance(spec.data, FileData):
        return _from_file(spec.data)
    return _from_system(spec.data, spec.seed, cache)


def _from_system(data: SystemData, seed: int, cache: SeriesCache) -> Dataset:
    system = get_system(data.system, **(data.parameters or {}))
    dt, transient = _grid(data, system)
    apart = int(np.random.SeedSequence(seed).generate_state(4)[3])  # the first three are those of the sets

    def sets() -> list[TimeSeries]:
        rows = (data.train, data.validation, data.test)
        return [*independent_sets(system, *rows, dt, transient=transient, seed=seed, noise=data.noise)]

    def others() -> list[TimeSeries]:
        return system.simulate_many(data.test, dt, count=data.floor_trajectories, transient=transient, seed=apart)

    grid = {"dt": dt, "transient": transient, "test": data.test}
    seen = {"train": data.train, "validation": data.validation, "noise": data.noise}
    train, validation, test = cache.series(system, {**grid, **seen, "seed": seed}, sets)
    independent = cache.series(system, {**grid, "count": data.floor_trajectories, "seed": apart}, others)
    notes = (system.warning,) if system.warning else ()
    return Dataset([train], [validation], test, independent, estimated={"dt": dt, "transient": transient}, notes=notes)


def truth_spectrum(spec: RunSpec) -> LyapunovSpectrum | None:
    """Lyapunov spectrum of the equations behind the data, by the code that also judges the model; None for files.

    At the parameters of the catalogue it is read from the table of ground truth.
    """
    if not isinstance(spec.data, SystemData):
        return None
    system = get_system(spec.data.system, **(spec.data.parameters or {}))
    dt, transient = _grid(spec.data, system)
    settings: AnalysisSpec = spec.analysis
    return true_spectrum(
        system,
        dt=dt,
        transient=transient,
        steps=settings.lyapunov_steps,
        members=settings.lyapunov_members,
        seed=spec.seed,
    )


def _grid(data: SystemData, system: System) -> tuple[float, float]:
    dt = system.dt if data.dt is None else data.dt
    return dt, transient_of(system, data.transient)


def transient_of(system: System, asked: float | None) -> float:
    """Time dropped before a trajectory: as asked, or 50 periods."""
    return TRANSIENT_PERIODS * system.period if asked is None else asked


def _from_file(data: FileData) -> Dataset:
    trajectories = load_trajectories(
        data.file,
        dt=data.dt,
        time_unit=data.time_unit,
        columns=None if data.columns is None else list(data.columns),
        time_column=data.time_column,
        trajectory_column=data.trajectory_column,
        transpose=data.transpose,
        missing=data.missing,  # type: ignore[arg-type]  # judged by load_trajectories
        resample=data.resample,
        array=data.array,
        header=data.header,
    )
    for series in trajectories:
        series.require_variation()
    stretches = [series.split(data.train, data.validation) for series in trajectories]
    embedding = embedding_of(data.embed, stretches[0][0])
    notes = []
    if len(stretches) > 1:
        notes.append(f"{len(stretches)} trajectories; judged on the test stretch of the longest.")
    estimated: dict[str, Any] = {}
    if embedding is not None:
        estimated = {"embedding": embedding.settings}
        notes.append(embedding.sentence)
        stretches = [tuple(embedding.apply(s) for s in parts) for parts in stretches]  # type: ignore[misc]
    train, validation, test = (list(part) for part in zip(*stretches, strict=True))
    return Dataset(train, validation, max(test, key=len), estimated=estimated, notes=tuple(notes))
