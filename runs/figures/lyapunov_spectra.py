"""Lyapunov spectra of the truth and of all models of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .forest import LINE, draw_forest
from .style import DOUBLE, FAINT, FORECAST, RECONSTRUCTION, SINGLE, SURROGATE, TRUTH, say, signed, styled

FAR = 5.0  # median distances from the truth beyond which a model is off the axis
PANELS = 4  # exponents up to which each has an axis of its own
LOOKS = tuple(zip(
    (RECONSTRUCTION, FORECAST, SURROGATE, "#CC79A7", "#E69F00", "#56B4E9"), "os^Dvx", strict=True
))  # fmt: skip


class Spectrum(NamedTuple):
    """Exponents (k,), largest first, with standard errors (k,), NaN where unknown; low, high (k,) : ends of an interval
    about each, which is drawn in place of the error."""

    exponents: Sequence[float]
    stderr: Sequence[float] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    def at(self, i: int) -> tuple[float, float, float]:
        """Exponent i and the ends of its bar; NaN where unknown."""
        value, error = _at(self.exponents, i), _at(self.stderr, i)
        return (value, _at(self.low, i), _at(self.high, i)) if len(self.low) else (value, value - error, value + error)


@styled
def lyapunov_spectra(truth: Spectrum | None, models: Mapping[str, Spectrum], *, unit: str) -> Figure:
    """Up to four exponents: one panel each, every model a line with its value and bar, the truth a vertical line with a
    band of its own; a model more than five median distances away is an arrow at the edge. More
    exponents: all against their index, the truth as a thick grey line.

    Shown are as many exponents as the truth has (of the models where it is unknown, at most 4). A model without
    exponents (it diverged) keeps an empty line. `unit`: of the exponents, such as "per time unit".
    """
    found = [len(s.exponents) for s in models.values()]
    count = len(truth.exponents) if truth is not None else min(max(found, default=0), PANELS)
    if not count:
        figure = Figure(figsize=(SINGLE, 1.0), layout="constrained")
        say(figure.subplots(), "no exponents")
        return figure
    return _panels(truth, models, count, unit) if count <= PANELS else _indices(truth, models, count, unit)


def _panels(truth: Spectrum | None, models: Mapping[str, Spectrum], count: int, unit: str) -> Figure:
    width = SINGLE if count <= 2 else DOUBLE
    figure = Figure(figsize=(width, 0.75 + LINE * max(len(models), 2)), layout="constrained")
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    for i, axes in enumerate(panels):
        values, low, high = np.array([s.at(i) for s in models.values()], dtype=float).reshape(-1, 3).T
        draw_forest(axes, list(models), values.tolist(), low.tolist(), high.tolist())
        if truth is not None:
            value, *ends = truth.at(i)
            axes.axvspan(*(value if np.isnan(end) else end for end in ends), color=FAINT, lw=0, zorder=0)
            axes.axvline(value, color="black", lw=0.8, zorder=0.5, label="truth")
        axes.set_xlabel(f"$\\lambda_{{{i + 1}}}$ ({unit})")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.ticklabel_format(axis="x", useOffset=False)
        axes.margins(x=0.1)
        if truth is not None:
            _cut(axes, values, truth.exponents[i])
    if truth is not None:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left")
    return figure


def _cut(axes: Axes, values: Any, truth: float) -> None:
    """Leave out of the axis what lies far further from the truth than most models do: an arrow with the value stands
    at the edge for it."""
    away = np.abs(np.asarray(values) - truth)
    known = away[np.isfinite(away)]
    reach = FAR * float(np.median(known)) if known.size > 2 else np.inf
    far = np.flatnonzero(away > max(reach, 1e-12))
    if not far.size:
        return
    axes.set_xlim(truth - 1.15 * reach, truth + 1.15 * reach)
    for place in far:
        side = 1 if values[place] > truth else -1
        edge = truth + 1.1 * side * reach
        axes.plot(edge, place, ">" if side > 0 else "<", ms=4.5, mew=0, color=RECONSTRUCTION, clip_on=False)
        axes.annotate(signed(f"{values[place]:.3g}"), (edge, place), (-6 * side, 0), textcoords="offset points",
                      ha="right" if side > 0 else "left", va="center", fontsize=7)  # fmt: skip


def _indices(truth: Spectrum | None, models: Mapping[str, Spectrum], count: int, unit: str) -> Figure:
    figure = Figure(figsize=(SINGLE, 2.7), layout="constrained")
    axes = figure.subplots()
    index = np.arange(1, count + 1)
    axes.axhline(0, color="black", lw=0.5)
    if truth is not None:
        axes.plot(index, truth.exponents, color=FAINT, lw=4, label="truth", zorder=1)
        axes.plot(index, truth.exponents, color=TRUTH, lw=0.6, zorder=1.5)
    for k, (name, spectrum) in enumerate(models.items()):
        colour, marker = LOOKS[k % len(LOOKS)]
        values, low, high = np.array([spectrum.at(i) for i in range(count)]).T
        bars = np.fmax([values - low, high - values], 0)
        axes.errorbar(
            index, values, bars, fmt=marker, ms=3.5, mfc=colour if k < len(LOOKS) else "white",
            mec=colour, ecolor=colour, elinewidth=0.8, mew=0.9, label=name, zorder=2,
        )  # fmt: skip
    axes.set_xlabel("index $i$")
    axes.set_ylabel(f"$\\lambda_i$ ({unit})")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def _at(values: Sequence[float], i: int) -> float:
    return float(values[i]) if i < len(values) and values[i] is not None else np.nan
