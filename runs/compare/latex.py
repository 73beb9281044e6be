"""The tables of a comparison for LaTeX, set so that they stay on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..verdict import MINUS
from .columns import widths
from .grids import Grid

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", MINUS: "$-$", "≥": r"$\geq$", "±": r"$\pm$",
}  # fmt: skip
NAME = re.compile(r"\b(lambda|D)_(\w+)\b")
POWER = re.compile(rf"(?<![\w.])({MINUS}?[\d.]+)e({MINUS}?\d+)\b")
HEAD = """\
% needs \\usepackage{array}, \\usepackage{booktabs}, \\usepackage{longtable} and \\usepackage{pdflscape}
% wide tables are turned; all are set for 345 pt of text across a page and 540 pt along it, one column"""


@dataclass(frozen=True)
class Layout:
    """A way to set a table: room in points, `scale` of its letters to those of 10 pt, the space on either side of a
    column in points, and how many lines a cell may take."""

    turned: bool
    size: str
    scale: float
    gap: float
    lines: int

    @property
    def room(self) -> float:
        return 540.0 if self.turned else 345.0


LAYOUTS = (
    Layout(False, "normalsize", 1.0, 6.0, 1),
    Layout(False, "footnotesize", 0.85, 4.0, 2),
    Layout(True, "footnotesize", 0.85, 4.0, 1),
    Layout(True, "footnotesize", 0.85, 4.0, 2),
    Layout(True, "scriptsize", 0.8, 3.0, 2),
    Layout(True, "scriptsize", 0.8, 3.0, 4),
)


def longtable(grid: Grid, place: int) -> str:
    """One table, in the first of the layouts that holds it (in the last, wide as it may be)."""
    layout, columns = _columns(grid)
    end = r" \\[2pt]" if "p{" in columns else r" \\"  # room between rows of several lines
    head = " & ".join(tex(name) for name in grid.head) + end
    caption = rf"\caption{{{tex(grid.title)}. {tex(grid.note)}}}\label{{tab:comparison-{place}}} \\"
    body = [" & ".join(tex(cell) for cell in row) + end for row in grid.rows]
    size = rf"\{layout.size}\setlength{{\tabcolsep}}{{{layout.gap:g}pt}}\setlength{{\LTcapwidth}}{{\linewidth}}"
    top = [r"\begin{longtable}{@{}" + columns + r"@{}}", caption, r"\toprule", head, r"\midrule", r"\endfirsthead"]
    again = [r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endlastfoot"]
    whole = [size, *top, *again, *_spaced(grid.rows, body), r"\end{longtable}"]
    ends = (r"\begin{landscape}", r"\end{landscape}") if layout.turned else (r"\begingroup", r"\endgroup")
    return "\n".join([ends[0], *whole, ends[1]])


def _columns(grid: Grid) -> tuple[Layout, str]:
    cells = [sorted(set(column)) for column in zip(grid.head, *grid.rows, strict=True)]
    for layout in LAYOUTS:
        room = (layout.room - 2 * layout.gap * (len(cells) - 1)) / layout.scale
        found = widths(cells, room, layout.lines)
        if sum(width for width, _ in found) <= room:
            break
    return layout, "".join(
        _column(width * layout.scale, lines, "left" if i < grid.text else "right")
        for i, (width, lines) in enumerate(found)
    )


def _column(width: float, lines: int, side: str) -> str:
    if lines == 1:
        return side[0]
    return rf">{{\ragged{'right' if side == 'left' else 'left'}\arraybackslash}}p{{{width:.0f}pt}}"


def _spaced(rows: Sequence[tuple[str, ...]], lines: Sequence[str]) -> list[str]:
    """A little room where a new block begins."""
    return [
        line if i == 0 or not rows[i][0] or not any(not row[0] for row in rows) else rf"\addlinespace{chr(10)}{line}"
        for i, line in enumerate(lines)
    ]


def tex(text: str) -> str:
    """Text escaped for LaTeX; measures and powers of ten are set as mathematics."""
    parts, end = [], 0
    for hit in sorted([*NAME.finditer(text), *POWER.finditer(text)], key=lambda m: m.start()):
        parts += [_escaped(text[end : hit.start()]), _name(hit) if hit.re is NAME else _power(hit)]
        end = hit.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in text)


def _name(hit: re.Match[str]) -> str:
    below = hit[2] if hit[2].isdigit() or len(hit[2]) == 1 else rf"\mathrm{{{_escaped(hit[2])}}}"
    letter = r"\lambda" if hit[1] == "lambda" else hit[1]
    return f"${letter}_{{{below}}}$"


def _power(hit: re.Match[str]) -> str:
    """The braces keep the sign from being broken off, and close to its numbers."""
    return rf"${hit[1].replace(MINUS, '-')}{{\times}}10^{{{hit[2].replace(MINUS, '-')}}}$"
