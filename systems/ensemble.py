"""Many trajectories at once: over initial conditions, over parameters, or both; a member that fails is a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import DataError, SpecError, unknown
from dsr.series import TimeSeries

from .base import System, _whole
from .ensemble_device import Run, run_on_device
from .equations import Equations


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trajectories of many members on one time grid.

    Attributes
    ----------
    values : (batch, time, dim) float64, the observed coordinates; rows from a failure on are NaN.
    last : (batch, state) the full state at the last row, to go on from.
    dt, time_unit, names : as in `TimeSeries`.
    failed : (batch,) whether a member left the finite numbers. reasons : (batch,) why, "" where it did not.
    origin : system, parameters (a list of one value per member where they differ), start, integrator and versions.
    """

    values: np.ndarray
    last: np.ndarray
    dt: float
    time_unit: str
    names: tuple[str, ...]
    failed: np.ndarray
    reasons: np.ndarray
    origin: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.values)

    def series(self, member: int) -> TimeSeries:
        """One member as a `TimeSeries`; raises `DataError` for one that failed."""
        if not -len(self) <= member < len(self):
            raise SpecError(f"member {member}", f"0 to {len(self) - 1}", "count from 0")
        if self.failed[member]:
            raise DataError(
                f"member {member} of {self.origin['system']} {self.reasons[member]}",
                "members that stayed finite",
                "choose one where `failed` is False",
            )
        own = {
            key: value[member] if key in self.origin["varied"] else value
            for key, value in self.origin["parameters"].items()
        }
        origin = {**self.origin, "parameters": own, "member": int(member) % len(self)}
        del origin["varied"]
        return TimeSeries(self.values[member], self.dt, self.time_unit, self.names, origin)


