"""What a reconstruction is held against: words, entropies and fixed points of the equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from dsr.errors import unknown
from dsr.measure import Floor

from ....analysis import SymbolSequence
from ....systems import get_system
from ...dataset import transient_of
from ...drawing.truth_points import Found, fixed_points_of
from ...spec import SystemData
from .partition import PARTITIONS, ReturnPartition
from .words import LONG, SHORT, coin_tosses, divergence_floor, entropies, word_record

REFERENCE, RUN, OTHERS = 1_000_000, 250_000, 20  # rows of the reference and of a run, and independent trajectories
SEED = 20_240  # of the reference: no run's data


@dataclass(frozen=True, eq=False)
class Truth:
    """reference : values (rows, dim). sequence : its letters; others : those of independent trajectories of `run` rows.
    floors : word length -> floor of the word divergence. points : fixed points; `required` are those inside the box of
    the attractor. entropies : medians over `others`, which are as long as a run of the reconstruction."""

    system: str
    dt: float
    period: float
    names: tuple[str, ...]
    run: int
    reference: np.ndarray
    partition: ReturnPartition
    sequence: SymbolSequence
    others: tuple[SymbolSequence, ...]
    floors: Mapping[int, Floor]
    entropies: Mapping[str, float]
    points: tuple[Found, ...] = field(default_factory=tuple)

    @property
    def scale(self) -> np.ndarray:
        """(dim,) standard deviations on the attractor."""
        return self.reference.std(0)

    @property
    def required(self) -> list[bool]:
        """Whether each fixed point lies inside the bounding box of the attractor."""
        low, high = self.reference.min(0), self.reference.max(0)
        return [bool(((point >= low) & (point <= high)).all()) for point, *_ in self.points]

    def beside(self, letters: SymbolSequence) -> dict[str, Any]:
        """Words of a sequence beside the true ones, see `word_record`."""
        return word_record(self.sequence, self.others, letters)

    def as_tree(self) -> dict[str, Any]:
        """What the tables tell of it, as plain values."""
        points = [
            {"point": p[0].tolist(), "kind": kind, "unstable": unstable, "required": required,
             "rates": [[r.real, r.imag] for r in rates]}
            for (p, kind, unstable, rates), required in zip(self.points, self.required, strict=True)
        ]  # fmt: skip
        floors = {str(n): [f.low, f.median, f.high] for n, f in self.floors.items()}
        coin = self.beside(coin_tosses(self.others[0], SEED))
        return {"entropies": dict(self.entropies), "floors": floors, "points": points, "names": list(self.names),
                "coin": coin}  # fmt: skip


def truth_of(data: SystemData) -> Truth:
    """The truth behind the data of a run, the same for all seeds; raises `SpecError` for one without a partition."""
    if data.system not in PARTITIONS or data.columns is not None:
        raise unknown("partition for the whole state of", data.system, PARTITIONS)
    return _truth(data.system, tuple(sorted((data.parameters or {}).items())), data.dt, data.transient)


@cache
def _truth(name: str, parameters: tuple[tuple[str, Any], ...], dt: float | None, transient: float | None) -> Truth:
    system = get_system(name, **dict(parameters))
    step, dropped = system.dt if dt is None else dt, transient_of(system, transient)
    series = system.simulate(REFERENCE, step, transient=dropped, seed=SEED)
    partition = PARTITIONS[name](system, series.values, step)
    many = system.simulate_many(RUN, step, count=OTHERS, transient=dropped, seed=SEED)
    sequence, *others = (s for one in (series, *many) if (s := partition.symbols(one.values, step)) is not None)
    each = [entropies(other) for other in others]
    return Truth(
        system=name, dt=step, period=system.period, names=tuple(series.names), run=RUN, reference=series.values,
        partition=partition, sequence=sequence, others=tuple(others),
        floors={n: divergence_floor(sequence, others, n) for n in (SHORT, LONG)},
        entropies={key: float(np.median([e[key] for e in each])) for key in each[0]},
        points=tuple(sorted(fixed_points_of(system, series), key=lambda p: p[0].round(6).tolist())),
    )  # fmt: skip
