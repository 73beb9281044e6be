"""Correlation sums and their local slopes, of truth and reconstruction."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ...analysis import CorrelationDimension
from .style import FILLED, RECONSTRUCTION, SINGLE, signed, styled

FEW_DECADES = 100.0  # of radii, within which powers of ten would be too few labels
LOOKS = (("truth", FILLED, 2.4), ("free run", RECONSTRUCTION, 0.9))


@styled
def correlation_sums(
    truth: CorrelationDimension, generated: CorrelationDimension | None, *, unit: str = "units of the data"
) -> Figure:
    """Above: C(r), the share of pairs closer than r, both axes logarithmic. Below: its local slope; a scaling region is
    a plateau. Thin horizontal lines: D2 with its error, over the radii it was estimated from; values in the legend."""
    figure = Figure(figsize=(SINGLE, 3.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    seen = []
    for (name, colour, width), found in zip(LOOKS, (truth, generated), strict=True):
        if found is None:
            continue
        sums = found.correlation_sum
        known = sums.counts > 0
        text = (
            f"{name}, no $D_2$" if math.isnan(found.measure.value) else f"{name}, $D_2$ = {signed(str(found.measure))}"
        )
        upper.loglog(sums.radii[known], sums.values[known], color=colour, lw=width, label=text)
        middle = np.sqrt(sums.radii[1:] * sums.radii[:-1])
        lower.semilogx(middle, sums.local_slopes, color=colour, lw=width)
        lower.hlines(found.measure.value, *found.scaling_region, color=colour, lw=0.7)
        lower.fill_between(found.scaling_region, found.measure.low, found.measure.high, color=colour, alpha=0.25, lw=0)
        finite = np.isfinite(sums.local_slopes)
        seen.append((middle[finite], sums.local_slopes[finite]))
    radii = np.concatenate([r for r, _ in seen])
    if radii.size:
        lower.set_xlim(radii.min() / 1.3, radii.max() * 1.3)
        if radii.max() < FEW_DECADES * radii.min():
            lower.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            lower.xaxis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))
        lower.xaxis.set_minor_formatter(NullFormatter())
        lower.set_ylim(0, 1.5 * max(float(np.median(s)) for _, s in seen if s.size) or 1.0)
        inside = np.concatenate([c.correlation_sum.values[c.correlation_sum.radii >= radii.min() / 1.3]
                                 for c in (truth, generated) if c is not None])  # fmt: skip
        upper.set_ylim(inside[inside > 0].min() / 2, inside.max() * 2)
    upper.set_ylabel("$C(r)$")
    lower.set_ylabel("local slope")
    lower.set_xlabel(f"radius $r$ ({unit})")
    figure.legend(loc="outside upper left", ncols=1)
    return figure