def parameter_family(system: System, **values: Sequence[Any] | np.ndarray) -> list[System]:
    """One system per value of a parameter; several parameters are taken together, member by member.

    `parameter_family(lorenz, rho=np.linspace(20, 100, 81))`. Raises `SpecError` for an unknown parameter, for lists of
    different lengths, and for values that the system refuses.
    """
    for name in values:
        if name not in system.parameters:
            raise unknown(f"parameter of {system.name} named", name, system.parameters)
    columns = {name: _column(name, column) for name, column in values.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if not lengths or len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise SpecError(
            f"a family of {system.name} over {lengths or 'no parameter'}",
            "lists of equal length, one value per member",
            f"give for example {next(iter(system.parameters), 'a')}=[1.0, 2.0, 3.0]",
        )
    return [
        system.with_parameters(**dict(zip(columns, member, strict=True)))
        for member in zip(*columns.values(), strict=True)
    ]


def simulate_ensemble(
    systems: System | Sequence[System],
    n: int,
    dt: float | None = None,
    *,
    starts: Any = None,
    count: int | None = None,
    transient: float = 0.0,
    seed: int | None = None,
    device: str = "cpu",
) -> Ensemble:
    """Trajectories of n rows, one per member; a member that fails is marked with its reason, and nothing is raised.

    Parameters
    ----------
    systems : one system for all members, or one per member (same equations, other numbers).
    n, dt, transient : as in `System.simulate`.
    starts : (batch, state) states to begin from, or (state,) for all. None: member i starts as trajectory i of
        `System.simulate_many` with this seed does.
    count : number of members; needed only for one system without starts.
    seed : of the starts; not needed where they are given.
    device : "cpu" runs the compiled loops member by member: each member has bit for bit the rows that it has alone.
        Any other is a device of torch ("cuda", "cpu:torch"): see `dsr.systems.ensemble_device`.

    Raises `SpecError` for arguments that do not fit. With `transient=0` the first rows may lie off the attractor.
    """
    members, starts = _members(systems, starts, count)
    first = members[0]
    if starts is None and seed is None:
        raise SpecError("an ensemble without starts and without a seed", "one of them", "give seed=0")
    if not _whole(n) or n < 2:
        raise SpecError(f"n = {n!r}", "a whole number of rows, 2 or more", "give for example n=1000")
    rows = int(n)
    seed_or_zero = 0 if seed is None else seed
    _, dt, transient, _ = first.checked_request(max(rows, first.dim), dt, transient, seed_or_zero, 0.0, len(members))
    if any(member._sampling_step(dt) != dt for member in members):
        raise SpecError("systems with other steps", "one sampling step for all members", "give dt")
    if device == "cpu":
        values, last, reasons = _on_cpu(members, starts, rows, dt, transient, seed)
    else:
        if starts is None:
            generators = _generators(len(members), seed)
            starts = np.array([m._start(rng, 0.0)[0] for m, rng in zip(members, generators, strict=True)])
        values, last, reasons = run_on_device(members, starts, rows, dt, transient, device)
    common, varied = _parameters(members)
    origin = {
        "system": first.name,
        "parameters": common,
        "varied": varied,
        "n": rows,
        "dt": dt,
        "transient": transient,
        "seed": None if starts is not None or seed is None else int(seed),
        "members": len(members),
        "device": device,
        **first._provenance(),
        "dsr": __version__,
    }
    failed = np.array([bool(reason) for reason in reasons])
    return Ensemble(values, last, dt, first.time_unit, first.names, failed, np.array(reasons), origin)


def _on_cpu(
    members: Sequence[System], starts: np.ndarray | None, rows: int, dt: float, transient: float, seed: int | None
) -> Run:
    values = np.empty((len(members), rows, members[0].observed or members[0].dim))
    last = np.empty((len(members), members[0].dim))
    generators = [] if starts is not None else _generators(len(members), seed)
    reasons = []
    for i, member in enumerate(members):
        try:
            if starts is not None:
                start, began = starts[i], transient
                if transient > 0:
                    start = member._orbit(start, 2, transient, 0.0)[1]
            else:
                start, began = member._start(generators[i], transient)
        except DataError as problem:
            values[i], last[i] = np.nan, np.nan
            reasons.append(_reason(problem, member))
            continue
        reasons.append(_run(member, start, began, dt, values[i], last[i]))
    return values, last, reasons


def _generators(count: int, seed: int | None) -> list[np.random.Generator]:
    """Those that `System.simulate_many` draws its starts from."""
    return [np.random.default_rng(child.spawn(2)[0]) for child in np.random.SeedSequence(seed).spawn(count)]


def _run(member: System, start: np.ndarray, began: float, dt: float, values: np.ndarray, last: np.ndarray) -> str:
    """One member's rows into values (time, observed) and its last state; why it failed, or ""."""
    whole = values.shape[1] == member.dim
    reason = ""
    if isinstance(member, Equations):
        orbit = values if whole else np.empty((len(values), member.dim))
        failed = member._fill(orbit, start, dt)
        if failed is not None:
            reason = _reason(member._failure(orbit, dt, failed, began), member)
    else:
        try:
            orbit = member._orbit(start, len(values), dt, began)
        except DataError as problem:
            values[:], last[:] = np.nan, np.nan
            return _reason(problem, member)
    if orbit is not values:
        values[:] = orbit[:, : values.shape[1]]
    last[:] = orbit[-1]
    return reason


def _reason(problem: DataError, member: System) -> str:
    return problem.got.removeprefix(f"{member.name} ").replace("its initial condition", "its start")


def _members(
    systems: System | Sequence[System], starts: Any, count: int | None
) -> tuple[list[System], np.ndarray | None]:
    """One system per member, and the starts (batch, state) if any."""
    members = [systems] if isinstance(systems, System) else list(systems)
    if not members or any(not isinstance(member, System) for member in members):
        raise SpecError("an ensemble without systems", "a system, or a list of them", "give get_system(...)")
    first = members[0]
    if any((m.name, m.dim, m.time, m.observed) != (first.name, first.dim, first.time, first.observed) for m in members):
        raise SpecError(
            f"an ensemble of {', '.join(sorted({f'{m.name} ({m.dim} coordinates)' for m in members}))}",
            "members with the same equations and as many coordinates",
            "run one ensemble for each",
        )
    given = None if starts is None else np.array(starts, dtype=float)
    wanted = count if given is None or given.ndim != 2 else len(given)
    if len(members) == 1 and wanted:
        members = members * wanted
    if count not in (None, len(members)):
        raise SpecError(f"count = {count} with {len(members)} members", "the number of members", "leave count out")
    if given is None:
        return members, None
    if given.shape not in ((first.dim,), (len(members), first.dim)) or not np.isfinite(given).all():
        raise SpecError(
            f"starts of shape {given.shape} for {len(members)} members of {first.name}",
            f"finite states of shape ({len(members)}, {first.dim}) or ({first.dim},)",
            "give one start per system",
        )
    return members, np.broadcast_to(given, (len(members), first.dim))


def _column(name: str, values: Any) -> list[Any]:
    if isinstance(values, str) or not np.iterable(values):
        raise SpecError(f"{name} = {values!r}", "a list with one value per member", f"give {name}=[...]")
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _parameters(members: Sequence[System]) -> tuple[dict[str, Any], list[str]]:
    """Parameters by name, as lists for those that differ between members, and the names of these."""
    common: dict[str, Any] = {}
    varied = []
    for name in members[0].parameters:
        values = [np.asarray(member.parameters[name]).tolist() for member in members]
        same = all(value == values[0] for value in values)
        common[name] = values[0] if same else values
        if not same:
            varied.append(name)
    return common, varied
