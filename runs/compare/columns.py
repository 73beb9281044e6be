"""How wide the columns of a printed table must be, and which of them should break their cells into lines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ..verdict import MINUS

# Widths in Computer Modern at 10 pt, rounded up; what is not listed counts as OTHER or, for capitals, as CAPITAL.
LETTERS = {3.1: "iljI.,:;[]'|", 4.0: "frst()- ", 5.0: "0123456789/", 8.4: f"mw+=%&{MINUS}", 10.3: "MW≥±<>"}
CAPITAL, OTHER = 7.7, 5.6
WIDTH = {letter: width for width, letters in LETTERS.items() for letter in letters}
POWER = 15.0  # what a power of ten takes beyond its "e"


def printed(text: str) -> float:
    """About how wide a text is in print, in points at 10 pt: rather too wide than too narrow."""
    power = POWER * sum(a.isdigit() and b == "e" for a, b in itertools.pairwise(text))
    return power + sum(WIDTH.get(c, CAPITAL if c.isupper() else OTHER) for c in text)


def widths(columns: Sequence[Sequence[str]], room: float, most: int) -> list[tuple[float, int]]:
    """(width, lines) of each column: cells are broken at spaces, into `most` lines, until all fit into the room.

    The column that gains the most by one more line is broken first. Where nothing helps, what comes back is wider than
    the room.
    """
    ladders = [[max(narrowest(cell, lines) for cell in cells) for lines in range(1, most + 1)] for cells in columns]
    place = [0] * len(columns)
    while sum(ladder[i] for ladder, i in zip(ladders, place, strict=True)) > room:
        gains = [ladder[i] - ladder[i + 1] if i + 1 < most else 0.0 for ladder, i in zip(ladders, place, strict=True)]
        best = max(range(len(columns)), key=gains.__getitem__)
        if gains[best] <= 0:
            break
        place[best] += 1
    return [(ladder[i], i + 1) for ladder, i in zip(ladders, place, strict=True)]


def narrowest(text: str, lines: int) -> float:
    """The least width at which a text, broken at spaces, takes no more than so many lines."""
    words = text.split(" ")
    if lines == 1 or len(words) == 1:
        return printed(text)
    parts = ((" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words)))
    return min(printed(text), *(max(printed(first), narrowest(rest, lines - 1)) for first, rest in parts))
