"""The data of a run: training, validation and test series, and what is known of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsr.errors import DataError
from dsr.reading import load_trajectories, same_unit
from dsr.series import TimeSeries, same_step

from ..analysis import LyapunovSpectrum
from ..systems import System, get_system
from ..systems.making import independent_sets, seeds_of_sets
from .ground_truth.spectrum import true_spectrum
from .observed import embedding_of, observed
from .series_cache import NO_CACHE, SeriesCache
from .spec import LEAST_JUDGED, AnalysisSpec, FileData, RunSpec, SystemData

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
        found = _from_file(spec.data, spec.seed)
    else:
        found = _from_system(spec.data, spec.seed, cache)
    if len(found.test) < LEAST_JUDGED:
        raise DataError(
            f"{len(found.test)} rows to be judged on{', once embedded' if 'embedding' in found.estimated else ''}",
            f"a test series of {LEAST_JUDGED} rows or more",
            "set data.test higher"
            if isinstance(spec.data, SystemData)
            else "bring a longer series, or lower data.train",
        )
    return found


def _from_system(data: SystemData, seed: int, cache: SeriesCache) -> Dataset:
    system = get_system(data.system, **(data.parameters or {}))
    dt, transient = _grid(data, system)
    _, _, _, apart = seeds_of_sets(seed)

    rows = (data.train, data.validation, data.test)
    # before the few rows that the cache tells series apart by
    system.checked_request(max(rows), dt, transient, seed, data.noise)
    system.checked_request(data.test, dt, transient, seed, 0.0, data.floor_trajectories)

    def sets() -> list[TimeSeries]:
        return [*independent_sets(system, *rows, dt, transient=transient, seed=seed, noise=data.noise)]

    def others() -> list[TimeSeries]:
        return system.simulate_many(data.test, dt, count=data.floor_trajectories, transient=transient, seed=apart)

    grid = {"dt": dt, "transient": transient, "test": data.test}
    seen = {"train": data.train, "validation": data.validation, "noise": data.noise}
    series = cache.series(system, {**grid, **seen, "seed": seed}, sets)
    series += cache.series(system, {**grid, "count": data.floor_trajectories, "seed": apart}, others)
    if data.columns is not None:
        series = [observed(s, data.columns) for s in series]
    embedding, estimated = embedding_of(data.embed, series[0]), dict[str, Any](dt=dt, transient=transient)
    notes = [system.warning] if system.warning else []
    if embedding is not None:
        estimated["embedding"] = embedding.settings
        notes.append(embedding.sentence)
        series = [embedding.apply(s) for s in series]
    train, validation, test, *independent = series
    return Dataset([train], [validation], test, independent, estimated=estimated, notes=tuple(notes))


def truth_spectrum(spec: RunSpec) -> LyapunovSpectrum | None:
    """Lyapunov spectrum of the equations behind the data, by the code that also judges the model; None for files that
    name no system as their truth.

    At the parameters of the catalogue it is read from the table of ground truth.
    """
    data = spec.data
    if isinstance(data, SystemData):
        system = get_system(data.system, **(data.parameters or {}))
        dt, transient = _grid(data, system)
    elif data.truth:
        system = get_system(data.truth)
        dt, transient = data.dt or system.dt, transient_of(system, None)
    else:
        return None
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


def _from_file(data: FileData, seed: int) -> Dataset:
    trajectories = _load(data, data.file)
    stretches = [_parts(data, series) for series in trajectories]
    embedding = embedding_of(data.embed, stretches[0][0])
    notes, estimated = [], {}
    if len(stretches) > 1:
        notes.append(f"{len(stretches)} trajectories; judged on the test stretch of the longest.")
    tests = _load(data, data.test_file) if data.test_file else [test for *_, test in stretches]
    train, validation = [s[0] for s in stretches], [s[1] for s in stretches]
    if data.test_file:
        _require_alike(train[0], tests, data)
    if embedding is not None:
        estimated = {"embedding": embedding.settings}
        notes.append(embedding.sentence)
        train, validation, tests = ([embedding.apply(s) for s in part] for part in (train, validation, tests))
    test = max(tests, key=len)
    if not data.truth:
        return Dataset(train, validation, test, estimated=estimated, notes=tuple(notes))
    notes.append(f"Truth: {Path(data.truth).name}, trajectories of which give the floors.")
    return Dataset(train, validation, test, _of_truth(data, test, seed), estimated=estimated, notes=tuple(notes))


def _load(data: FileData, path: str) -> list[TimeSeries]:
    """The trajectories of one of the files, read as the spec says."""
    found = load_trajectories(
        path,
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
    for series in found:
        series.require_variation()
    return found


def _require_alike(train: TimeSeries, tests: Sequence[TimeSeries], data: FileData) -> None:
    """Raises `DataError` for a test file of other columns or another time step than the training file."""
    for test in tests:
        alike = same_step(test.dt, train.dt) and same_unit(test.time_unit, train.time_unit)
        if test.dim != train.dim or not alike:
            raise DataError(
                f"the test file '{data.test_file}' with {test.dim} columns every {test.dt:g} {test.time_unit}, and "
                f"'{data.file}' with {train.dim} every {train.dt:g} {train.time_unit}",
                "the same columns and time step in both",
                "give another data.test_file, or name the columns that both have with data.columns",
            )


def _parts(data: FileData, series: TimeSeries) -> tuple[TimeSeries, TimeSeries, TimeSeries]:
    """Training, validation and test stretch; without a fraction for it the first is the second, too, and with a test
    file the third is not used."""
    if data.validation and not data.test_file:
        return series.split(data.train, data.validation)
    end = round(len(series) * data.train)
    last = round(len(series) * (data.train + data.validation))
    train = series[:end]
    return train, series[end:last] if data.validation else train, train if data.test_file else series[last:]


def _of_truth(data: FileData, test: TimeSeries, seed: int) -> list[TimeSeries]:
    """Trajectories of the system behind a file, in the units of its columns.

    Raises `DataError` where the columns are not those of the system.
    """
    system = get_system(data.truth)
    found = system.simulate_many(
        len(test), test.dt, count=data.floor_trajectories, transient=transient_of(system, None), seed=seed
    )
    mean, std = np.array(data.truth_mean or 0.0), np.array(data.truth_std or 1.0)
    dims = {found[0].dim, test.dim, *(a.size for a in (mean, std) if a.ndim)}
    if len(dims) > 1:
        raise DataError(
            f"{test.dim} columns of data, and a truth {data.truth} of {found[0].dim} with {mean.size} values in "
            f"truth_mean and {std.size} in truth_std",
            "all columns of the system, in its order, and one value for each",
            "leave data.truth out, or give the other columns",
        )
    return [TimeSeries((s.values - mean) / std, s.dt, s.time_unit, s.names, s.origin) for s in found]
