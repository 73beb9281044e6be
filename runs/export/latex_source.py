"""Equations as a LaTeX document: symbols, then the numbers; all digits lie beside it as a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import numpy as np

from .dialect import Dialect, in_full, meaning, readable
from .expression import Equations, Polynomial, Term
from .files import Files, Reference, orbit_file, orbit_name
from .latex_layout import LINE, WIDEST, broken_sum, displays, matrix, number, width

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
    comment="%",
)
SYMBOLS = {
    "alpha": "\\alpha", "phi": "\\varphi", "W_in": "W_{\\mathrm{in}}", "W_out": "W_{\\mathrm{out}}",
    "W1": "W_1", "W2": "W_2", "h1": "h_1", "h2": "h_2", "bias": "b", "following": "z'", "slope": "\\dot z",
}  # fmt: skip


GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon phi "
    "chi psi omega"
).split()
GREEK_CAPITALS = "gamma delta theta lambda xi pi sigma upsilon phi psi omega".split()
MONOMIALS = (
    "$\\phi_j(u)$ is the product of the elements of $u$ whose numbers are in row $j$ of the array \\texttt{factors} "
    "of the table beside this file, 1 where there are none."
)


def latex_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """A document with the equations and the parameters that fit on a page, to six digits or as many as fit on a line;
    the table STEM_parameters.csv has all of them with all digits. `pdflatex STEM.tex` needs amsmath and geometry."""
    shown = equations.polynomial is not None and readable(equations.polynomial)
    text = [f"Reconstruction by dsr, family \\texttt{{{_text(equations.family)}}}."]
    text += [_text(sentence) for sentence in (*meaning(equations), *equations.notes)]
    text += [MONOMIALS] if equations.uses("monomials") and not shown else []
    lines = [f"{_symbol(key)} &= {LATEX.write(_renamed(term))}" for key, term in equations.assignments]
    seen, data_units = LATEX.write(_renamed(equations.observed)), equations.mean.any() or (equations.std != 1).any()
    lines.append(f"x &= \\mu + \\sigma \\odot ({seen})" if data_units else f"x &= {seen}")
    parts = ["\n\n".join(text), _aligned(lines)]
    if equations.polynomial is not None and shown:
        lead = in_full(equations.polynomial, lambda v: f"${_variable(v)}$", _text)
        parts += [lead, _aligned(_sums(equations.polynomial))]
    arrays = {_symbol(key): array for key, array in equations.arrays.items() if key != "factors"}
    parts += _numbers({"\\mu": equations.mean, "\\sigma": equations.std, **arrays} if data_units else arrays)
    body = "\n\n".join(parts)
    letters = "".join(f"\\DeclareUnicodeCharacter{{{ord(c):04X}}}{{{_letter(c)}}}\n" for c in _unknown_letters(body))
    document = (
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\usepackage[margin=2cm]{geometry}\n"
        f"\\setcounter{{MaxMatrixCols}}{{{WIDEST}}}\n\\setlength{{\\parindent}}{{0pt}}\n\\allowdisplaybreaks\n{letters}"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    return {
        f"{stem}.tex": document.encode(),
        f"{stem}_parameters.csv": _table(equations),
        orbit_name(stem): orbit_file(equations, reference),
    }


def _aligned(lines: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def _numbers(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Vectors side by side, then matrices, then a word on those that do not fit."""
    found = {symbol: matrix(array) for symbol, array in arrays.items()}
    vectors = [(s, text) for s, text in found.items() if text is not None and arrays[s].size == len(arrays[s])]
    parts = list(displays(vectors))
    for symbol, text in found.items():
        rows, columns = (arrays[symbol].size, 1) if arrays[symbol].ndim == 1 else arrays[symbol].shape
        if text is None:
            parts.append(f"${symbol}$ is ${rows} \\times {columns}$; its numbers are in the table beside this file.")
        elif columns > 1:
            parts.append(f"\\[\n{symbol} = {text}\n\\]")
    return parts


def _symbol(key: str) -> str:
    return SYMBOLS.get(key, key)


def _renamed(term: Term) -> Term:
    """The term with the symbols of its names."""
    if term.operation == "name":
        return Term("name", (_symbol(str(term.parts[0])),))
    return Term(term.operation, tuple(_renamed(p) if isinstance(p, Term) else p for p in term.parts))


def _sums(polynomial: Polynomial) -> list[str]:
    variables = [_variable(v) for v in polynomial.variables]
    room = LINE - 3 - max(width(_left(left)) for left in polynomial.left)
    lines = []
    for left, row in zip(polynomial.left, polynomial.coefficients, strict=True):
        terms = []
        for value, factors in zip(row.tolist(), polynomial.factors.tolist(), strict=True):
            used = [variables[f - 1] for f in factors if f]
            powers = [v if used.count(v) == 1 else f"{v}^{{{used.count(v)}}}" for v in dict.fromkeys(used)]
            if value:
                product = " \\, ".join(powers)
                factor = {"1": "", "-1": "-"}.get(number(value)) if powers else None
                terms.append(f"{number(value)} \\, {product}".rstrip(" \\,") if factor is None else factor + product)
        lines.append(broken_sum(_left(left), terms, room))
    return lines


def _left(text: str) -> str:
    """As families write it: "dx/dt", "next z1" or "change of z1"."""
    for start, form in (("change of ", "{0}' - {0}"), ("next ", "{0}'")):
        if text.startswith(start):
            return form.format(_variable(text.removeprefix(start)))
    return f"\\frac{{\\mathrm{{d}}{_variable(text[1:-3])}}}{{\\mathrm{{d}}t}}"


def _variable(text: str) -> str:
    letters = text.rstrip("0123456789").rstrip()
    below = text[len(letters) :].strip()
    symbol = letters if len(letters) == 1 and letters.isalpha() else f"\\text{{{_text(letters)}}}"
    return symbol + (f"_{{{below}}}" if below else "")


def _text(sentence: str) -> str:
    """Plain text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "^": "\\^{}", "~": "\\~{}", **{c: f"\\{c}" for c in "_#%&{}$"}}
    return "".join(special.get(c, c) for c in sentence)


def _unknown_letters(body: str) -> list[str]:
    """Characters that LaTeX does not know of itself."""
    return sorted({c for c in body if ord(c) > 0x17F})


def _letter(character: str) -> str:
    """A Greek letter as such, anything else by its number."""
    kind, _, greek = unicodedata.name(character, "").rpartition(" LETTER ")
    word = {"LAMDA": "lambda", "FINAL SIGMA": "varsigma"}.get(greek, greek.lower())
    if word in GREEK and kind == "GREEK SMALL":
        return f"\\ensuremath{{\\{word}}}"
    if word in GREEK_CAPITALS and kind == "GREEK CAPITAL":
        return f"\\ensuremath{{\\{word.capitalize()}}}"
    return f"U+{ord(character):04X}"


def _table(equations: Equations) -> bytes:
    lines = ["array,row,column,value"]
    for key, array in {"mean": equations.mean, "std": equations.std, **equations.arrays}.items():
        rows = array[:, None] if array.ndim == 1 else array
        lines += [f"{key},{i + 1},{j + 1},{v!r}" for i, r in enumerate(rows.tolist()) for j, v in enumerate(r) if v]
    return ("\n".join(lines) + "\n").encode()
