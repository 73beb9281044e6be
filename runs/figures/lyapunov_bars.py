"""Lyapunov spectra of truth and reconstruction as bars with standard errors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ...analysis import LyapunovSpectrum
from .style import DOUBLE, FILLED, MINUS, RECONSTRUCTION, SINGLE, canvas, say, signed, styled

MOST_EXPONENTS = 12
WITHOUT_TRUTH = 6
SQUASHED = 5.0  # the most negative bar may be so many times longer than the positive ones on a linear axis
WIDTH = 0.42

UNKNOWN = "truth: exponents unknown (no equations)"


@styled
def lyapunov_bars(
    truth_spectrum: LyapunovSpectrum | None,
    spectrum: LyapunovSpectrum | None,
    *,
    diverged_at: int | None = None,
    into: SubFigure | None = None,
) -> Figure:
    """Exponents side by side, largest first, each with its value; error bars are one standard error.

    Shown are as many exponents as the truth has (6 if it is unknown, 12 at most); a line counts the rest of
    the model's. Beyond the size of the largest exponent the axis is logarithmic when a strongly negative
    exponent would squash the positive ones. A spectrum without a finite exponent is told in words: one that is None is
    of a free run that diverged (at step `diverged_at`), or else of a model that has no exponents.
    """
    known = _known(truth_spectrum, spectrum)
    names = [entry.name for entry in known]
    missing = [] if "truth" in names else [UNKNOWN]
    missing += [] if "reconstruction" in names else [f"reconstruction: {_without(spectrum, diverged_at)}"]
    if not known:
        figure = canvas(into, SINGLE, 1.2)
        say(figure.subplots(), "\n".join(missing))
        return figure
    count = len(known[0].exponents) if known[0].name == "truth" else WITHOUT_TRUTH
    count = min(count, MOST_EXPONENTS, max(len(entry.exponents) for entry in known))
    figure = canvas(into, SINGLE if count <= 4 else DOUBLE, 2.7)
    axes = figure.subplots()
    axes.axhline(0, color="black", lw=0.6)
    for j, entry in enumerate(known):
        place = np.arange(1, count + 1) + (j - (len(known) - 1) / 2) * WIDTH
        _bars(axes, entry, count, place)
    drawn, errors = (np.concatenate([getattr(e, key)[:count] for e in known]) for key in ("exponents", "stderr"))
    errors = np.nan_to_num(errors)
    ends = np.concatenate([drawn - errors, drawn, drawn + errors])
    logarithmic = _scale(axes, ends, margin=0.14 if count <= 6 else 0.25)
    axes.set_ylabel(f"Lyapunov exponent ({known[0].unit})")
    axes.set_xticks(range(1, count + 1), [f"$\\lambda_{{{i}}}$" for i in range(1, count + 1)])
    axes.set_xlim(0.4, count + 0.6)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    figure.legend(loc="outside upper left", ncols=2)
    lines = ["linear in the shaded band, logarithmic below it"] if logarithmic else []
    lines += [_rest(entry.name, entry.exponents[count:]) for entry in known if len(entry.exponents) > count]
    lines += missing
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=7, x=0.01, ha="left")
    return figure


class _Bars(NamedTuple):
    name: str
    exponents: np.ndarray
    stderr: np.ndarray
    unit: str
    colour: str


def _known(truth: LyapunovSpectrum | None, found: LyapunovSpectrum | None) -> list[_Bars]:
    pairs = (("truth", truth, FILLED), ("reconstruction", found, RECONSTRUCTION))
    return [
        _Bars(name, s.exponents, s.stderr, s.measure(1).unit, colour)
        for name, s, colour in pairs
        if s is not None and np.isfinite(s.exponents).any()
    ]


def _without(spectrum: LyapunovSpectrum | None, diverged_at: int | None) -> str:
    """Why a reconstruction has no finite exponent."""
    if spectrum is None:
        return (
            "the model has no exponents" if diverged_at is None else f"no exponents, diverged at step {diverged_at:,}"
        )
    if spectrum.diverged == spectrum.members:
        return "no exponents, all perturbed copies diverged"
    return f"all {MINUS}∞, every direction is annihilated"


def _bars(axes: Axes, entry: _Bars, count: int, place: np.ndarray) -> None:
    values, stderr, small = entry.exponents[:count], entry.stderr[:count], count > 6
    finite = np.isfinite(values)
    place = place[: len(values)]
    axes.bar(place[finite], values[finite], WIDTH * 0.94, color=entry.colour, label=entry.name)
    error = np.nan_to_num(stderr[finite])
    axes.errorbar(place[finite], values[finite], error, fmt="none", ecolor="black", elinewidth=0.9, capsize=2)
    for x, value, e in zip(place, values, stderr, strict=True):
        text = f"{MINUS}∞" if value == -math.inf else "" if math.isnan(value) else rounded(value, e, digits=2)
        above = value >= 0
        tip = value + (np.nan_to_num(e) if above else -np.nan_to_num(e)) if math.isfinite(value) else 0.0
        axes.annotate(
            text,
            (x, tip),
            (0, 2 if above else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=6 if small else 6.5,
            rotation=90 if small else 0,
        )


def rounded(value: float, error: float, digits: int = 1) -> str:
    """A value with as many decimals as so many digits of its error, but no more than four digits, which is what fits
    above a bar; one digit where these are all zero, three without an error."""
    if not math.isfinite(error) or error <= 0:
        return signed(f"{value:.3g}")
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    decimals = min(max(0, digits - 1 - math.floor(math.log10(error))), max(0, 4 - whole))
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        mantissa, power = f"{value:.0e}".split("e")
        text = f"{mantissa}e{int(power)}" if int(power) < -4 else f"{value:.1g}"
    return signed(text)


def _scale(axes: Axes, values: np.ndarray, margin: float) -> bool:
    """Set the vertical axis for bars and ends of error bars; True where it is logarithmic below a linear band."""
    values = values[np.isfinite(values)]
    largest, lowest = max(values.max(), 0.0), max(-values.min(), 0.0)
    if largest == 0 or lowest <= SQUASHED * largest:
        span = max(largest + lowest, 1e-12)
        axes.set_ylim(-lowest - margin * span, largest + margin * span)
        return False
    linear = _round_up(largest)
    axes.set_yscale("symlog", linthresh=linear, linscale=1.0)
    axes.set_ylim(-3 * lowest, 1.3 * linear)
    decades = 10.0 ** np.arange(math.ceil(math.log10(linear * 1.5)), math.floor(math.log10(3 * lowest)) + 1)
    ticks: list[Any] = [*(-decades[::-1]), -linear, 0.0, linear]
    axes.set_yticks(ticks, [signed(f"{t:g}") for t in ticks])
    axes.minorticks_off()
    axes.axhspan(-linear, 1.3 * linear, color="#f2f2f2", zorder=0, lw=0)
    return True


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-12))


def _rest(name: str, rest: np.ndarray) -> str:
    finite = rest[np.isfinite(rest)]
    span = signed(f" ({finite.max():.3g} to {finite.min():.3g})") if finite.size else ""
    return f"not shown: {len(rest)} further of the {name}{span}"
