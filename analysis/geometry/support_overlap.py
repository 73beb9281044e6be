"""How much of the attractor two trajectories share."""

from __future__ import annotations

from typing import Any

from dsr.cells import CellCounts
from dsr.measure import Measure

from .binned import binned_measure
from .block_error import BLOCKS


def support_overlap(x_true: Any, x_gen: Any, *, bins: int = 10, padding: float = 0.1, blocks: int = BLOCKS) -> Measure:
    """The smaller share of time that one trajectory spends in cells that the other visits too; 1 for equal supports.

    Parameters
    ----------
    x_true, x_gen : (time, dim); drop the transient of the generated run first.
    bins, padding : of the grid, as in `state_space_divergence`. Cells should be coarse enough to be visited by any
        true trajectory of this length.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "support overlap" with value -+ one standard error; settings hold both shares: "true_covered" is low
    where the model leaves parts of the attractor out (one wing only: about a half), "generated_inside" where it
    goes astray. Raises `DataError` for unequal columns or a constant true column.

    When it misleads: how often a cell is visited does not matter, nor the order in time.
    """
    return binned_measure(
        "support overlap", _overlap, x_true, x_gen, bins=bins, padding=padding, blocks=blocks, extra=shares
    )


def shares(counts: CellCounts) -> dict[str, float]:
    """Of the true rows in cells with generated ones, and of the generated rows in cells with true ones."""
    covered = counts.true[counts.generated > 0].sum() / counts.true.sum()
    inside = counts.generated[counts.true > 0].sum() / counts.generated.sum()
    return {"true_covered": float(covered), "generated_inside": float(inside)}


def _overlap(counts: CellCounts) -> float:
    return min(shares(counts).values())
