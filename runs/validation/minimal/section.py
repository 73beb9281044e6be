"""The part of the validation page about topologically minimal reconstructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import table
from .criteria import SENTENCE
from .regions import STEPS, USED
from .truth import OTHERS, REFERENCE, RUN
from .words import LONG

TITLE = "Topologically minimal reconstructions"
TEXT = f"""\
How few linear regions an AL-RNN needs for the symbolic dynamics, the exponents and the fixed points of the truth. \
Truth and reconstruction are read through one partition in observation space, which the truth sets: for Lorenz-63 the \
wing (sign of x) at each maximum of z, for Rössler the side of the peak of the true return map at each maximum of x. \
Words are those of a free run of {RUN:,} steps against {REFERENCE:,} true rows; their floor is the same divergence for \
{OTHERS} independent true trajectories as long as the free run. A word of up to {LONG} letters is on one side only if \
it never occurs on the other, where its frequency would have made ten occurrences or more; words around a shorter one \
are not counted. A fair coin in place of the returns shows how much the words can tell: on Lorenz-63, where wings \
follow each other almost like tosses, little. The topological entropy is the growth of the number of words, for a \
unimodal return map that of its laps. Regions are counted over {STEPS:,} steps, used are those with at least \
{USED:.1%} of them. Entropies and exponents are in nats per unit of time; the entropy rate of regions is that of the \
region seen four times a period. Fixed points are exact: one linear equation per region, virtual if the solution lies \
in another region; rates are ln(multiplier) / dt, beside the eigenvalues of the equations' Jacobian."""

CAPTION = """\
The best minimal reconstruction of each system: its linear regions, coloured where the free run is in them, and the \
moves between them. Circles: fixed points, large of the equations, small of the model; crosses: virtual ones."""
NAMES = {"alrnn-lorenz63": "Lorenz-63", "alrnn-rossler": "Rössler"}  # of experiments


def blocks(collected: Mapping[str, Sequence[Mapping[str, Any]]], picture: str | None) -> list[str]:
    """Paragraphs of Markdown; none without runs. collected : experiment -> records. picture : path of the figure."""
    if not collected:
        return []
    found = [f"## {TITLE}", TEXT, SENTENCE]
    found += [f"![Best minimal reconstruction of each system]({picture})", CAPTION] if picture else []
    for experiment, records in collected.items():
        found += [f"### {NAMES.get(experiment, experiment)}"]
        found += [table.verdict(records), table.counts(records), table.values(records)]
        nearest = table.best(records)
        if nearest is not None:
            who = f"`{nearest['run']}` ({nearest['relu_units']} rectified, {nearest['regions']['used']} regions used)"
            found += [f"Fixed points of the best minimal run, {who}:", table.fixed_points(nearest)]
    return found
