"""Jensen-Shannon divergence of the visits of two trajectories to state space."""

from __future__ import annotations

from typing import Any

from dsr.cells import jensen_shannon_divergence
from dsr.measure import Measure

from .binned import binned_measure
from .block_error import BLOCKS


def state_space_jensen_shannon(
    x_true: Any, x_gen: Any, *, bins: int | None = None, padding: float = 0.1, blocks: int = BLOCKS
) -> Measure:
    """Jensen-Shannon divergence of binned visits, in bits, in [0, 1]: the headline geometry score.

    Parameters
    ----------
    x_true, x_gen : (time, dim); drop the transient of the generated run first.
    bins, padding : of the grid, as in `state_space_divergence`: the cells are the same, the layer for points
        outside the box included.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "D_JS" with value -+ one standard error. Raises `DataError` for unequal columns or a constant true
    column.

    It needs no smoothing, is symmetric and bounded, and separates small changes in shorter runs than D_stsp.
    When it misleads: the floor falls with length as D_stsp does; blind to the order in time.
    Source: Lin, doi:10.1109/18.61115.
    """
    score = jensen_shannon_divergence
    return binned_measure("D_JS", score, x_true, x_gen, bins=bins, padding=padding, blocks=blocks, unit="bits")
