"""Which regions of state space there are: all sign patterns, the cells of an arrangement, or those that were seen."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from dsr.errors import SpecError

from ..symbols.region_codes import region_codes
from .gates import Gates
from .protocol import Pieces

CHUNK = 200_000  # patterns held at a time while an arrangement is enumerated


@dataclass(frozen=True, eq=False)
class Regions:
    """`bits` (R, gates) bool in lexicographic order; `complete` tells whether every region is among them.

    bits is None for 2**gates regions that are too many to be listed; `draw` serves them all the same.
    """

    bits: np.ndarray | None
    gates: int
    complete: bool

    @property
    def count(self) -> float:
        """Number of regions known."""
        return 2.0**self.gates if self.bits is None else float(len(self.bits))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Random regions, shape + (gates,)."""
        if self.bits is None:
            return rng.random((*shape, self.gates)) < 0.5
        return self.bits[rng.integers(len(self.bits), size=shape)]


def find_regions(
    pieces: Pieces, gates: Gates | None, *, most: float, states: np.ndarray | None, samples: int, seed: int
) -> Regions:
    """All regions where they can be told without seeing each: up to `most` of them are listed.

    Gates with independent hyperplanes (AL-RNN, PLRNN) make 2**P. A hidden layer wider than the state (shallow PLRNN)
    makes the cells of a hyperplane arrangement, far fewer; each has a corner, where as many hyperplanes meet as their
    normals have dimensions, so the cells around all corners are all cells. (Thresholds are shifted by 1e-7 on the way,
    so that no more meet in one corner: cells thinner than that can be missed, and some that are empty join.) Otherwise
    the regions of `states` and of `samples` random points around them, which is not complete.
    """
    P = pieces.gates
    if gates is not None and not gates.independent and (cells := _cells(gates, most)) is not None:
        return Regions(cells, P, True)
    if 2.0**P <= most:
        return Regions(_patterns(P), P, True)
    if gates is not None and gates.independent:
        return Regions(None, P, False)
    rng = np.random.default_rng(seed)
    centre, spread = np.zeros(pieces.states), np.ones(pieces.states)
    if states is not None:
        centre, spread = states.mean(0), states.std(0)
    elif gates is not None:
        spread = spread * (1 + np.abs(gates.t).max())
    reach = rng.exponential(2.0, (samples, 1)) * rng.standard_normal((samples, pieces.states))
    points = centre + spread * reach
    seen = pieces.bits(points if states is None else np.concatenate([states, points]))
    return Regions(_distinct(seen), P, False)


def checked_states(states: np.ndarray | None, pieces: Pieces) -> np.ndarray | None:
    """States (time, M) that the caller has seen, or None."""
    from dsr.points import as_points

    if states is None:
        return None
    found = as_points(states, "states", rows=1)
    if found.shape[1] != pieces.states:
        raise SpecError(
            f"states of {found.shape[1]} columns for a model with {pieces.states} states",
            f"latent states (time, {pieces.states})",
            "pass the states of a free run, not its observations",
        )
    return found


def _patterns(P: int) -> np.ndarray:
    """All 2**P patterns, the first gate varying slowest."""
    return (np.arange(2**P)[:, None] >> np.arange(P)[::-1] & 1).astype(bool)


def _distinct(bits: np.ndarray) -> np.ndarray:
    _, first = np.unique(region_codes(bits), return_index=True)
    found = bits[first]
    return found[np.lexsort(found.T[::-1])] if found.shape[1] else found


def _cells(gates: Gates, most: float) -> np.ndarray | None:
    """Cells of the arrangement of dependent hyperplanes; None where there may be too many."""
    P, M = len(gates.t), int(np.linalg.matrix_rank(gates.V))
    if math.comb(P, M) * 2.0**M > most:
        return None
    normals = gates.V @ np.linalg.svd(gates.V)[2][:M].T  # in directions that all hyperplanes contain nothing changes
    spread = 1e-7 * (1 + np.abs(gates.t).max())
    t = gates.t + spread * np.random.default_rng(0).uniform(-1, 1, P)
    sides, found = _patterns(M), np.empty((0, P), bool)
    choices = itertools.combinations(range(P), M)
    at_once = max(1, CHUNK // len(sides))
    while len(chosen := np.array(list(itertools.islice(choices, at_once)))):
        V = normals[chosen]
        regular = np.abs(np.linalg.det(V)) > 1e-12
        chosen, V = chosen[regular], V[regular]
        if not len(chosen):
            continue
        corner = np.linalg.solve(V, -t[chosen][..., None])[..., 0]
        around = np.repeat((corner @ normals.T + t > 0)[:, None], len(sides), axis=1)
        np.put_along_axis(around, np.broadcast_to(chosen[:, None], (len(chosen), *sides.shape)), sides[None], axis=2)
        found = _distinct(np.concatenate([found, around.reshape(-1, P)]))
    return found
