"""Training history: loss of every member, and the free-run checks that chose the weights."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from .stretches import thinned
from .style import FAINT, FORECAST, RECONSTRUCTION, SINGLE, styled

if TYPE_CHECKING:  # the training room needs torch, this figure does not
    from dsr.training import History

MOST_POINTS = 2000
TITLE = 46  # letters that a line above the axes has room for


@styled
def training_history(history: History) -> Figure:
    """Above: loss against steps, the selected member in colour. Below: free-run score at each check,
    lower is better.

    A failed check stands as a cross on the upper edge. Losses that are not finite leave a gap.
    """
    loss = np.asarray(history.loss, dtype=float)
    members, chosen = loss.shape[1], history.selected_member
    figure = Figure(figsize=(SINGLE, 3.6 if history.checks else 2.2), layout="constrained")
    panels = figure.subplots(2 if history.checks else 1, 1, sharex=True, squeeze=False).ravel()
    steps, loss = thinned(np.asarray(history.loss_steps), MOST_POINTS), thinned(loss, MOST_POINTS)
    order = [k for k in range(members) if k != chosen] + [chosen]
    positive = np.where(np.isfinite(loss) & (loss > 0), loss, np.nan)
    for k in order:
        panels[0].semilogy(steps, positive[:, k], **_look(k == chosen), label=_name(k, chosen, members))
    _plain_ticks(panels[0], positive)
    panels[0].set_ylabel("training loss")
    told = [history.outcome] if history.outcome != "finished" else []
    if history.checks:
        _scores(panels[1], history, order)
    else:
        told.append("no validation data: the last weights were kept")
    panels[0].set_title("\n".join(textwrap.fill(text, TITLE) for text in told), color=FORECAST)
    panels[-1].set_xlabel("training step")
    panels[-1].set_xlim(0, None)
    if members > 1:
        figure.legend(*_one_of_each(panels[0]), loc="outside upper left", ncols=2)
    return figure


def _plain_ticks(axes: Axes, loss: np.ndarray) -> None:
    """Ticks written out as numbers where the loss spans too few decades for powers of ten, and none between those."""
    finite = loss[np.isfinite(loss)]
    if finite.size and finite.max() < 30 * finite.min():
        narrow = finite.max() < 4 * finite.min()
        axes.yaxis.set_major_locator(MaxNLocator(5) if narrow else LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _scores(axes: Axes, history: History, order: list[int]) -> None:
    steps = np.array([c.step for c in history.checks])
    scores = np.array([c.scores for c in history.checks], dtype=float)
    finite = np.isfinite(scores)
    top = 1.15 * scores[finite].max() if finite.any() else 1.0
    for k in order:
        look = _look(k == history.selected_member)
        axes.plot(steps, np.where(finite[:, k], scores[:, k], np.nan), marker=".", ms=4, **look)
        lost = ~finite[:, k]
        axes.plot(
            steps[lost],
            np.full(lost.sum(), top),
            marker="x",
            ms=4,
            ls="none",
            color=look["color"],
            clip_on=False,
        )
    chosen = np.flatnonzero(steps == history.selected_step)
    if chosen.size and finite[chosen[0], history.selected_member]:
        score = scores[chosen[0], history.selected_member]
        axes.plot(history.selected_step, score, marker="o", ms=8, mfc="none", mec=FORECAST, mew=1.3, ls="none")
        title = f"selected: step {history.selected_step:,}, score {score:.3g}"
    else:
        title = "no check was finite: the last weights were kept"
    axes.set_title(title, color=FORECAST)
    axes.set_ylim(0, top)
    if not finite.all():
        fates = {c.fates[k] for c in history.checks for k in range(len(c.scores)) if not np.isfinite(c.scores[k])}
        axes.text(
            0.99,
            0.92,
            f"crosses: {', '.join(sorted(fates))}",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=7,
        )
    axes.set_ylabel("free-run score\n(validation)")


def _look(selected: bool) -> dict[str, Any]:
    return {"color": RECONSTRUCTION, "lw": 1.0} if selected else {"color": FAINT, "lw": 0.7}


def _name(k: int, chosen: int, members: int) -> str:
    if members == 1:
        return "loss"
    return f"member {k + 1} of {members} (selected)" if k == chosen else "other members"


def _one_of_each(axes: Axes) -> tuple[list[Any], list[str]]:
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    return list(handles.values()), list(handles)
