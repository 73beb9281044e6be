"""One look for all figures: sizes of a journal column, one colour per role, nothing global touched."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

SINGLE, DOUBLE = 3.4, 7.0  # inches: one and two columns of a journal page

# Okabe & Ito: told apart with every common form of colour blindness, and in grey by their lightness.
TRUTH, RECONSTRUCTION, FORECAST, SURROGATE = "#404040", "#0072B2", "#D55E00", "#009E73"
FAINT, FILLED = "#C4C4C4", "#949494"  # truth behind another line, and as an area
MINUS = "\N{MINUS SIGN}"
NAMES, LETTERS = re.compile(r"\b(lambda|D)_(\w+)"), {"lambda": r"\lambda"}

STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 0.9,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,
    "svg.hashsalt": "dsr",
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under `STYLE`, and leave matplotlib's settings as they were."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            figure = draw(*args, **kwargs)
            for axes in figure.axes:  # ticks are made when drawn, which may be outside of this context
                axes.tick_params(labelsize=STYLE["xtick.labelsize"], width=STYLE["xtick.major.width"])
            return figure

    return wrapper


def render(figure: Figure, kind: str = "png", *, dpi: int = 200) -> bytes:
    """The bytes of a "png", "svg" or "pdf" file; the same figure gives the same bytes."""
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=undated[kind])
    return buffer.getvalue()


def canvas(into: SubFigure | None, width: float, height: float) -> Any:
    """The part of a larger figure to draw in, or a new figure of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained") if into is None else into


def say(axes: Axes, text: str) -> None:
    """Write a sentence where a plot would be, with no axes around it."""
    axes.set_axis_off()
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center", "color": FORECAST}
    if axes.name == "3d":
        axes.text2D(0.5, 0.5, text, **place)  # type: ignore[attr-defined]
    else:
        axes.text(0.5, 0.5, text, **place)


def no_free_run(diverged_at: int | None) -> str:
    """The sentence that stands for a free run that does not exist."""
    return "no free run" if diverged_at is None else f"no free run: diverged at step {diverged_at:,}"


def typeset(text: str) -> str:
    """Measures in a text as mathematics: lambda_1, D_stsp."""
    return NAMES.sub(lambda m: f"${LETTERS.get(m[1], m[1])}_{{\\mathrm{{{m[2]}}}}}$", text)


def signed(text: str) -> str:
    """A number as text with the typographic minus that the ticks have."""
    return text.replace("-", MINUS)


def shortened(name: str, letters: int) -> str:
    """A name of at most so many letters: what is too long loses its middle, as columns often differ at their ends."""
    kept = letters - 1
    return name if len(name) <= letters else f"{name[: kept - kept // 2]}…{name[-(kept // 2) :]}"


def time_label(time_unit: str) -> str:
    """Axis label of time in the unit of a series."""
    if time_unit == "iterations":
        return "iteration"
    return "time" if time_unit == "time units" else f"time ({time_unit})"
