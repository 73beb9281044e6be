"""Growth of the forecast error on a logarithmic axis, with the slope that the largest Lyapunov exponent gives."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dsr.measure import Measure, in_digits

from ...analysis import ErrorGrowth
from ...analysis.units import rate_unit
from .style import FORECAST, RECONSTRUCTION, SINGLE, canvas, say, signed, styled

SATURATED = math.sqrt(2.0)  # normalised distance of two unrelated states of one attractor
FASTER = "fitted rate above $\\lambda_1$: a model errs anew at every step,\nwhich over short times adds to the growth"


@styled
def error_growth(
    growth: ErrorGrowth,
    *,
    time_unit: str = "time units",
    exponent: Measure | None = None,
    into: SubFigure | None = None,
) -> Figure:
    """Median error over starts with its quartiles, the slope of lambda_1 (dashed) through the middle of the fitted
    stretch, and the level of unrelated states (dotted).

    The upper axis counts Lyapunov times where `growth.lyapunov_exponent` is positive. Forecasts that diverged count as
    infinitely wrong: the curves end where more than half (a quarter for the upper edge) of them did. A fitted rate
    above lambda_1 is explained below the axes. exponent : lambda_1 with its error, for the legend.
    """
    figure = canvas(into, SINGLE, 3.0)
    axes = figure.subplots()
    draw_error_growth(axes, growth, time_unit, exponent)
    if np.isfinite(growth.median).any():
        figure.legend(loc="outside upper left", ncols=1)
    if growth.measure.low > growth.lyapunov_exponent > 0:
        figure.supxlabel(FASTER, fontsize=7, x=0.01, ha="left")
    return figure


def draw_error_growth(axes: Axes, growth: ErrorGrowth, time_unit: str, exponent: Measure | None = None) -> None:
    """The same on axes of a larger figure, without a legend."""
    low, median, high = (
        np.where(np.isfinite(v) & (v > 0), v, np.nan) for v in (growth.low, growth.median, growth.high)
    )
    if not np.isfinite(median).any():
        say(axes, "no forecast stayed finite")
        return
    axes.set_yscale("log")
    axes.fill_between(growth.times, low, high, color=RECONSTRUCTION, alpha=0.25, lw=0)
    axes.plot(growth.times, median, color=RECONSTRUCTION, label=f"median error and quartiles;\n{_rate(growth)}")
    axes.axhline(SATURATED, color="black", lw=0.6, ls=":")
    bottom = float(np.nanmin(low))
    axes.set_ylim(bottom / 1.5, 4 * SATURATED)
    axes.set_xlim(0, growth.times[-1])
    rate = growth.lyapunov_exponent
    if math.isfinite(rate) and rate > 0:
        times, line = _slope(growth, median, bottom)
        told = f"{rate:.3g}" if exponent is None else in_digits(rate, exponent.low, exponent.high)
        text = f"truth: slope $\\lambda_1$ = {signed(told)} {rate_unit(time_unit)}"
        axes.plot(times, line, color=FORECAST, lw=1.2, ls="--", label=text)
        upper = axes.secondary_xaxis("top", functions=(lambda t: np.asarray(t) * rate, lambda t: np.asarray(t) / rate))
        upper.set_xlabel("Lyapunov times")
        upper.tick_params(labelsize=7, width=0.6)
    axes.set_xlabel("iteration" if time_unit == "iterations" else f"time ({time_unit})")
    axes.set_ylabel("forecast error (sd)")


def _rate(growth: ErrorGrowth) -> str:
    found = growth.measure
    if math.isnan(found.value):
        return "no growth to fit"
    return f"fitted rate {signed(str(found))}"


def _slope(growth: ErrorGrowth, median: np.ndarray, bottom: float) -> tuple[np.ndarray, np.ndarray]:
    """Two ends of the line with slope lambda_1, through the curve's middle of the fitted stretch (its first point where
    nothing was fitted), as far as it stays between the smallest error and saturation."""
    begin, end = growth.fit
    inside = (growth.times >= begin) & (growth.times <= end) & np.isfinite(median)
    if not inside.any():
        inside = np.zeros(median.size, dtype=bool)
        inside[np.flatnonzero(np.isfinite(median))[0]] = True
    centre, level = growth.times[inside].mean(), float(np.log(median[inside]).mean())
    ends = centre + (np.log([bottom, SATURATED]) - level) / growth.lyapunov_exponent
    ends = np.clip(ends, 0.0, growth.times[-1])
    return ends, np.exp(level + growth.lyapunov_exponent * (ends - centre))
