"""Power spectra of truth and free run, smoothed as in D_H."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsr.series import TimeSeries
from dsr.spectra import power_spectrum, spectral_hellinger

from .stretches import thinned
from .style import DOUBLE, RECONSTRUCTION, SURROGATE, TRUTH, no_free_run, styled

MOST_COLUMNS, PER_ROW, MOST_POINTS = 6, 3, 4000
SHARE, BEYOND = 0.99, 2.0  # the axis ends at twice the frequency below which this share of the power lies
DECADES = 6


@styled
def power_spectra(
    truth: TimeSeries,
    generated: TimeSeries | None,
    surrogate: Any = None,
    *,
    smoothing: float = 20.0,
    diverged_at: int | None = None,
) -> Figure:
    """One panel per column (6 at most), logarithmic power, each spectrum normalised to area 1.

    The series are cut to their common length, standardised and smoothed over `smoothing` frequency bins
    exactly as for D_H, whose value for each column stands above its panel. `surrogate` (time, dim) is a
    phase surrogate. `diverged_at`: the step at which the free run was lost; what there was of it is then
    too short to be shown.
    """
    shown = min(truth.dim, MOST_COLUMNS)
    if diverged_at is not None:
        generated = None
    n = len(truth) if generated is None else min(len(truth), len(generated))
    frequency = np.fft.rfftfreq(n, truth.dt)
    curves = [("truth", truth.values[:n], TRUTH, "-")]
    if generated is not None:
        curves.append(("free run", generated.values[:n], RECONSTRUCTION, "-"))
    if surrogate is not None:
        curves.append(("phase surrogate", np.asarray(surrogate)[:n], SURROGATE, ":"))
    power = [power_spectrum(v, smoothing=smoothing) / frequency[1] for _, v, _, _ in curves]
    distance = (
        None if generated is None else spectral_hellinger(truth.values[:n], generated.values[:n], smoothing=smoothing)
    )

    lines = -(-shown // PER_ROW)
    figure = Figure(figsize=(DOUBLE, 0.5 + 1.9 * lines), layout="constrained")
    panels = figure.subplots(lines, min(shown, PER_ROW), squeeze=False).ravel()
    for k, axes in enumerate(panels):
        if k >= shown:
            axes.set_axis_off()
            continue
        cut = _cut([p[:, k] for p in power])
        for (name, _, colour, dash), p in zip(curves, power, strict=True):
            axes.semilogy(
                thinned(frequency[:cut], MOST_POINTS),
                thinned(p[:cut, k], MOST_POINTS),
                color=colour,
                ls=dash,
                label=name,
            )
        top = max(p[:cut, k].max() for p in power)
        bottom = min(p[:cut, k].min() for p in power)
        axes.set_ylim(max(bottom, top * 10.0**-DECADES) / 2, 3 * top)
        axes.set_xlim(0, frequency[cut - 1])
        axes.set_title(truth.names[k] + ("" if distance is None else f":  $D_H$ = {distance[k]:.3f}"))
        axes.set_xlabel(f"frequency ({_per(truth.time_unit)})")
        if k % PER_ROW == 0:
            axes.set_ylabel("power density (area 1)")
    handles, labels = panels[0].get_legend_handles_labels()
    if generated is None:
        handles, labels = [*handles, Line2D([], [], ls="none")], [*labels, no_free_run(diverged_at)]
    figure.legend(handles, labels, loc="outside upper left", ncols=3)
    if truth.dim > shown:
        figure.supxlabel(f"{truth.dim - shown} further columns are not shown", fontsize=7, x=0.99, ha="right")
    return figure


def _cut(spectra: list[np.ndarray]) -> int:
    """Number of bins to draw, so that every spectrum is shown well beyond where its power lies."""
    needed = max(int(np.searchsorted(np.cumsum(p) / p.sum(), SHARE)) for p in spectra)
    return min(max(round(BEYOND * needed), 2), len(spectra[0]))


def _per(time_unit: str) -> str:
    known = {"s": "Hz", "time units": "cycles per time unit", "iterations": "cycles per iteration"}
    return known.get(time_unit, f"cycles per {time_unit}")
