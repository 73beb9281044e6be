"""BENCHMARKS.md from sections."""

from __future__ import annotations

from collections.abc import Sequence

from ..markdown import paragraphs, table
from .goals import Section
from .sizes import SIZES
from .timing import Effort

METHOD = """\
A step is: sample windows, forward, mean squared error, gradient, optimiser (RAdam), float32, one thread, no noise on \
the windows. The plain loop is a PyTorch module with a Python loop over time, `loss.backward()` and \
`torch.optim.RAdam`, as an experienced user writes it; it does not clip gradients. The torch and native backends do \
what `fit` does between two checks of the free run, clipping included.

Variants are interleaved: in each of {rounds} rounds every variant of a table runs once, in random order, for about \
{seconds:g} s. Ratios are taken within a round; shown are their median and, in brackets, the least and the largest. \
Seconds are CPU seconds of the process (not wall time, which grows with whatever else is running); other programs \
still cost them cache and clock rate, so speeds in steps per second hold for the load that is named, ratios more \
generally. On an idle machine CPU seconds of these single-threaded loops are wall seconds."""

ROUGH = (
    "**Quick run:** few and short rounds, so ratios may be off by a third; "
    "`python -m dsr.runs.bench` measures properly."
)


def page(sections: Sequence[Section], machine: str, effort: Effort, *, rough: bool) -> str:
    """The whole page: machine, method, goals and their verdicts, then the sections."""
    goals = [goal.row() for section in sections for goal in section.goals]
    blocks = [
        "# Benchmarks",
        "Written by `make bench`; do not edit.",
        ROUGH if rough else "",
        machine,
        "## How it was measured",
        METHOD.format(rounds=effort.rounds, seconds=effort.seconds),
        table(("size", "model and training"), [(size.name, size.title) for size in SIZES.values()], numbers=False),
    ]
    if goals:
        blocks += ["## Goals", table(("", "at", "goal", "measured", "verdict"), goals, numbers=False)]
    for section in sections:
        blocks += [f"## {section.title}", section.text]
    return paragraphs(*blocks) + "\n"
