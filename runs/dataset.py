"""The data of a run: training, validation and test series, and what is known of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.reading import load_trajectories
from dsr.series import TimeSeries

from ..analysis import Embedding, LyapunovSpectrum, choose_embedding, delay_embed
from ..systems import System, get_system
from ..systems.making import independent_sets
from .ground_truth.spectrum import true_spectrum
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


def prepare(spec: RunSpec) -> Dataset:
    """Simulate or read the data of a run. Everything random comes from children of the run's seed."""
    if isinstance(spec.data, FileData):
        return _from_file(spec.data)
    return _from_system(spec.data, spec.seed)


def _from_system(data: SystemData, seed: int) -> Dataset:
    system = get_system(data.system, **(data.parameters or {}))
    dt, transient = _grid(data, system)
    train, validation, test = independent_sets(
        system, data.train, data.validation, data.test, dt, transient=transient, seed=seed, noise=data.noise
    )
    apart = int(np.random.SeedSequence(seed).generate_state(4)[3])  # the first three are those of the sets
    independent = system.simulate_many(data.test, dt, count=data.floor_trajectories, transient=transient, seed=apart)
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
    embedding = _embedding(data.embed, stretches[0][0])
    notes = []
    if len(stretches) > 1:
        notes.append(f"{len(stretches)} trajectories; judged on the test stretch of the longest.")
    estimated: dict[str, Any] = {}
    if embedding is not None:
        dimension, delay, remark = embedding
        estimated = {"embedding": {"dimension": dimension, "delay": delay}}
        notes.append(
            f"Delay embedding of the one observed column: dimension {dimension}, delay {delay} steps{remark}; "
            "invariants are those of the embedded series."
        )
        stretches = [tuple(_embedded(s, dimension, delay) for s in parts) for parts in stretches]  # type: ignore[misc]
    train, validation, test = (list(part) for part in zip(*stretches, strict=True))
    return Dataset(train, validation, max(test, key=len), estimated=estimated, notes=tuple(notes))


def _embedding(choice: str, train: TimeSeries) -> tuple[int, int, str] | None:
    """Dimension, delay and a remark on the choice; None when the columns are used as they are."""
    if choice == "none" or (choice == "auto" and train.dim > 1):
        return None
    if train.dim > 1:
        raise DataError(
            f"embed = '{choice}' with {train.dim} columns",
            "a single column",
            "choose one with --columns, or embed=none",
        )
    if choice == "auto":
        found: Embedding = choose_embedding(train.values[:, 0])
        return found.dimension, found.delay, f" ({found.note})" if found.note else ""
    dimension, _, delay = choice.partition("x")
    if not (dimension.isdigit() and delay.isdigit() and int(dimension) >= 1 and int(delay) >= 1):
        raise SpecError(f"embed = '{choice}'", "auto, none, or DIMENSIONxDELAY", "write for example --embed 3x12")
    return int(dimension), int(delay), ""


def _embedded(series: TimeSeries, dimension: int, delay: int) -> TimeSeries:
    values = delay_embed(series.values[:, 0], dimension, delay)
    names = tuple(f"{series.names[0]}(t+{i * delay})" if i else series.names[0] for i in range(dimension))
    origin = {**series.origin, "embedding": {"dimension": dimension, "delay": delay}}
    return TimeSeries(values, series.dt, series.time_unit, names, origin)
