"""Equations as a LaTeX document: symbols, then the numbers; all digits lie beside it as a table."""

from __future__ import annotations

import numpy as np

from .dialect import Dialect, readable, sentences
from .expression import Equations, Polynomial, Term
from .files import Files, Reference, orbit_file, orbit_name

DIGITS = 6
WIDEST, TALLEST = 10, 30  # a matrix that fits on a page


def literal(array: np.ndarray) -> str:
    """A vector as a column, or a matrix."""
    rows = array[:, None] if array.ndim == 1 else array
    lines = [" & ".join(number(v) for v in row) for row in rows.tolist()]
    return "\\begin{pmatrix}\n" + " \\\\\n".join(lines) + "\n\\end{pmatrix}"


def number(value: float) -> str:
    """Six digits, with a power of ten where there is one."""
    text, _, power = f"{value:.{DIGITS}g}".partition("e")
    return f"{text} \\times 10^{{{int(power)}}}" if power else text


LATEX = Dialect(
    operations={
        "name": "{0}",
        "add": "{0} + {1}",
        "subtract": "{0} - {1}",
        "multiply": "{0} \\odot {1}",
        "apply": "{0}\\, {1}",
        "scaled": "{0}\\, {1}",
        "rows": "{0}_{{{1}:{2}}}",
        "relu": "\\max({0}, 0)",
        "tanh": "\\tanh({0})",
        "joined": "\\begin{{pmatrix}} {0} \\\\ {1} \\end{{pmatrix}}",
        "centred": "({0} - \\overline{{{0}}})",
        "spline": "\\textstyle\\sum_b {2}_b \\max({0} - {1}_b, 0)",
        "monomials": "\\phi({0})",
    },
    helpers={},
    first=1,
    last=0,
    literal=literal,
    comment="%",
)
SYMBOLS = {
    "alpha": "\\alpha", "phi": "\\varphi", "W_in": "W_{\\mathrm{in}}", "W_out": "W_{\\mathrm{out}}",
    "W1": "W_1", "W2": "W_2", "h1": "h_1", "h2": "h_2", "bias": "b", "following": "z'", "slope": "\\dot z",
}  # fmt: skip


def latex_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """A document with the equations and the parameters that fit on a page, to six digits; the table
    STEM_parameters.csv has all of them with all digits."""
    lines = [f"{_symbol(key)} &= {LATEX.write(_renamed(term))}" for key, term in equations.assignments]
    lines.append(f"x &= \\mu + \\sigma \\odot ({LATEX.write(_renamed(equations.observed))})")
    parts = ["\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"]
    if equations.polynomial is not None and readable(equations.polynomial):
        parts.append("In full:\n\\begin{align*}\n" + " \\\\\n".join(_sums(equations.polynomial)) + "\n\\end{align*}")
    scaling = {"\\mu": equations.mean, "\\sigma": equations.std}
    numbers = {**scaling, **{_symbol(k): a for k, a in equations.arrays.items() if k != "factors"}}
    for symbol, array in numbers.items():
        rows, columns = (array.size, 1) if array.ndim == 1 else array.shape
        fits = rows <= TALLEST and columns <= WIDEST
        shape = f"${symbol}$ is ${rows} \\times {columns}$; its numbers are in the table beside this file."
        parts.append(f"\\[\n{symbol} = {literal(array)}\n\\]" if fits else shape)
    text = [_text(sentence) for sentence in sentences(equations)[:4]]
    body = "\n\n".join(["\\noindent " + "\n\n".join(text), *parts])
    document = (
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\usepackage[margin=2cm]{geometry}\n"
        f"\\setcounter{{MaxMatrixCols}}{{{WIDEST}}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    return {
        f"{stem}.tex": document.encode(),
        f"{stem}_parameters.csv": _table(equations),
        orbit_name(stem): orbit_file(equations, reference),
    }


def _symbol(key: str) -> str:
    return SYMBOLS.get(key, key)


def _renamed(term: Term) -> Term:
    """The term with the symbols of its names."""
    if term.operation == "name":
        return Term("name", (_symbol(str(term.parts[0])),))
    return Term(term.operation, tuple(_renamed(p) if isinstance(p, Term) else p for p in term.parts))


def _sums(polynomial: Polynomial) -> list[str]:
    variables = [_variable(v) for v in polynomial.variables]
    lines = []
    for left, row in zip(polynomial.left, polynomial.coefficients, strict=True):
        terms = []
        for value, factors in zip(row.tolist(), polynomial.factors.tolist(), strict=True):
            used = [variables[f - 1] for f in factors if f]
            powers = [v if used.count(v) == 1 else f"{v}^{{{used.count(v)}}}" for v in dict.fromkeys(used)]
            if value:
                terms.append(" ".join([number(value), *powers]))
        lines.append(f"{_left(left)} &= {' + '.join(terms) or '0'}".replace("+ -", "- "))
    return lines


def _left(text: str) -> str:
    kind, _, column = text.partition(" ")
    if not column:
        return f"\\frac{{\\mathrm{{d}}{_variable(text[1:-3])}}}{{\\mathrm{{d}}t}}"
    change = column.removeprefix("of ")
    return f"{_variable(change)}'" + (f" - {_variable(change)}" if kind == "change" else "")


def _variable(text: str) -> str:
    base, _, lag = text.partition("[")
    letters = base.rstrip("0123456789")
    symbol = letters if len(letters) == 1 else f"\\mathrm{{{_text(letters)}}}"
    below = [part for part in (base[len(letters) :], f"t{lag[:-1]}" if lag else "") if part]
    return symbol + (f"_{{{','.join(below)}}}" if below else "")


def _text(sentence: str) -> str:
    """Plain text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "^": "\\^{}", "~": "\\~{}", **{c: f"\\{c}" for c in "_#%&{}$"}}
    return "".join(special.get(c, c) for c in sentence)


def _table(equations: Equations) -> bytes:
    lines = ["array,row,column,value"]
    for key, array in {"mean": equations.mean, "std": equations.std, **equations.arrays}.items():
        rows = array[:, None] if array.ndim == 1 else array
        lines += [f"{key},{i + 1},{j + 1},{v!r}" for i, r in enumerate(rows.tolist()) for j, v in enumerate(r) if v]
    return ("\n".join(lines) + "\n").encode()
