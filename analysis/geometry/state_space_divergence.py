"""D_stsp: how far the visits of a generated trajectory to state space are from those of the truth."""

from __future__ import annotations

from functools import partial
from typing import Any

from dsr.cells import CellCounts, hellinger_distance, kl_divergence
from dsr.measure import Measure

from .binned import binned_measure
from .block_error import BLOCKS
from .published_boxes import published_visits


def state_space_divergence(
    x_true: Any,
    x_gen: Any,
    *,
    bins: int | None = None,
    padding: float = 0.1,
    smoothing: float = 1e-5,
    preset: str | None = None,
    blocks: int = BLOCKS,
) -> Measure:
    """D_stsp = KL(true || generated) of binned visits, in nats; 0 for equal histograms, no upper bound.

    Parameters
    ----------
    x_true, x_gen : (time, dim); drop the transient of the generated run first.
    bins : per dimension of the box [min - padding * sd, max + padding * sd] of the truth; `default_bins` if
        None.
    smoothing : added to every cell; it sets the price of a cell that the model never visits (about ln
        1/smoothing).
    preset : "alrnn", "gtf", "gtf-legacy" or "dendplrnn" for the number that the published code of that name
        gives: its own box (`padding` is not used), 30 bins, rows outside dropped. Only to compare with papers.
    blocks : of either record for the error, see `block_error`; 0 for none.

    Returns
    -------
    Measure "D_stsp" with value -+ one standard error; settings hold both lengths, the share of generated points
    outside the box (they are counted in an overflow layer, not dropped) and the Hellinger distance on the same
    cells. Raises `DataError` for unequal columns, a constant true column, or no row in a published box.

    When it misleads: the number is ruled by length. Two perfect Lorenz-63 runs score about 0.05-0.1 at
    100,000 rows and 0.4-0.9 at 10,000 (30 bins): compare only with the floor of the same lengths. It is blind
    to the order in time. Source: Koppe et al., doi:10.1371/journal.pcbi.1007263; Hess et al.,
    arXiv:2306.04406.
    """

    def extra(counts: CellCounts) -> dict[str, Any]:
        box = {} if preset is None else {"bins": bins, "preset": preset}
        return {**box, "smoothing": smoothing, "hellinger": hellinger_distance(counts)}

    visit = None
    if preset is not None:
        bins = 30 if bins is None else bins
        visit = partial(published_visits, bins=bins, preset=preset)
    score = partial(kl_divergence, smoothing=smoothing)
    return binned_measure(
        "D_stsp",
        score,
        x_true,
        x_gen,
        bins=bins,
        padding=padding,
        blocks=blocks,
        unit="nats",
        visit=visit,
        extra=extra,
    )


d_stsp = state_space_divergence
