"""A comparison as text: for the terminal, in Markdown, in LaTeX."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

from ..markdown import paragraphs, table
from .comparison import Comparison
from .grids import grids
from .latex import HEAD, longtable

SOURCES = (
    "Wilcoxon 1945, DOI 10.2307/3001968; Pratt 1959, DOI 10.1080/01621459.1959.10501526 (zeros)",
    "Kerby 2014, DOI 10.2466/11.IT.3.1 (rank-biserial correlation)",
    "Holm 1979, https://www.jstor.org/stable/4615733",
    "Friedman 1937, DOI 10.1080/01621459.1937.10503522",
    "Demsar 2006, https://www.jmlr.org/papers/v7/demsar06a.html (critical difference)",
    "Benavoli, Corani & Mangili 2016, https://www.jmlr.org/papers/v17/benavoli16a.html (pairwise tests)",
    "Efron & Tibshirani 1993, DOI 10.1007/978-1-4899-4541-9 (bootstrap)",
)


def text(found: Comparison, *, all_tests: bool = False) -> str:
    """Aligned columns, for what is no terminal."""
    blocks = []
    for grid in grids(found, all_tests=all_tests):
        lines = aligned([grid.head, *grid.rows], left=grid.text)
        blocks.append("\n".join([grid.title, "", *lines, "", textwrap.fill(grid.note, 120)]))
    notes = [textwrap.fill(f"- {note}", 120, subsequent_indent="  ") for note in found.notes]
    return "\n\n\n".join([*blocks, "\n".join(notes)]).rstrip() + "\n"


def aligned(rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Lines of a table, the first row above a rule; `left` columns are words, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return [lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])]


def terminal(found: Comparison, *, all_tests: bool = False, width: int = 160) -> str:
    """Tables drawn for a terminal of so many columns."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width, color_system=None)
    for grid in grids(found, all_tests=all_tests):
        drawn = Table(title=Text(grid.title, "bold"), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for i, name in enumerate(grid.head):
            drawn.add_column(Text(name), justify="left" if i < grid.text else "right")
        for row in grid.rows:
            drawn.add_row(*(Text(text) for text in row))
        console.print(drawn)
        console.print(Text(grid.note, "dim"), width=min(width, 120))
        console.print()
    for note in found.notes:
        console.print(Text(f"- {note}"), width=min(width, 120))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def markdown(found: Comparison, *, all_tests: bool = False) -> str:
    """Tables in Markdown, notes and sources as lists."""
    blocks = [f"## {g.title}\n\n{table(g.head, g.rows)}\n\n{g.note}" for g in grids(found, all_tests=all_tests)]
    notes = "\n".join(f"- {note}" for note in found.notes)
    return paragraphs(*blocks, notes, "Sources: " + "; ".join(SOURCES) + ".") + "\n"


def latex(found: Comparison, *, all_tests: bool = False) -> str:
    """Tables for LaTeX; a comment on top names the packages that the preamble needs."""
    tables = [longtable(grid, i) for i, grid in enumerate(grids(found, all_tests=all_tests), start=1)]
    notes = "\n".join(f"% - {note}" for note in (*found.notes, *SOURCES))
    return paragraphs(HEAD, *tables, notes) + "\n"
