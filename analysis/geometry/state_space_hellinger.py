"""Hellinger distance of the visits of two trajectories to state space."""

from __future__ import annotations

from typing import Any

from dsr.cells import hellinger_distance
from dsr.measure import Measure

from .binned import binned_measure
from .block_error import BLOCKS


def state_space_hellinger(
    x_true: Any, x_gen: Any, *, bins: int | None = None, padding: float = 0.1, blocks: int = BLOCKS
) -> Measure:
    """Hellinger distance of binned visits, in [0, 1]; 1 for trajectories that share no cell.

    Parameters
    ----------
    x_true, x_gen : (time, dim); drop the transient of the generated run first.
    bins, padding : of the grid, as in `state_space_divergence`: the cells are the same, the layer for points
        outside the box included.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "state space Hellinger" with value -+ one standard error. Raises `DataError` for unequal columns or a
    constant true column.

    When it misleads: as a distance it falls only with the square root of what D_stsp falls with, so its floor
    looks high (about 0.1 for Lorenz-63 at 100,000 rows): compare with the floor. Blind to the order in time.
    """
    name, score = "state space Hellinger", hellinger_distance
    return binned_measure(name, score, x_true, x_gen, bins=bins, padding=padding, blocks=blocks)
