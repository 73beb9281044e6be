"""How numbers, matrices and long sums are set so that they stay on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

DIGITS, FEWEST = 6, 3
TALLEST, WIDEST = 30, 30  # rows and columns of a matrix that is shown at all
LINE = 92  # digits that a line of the page holds, each half as wide as the letters are high
BETWEEN = 2  # columns of a matrix, in digits
BRACKETS = 8  # of a matrix, with its symbol and the equals sign


def number(value: float, digits: int = DIGITS) -> str:
    """So many digits, with a power of ten where there is one."""
    text, _, power = f"{value:.{digits}g}".partition("e")
    return f"{text} \\times 10^{{{int(power)}}}" if power else text


def width(text: str) -> int:
    """Roughly how wide a number or term is, in digits: commands, braces and blanks take no room of their own."""
    for command, room in (("\\times 10^", "xxxx"), ("\\mathrm", ""), ("\\text", "")):
        text = text.replace(command, room)
    return sum(c not in "{}_^ \\" for c in text)


def matrix(array: np.ndarray) -> str | None:
    """A vector as a column, or a matrix, with as many of six digits as fit; None if three do not."""
    rows = (array[:, None] if array.ndim == 1 else array).tolist()
    if len(rows) > TALLEST or len(rows[0]) > WIDEST:
        return None
    for digits in range(DIGITS, FEWEST - 1, -1):
        cells = [[number(v, digits) for v in row] for row in rows]
        if _matrix_width(cells) + BRACKETS <= LINE:
            return "\\begin{pmatrix}\n" + " \\\\\n".join(" & ".join(row) for row in cells) + "\n\\end{pmatrix}"
    return None


def _matrix_width(cells: list[list[str]]) -> int:
    return sum(max(map(width, column)) + BETWEEN for column in zip(*cells, strict=True))


def displays(columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Displayed equations (symbol, vector), several on a line."""
    each = LINE // (DIGITS + BRACKETS + 8)
    for start in range(0, len(columns), each):
        line = ", \\qquad\n".join(f"{symbol} = {vector}" for symbol, vector in columns[start : start + each])
        yield f"\\[\n{line}\n\\]"


def broken_sum(left: str, terms: Sequence[str], room: int) -> str:
    """left &= terms, on lines of at most `room` digits beside the left-hand sides."""
    lines: list[list[str]] = [[]]
    for term in terms:
        if lines[-1] and sum(width(t) + 3 for t in (*lines[-1], term)) > room:
            lines.append([])
        lines[-1].append(term)
    first, *rest = [" + ".join(line).replace("+ -", "- ") for line in lines]
    following = [f"&\\quad {'-' + t[1:] if t.startswith('-') else '+ ' + t}" for t in rest]
    return " \\\\\n".join([f"{left} &= {first or '0'}", *following])
