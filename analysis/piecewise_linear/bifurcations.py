"""What happens to fixed points and cycles from one model to the next: along a parameter, or along training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError

from .cycle_equations import region_maps, solve_words
from .cycles import cycles
from .periodic_orbit import PeriodicOrbit, PeriodicOrbits
from .protocol import Pieces, PiecewiseLinearMap, as_pieces
from .stability import cycle_multipliers
from .words import canonical_rotation

APPEARS, VANISHES, STABILITY, BORDER = "appears", "vanishes", "changes stability", "border collision"


@dataclass(frozen=True, eq=False)
class Event:
    """Between models `index` and `index` + 1.

    name : "appears", "vanishes", "changes stability", or "border collision" (the orbit goes on in other regions).
    how : "border collision", "multiplier +1", "multiplier -1", "complex pair", or "unknown" (not to be told from two
    models so far apart, or the search missed the orbit). before, after : the orbit, None where there is none.
    """

    index: int
    name: str
    how: str
    period: int
    before: PeriodicOrbit | None
    after: PeriodicOrbit | None


@dataclass(frozen=True, eq=False)
class Branch:
    """One orbit followed through the models first, first + 1, ..."""

    first: int
    orbits: tuple[PeriodicOrbit, ...]


@dataclass(frozen=True, eq=False)
class Bifurcations:
    """parameter : (models,). found[i] : for each period, the orbits of model i. branches, events : what they do.

    complete : every search was exhaustive. Otherwise an orbit may seem to appear or vanish because it was missed.
    """

    parameter: np.ndarray
    found: tuple[tuple[PeriodicOrbits, ...], ...]
    branches: tuple[Branch, ...]
    events: tuple[Event, ...]
    complete: bool
    settings: Mapping[str, Any]


def bifurcations(
    models: Iterable[PiecewiseLinearMap], parameter: Any = None, *, periods: Sequence[int] = (1,), **options: Any
) -> Bifurcations:
    """Fixed points and cycles of a sequence of models, each followed from one model to the next, with named events.

    An orbit whose word of regions is real in two models in a row is the same orbit. One whose word changes is followed
    across the border if the solution for the old word in the new model lies in the regions of the new word. Where an
    orbit vanishes or appears, its word is solved in the model that lacks it: a solution outside its regions tells of a
    border collision, unless det(I - A) of the word has changed its sign, so that the orbit came from infinity.

    Parameters
    ----------
    models : two or more of the same size, in small steps: checkpoints of a training, or one model as a weight changes.
    parameter : one number per model, for the figure; 0, 1, 2, ... if None.
    periods : of the orbits. options : passed on to `cycles`.

    Raises `SpecError` for fewer than two models, models of different size, or a parameter of another length.

    Sources: Monfared & Durstewitz, arXiv:1911.04304 (border collisions of PLRNNs); di Bernardo et al.,
    doi:10.1007/978-1-84628-708-4.
    """
    all_pieces = [as_pieces(model) for model in models]
    values = np.arange(len(all_pieces), dtype=float) if parameter is None else np.asarray(parameter, dtype=float)
    sizes = {(pieces.states, pieces.gates) for pieces in all_pieces}
    if len(all_pieces) < 2 or len(sizes) > 1 or values.shape != (len(all_pieces),) or not periods:
        raise SpecError(
            f"{len(all_pieces)} models of {len(sizes)} sizes with {values.size} parameters and {len(periods)} periods",
            "two or more models of one size, one number each, and at least one period",
            "pass models[i], parameter[i] and periods=(1, 2)",
        )
    found = tuple(tuple(cycles(pieces, period, **options) for period in periods) for pieces in all_pieces)
    events: list[Event] = []
    branches: list[Branch] = []
    for j, period in enumerate(periods):
        running = {_key(orbit.bits): Branch(0, (orbit,)) for orbit in found[0][j]}
        for i in range(len(all_pieces) - 1):
            before, after = found[i][j], found[i + 1][j]
            partner = _partners(all_pieces[i + 1], before, after)
            following: dict[bytes, Branch] = {}
            for old in before:
                branch, new = running[_key(old.bits)], partner.get(_key(old.bits))
                if new is None:
                    how = _how(all_pieces[i + 1], old)
                    events.append(Event(i, VANISHES, how, period, old, None))
                    branches.append(branch)
                    continue
                following[_key(new.bits)] = Branch(branch.first, (*branch.orbits, new))
                if _key(new.bits) != _key(old.bits):
                    events.append(Event(i, BORDER, BORDER, period, old, new))
                if new.unstable != old.unstable:
                    how = BORDER if _key(new.bits) != _key(old.bits) else _crossing(old, new)
                    events.append(Event(i, STABILITY, how, period, old, new))
            for new in after:
                if _key(new.bits) not in following:
                    following[_key(new.bits)] = Branch(i + 1, (new,))
                    events.append(Event(i, APPEARS, _how(all_pieces[i], new), period, None, new))
            running = following
        branches += running.values()
    complete = all(orbits.complete for per_model in found for orbits in per_model)
    events.sort(key=lambda event: event.index)
    settings = {"periods": tuple(periods), **options}
    return Bifurcations(values, found, tuple(branches), tuple(events), complete, settings)


def _partners(there: Pieces, before: PeriodicOrbits, after: PeriodicOrbits) -> dict[bytes, PeriodicOrbit]:
    """For the word of each orbit in `before`, the orbit of `after` that it has become, where there is one."""
    new = {_key(orbit.bits): orbit for orbit in after}
    partner = {key: new[key] for key in (_key(orbit.bits) for orbit in before) if key in new}
    free = {key: orbit for key, orbit in new.items() if key not in partner}
    left = {_key(orbit.bits): orbit for orbit in before if _key(orbit.bits) not in partner}
    for key, orbit in left.items():
        regions = _regions_of_solution(there, orbit.bits)
        if regions in free and not _through_infinity(there, orbit):
            partner[key] = free.pop(regions)
    return partner


def _regions_of_solution(pieces: Pieces, word: np.ndarray) -> bytes | None:
    """The regions that the solution for a word lies in, real or not."""
    points, single = solve_words(pieces, word[None])
    return _key(pieces.bits(points[0])) if single[0] else None


def _how(lacking: Pieces, orbit: PeriodicOrbit) -> str:
    """Why a model lacks an orbit that its neighbour has."""
    points, single = solve_words(lacking, orbit.bits[None])
    if not single[0] or _through_infinity(lacking, orbit):
        return "multiplier +1"
    return BORDER if (lacking.bits(points[0]) != orbit.bits).any() else "unknown"


def _through_infinity(there: Pieces, orbit: PeriodicOrbit) -> bool:
    """Whether det(I - A) of the word of an orbit has the other sign in the model `there`: where it is zero, with a
    multiplier 1, the solution lies at infinity."""
    maps, _, index = region_maps(there, orbit.bits[None])
    before, after = (
        np.count_nonzero((m.imag == 0) & (m.real > 1)) for m in (orbit.multipliers, cycle_multipliers(maps[index[0]]))
    )
    return (before - after) % 2 == 1


def _crossing(old: PeriodicOrbit, new: PeriodicOrbit) -> str:
    """Where the multipliers of an orbit that stays in its regions crossed the unit circle."""
    few, many = sorted((old, new), key=lambda orbit: orbit.unstable)
    crossed = many.multipliers[few.unstable : many.unstable]
    if (np.abs(crossed.imag) > 1e-12 * np.abs(crossed)).all():
        return "complex pair"
    if len(crossed) > 1:
        return "unknown"
    return "multiplier +1" if crossed[0].real > 0 else "multiplier -1"


def _key(bits: np.ndarray) -> bytes:
    return np.roll(bits, -canonical_rotation(bits), axis=0).tobytes()
