"""How a language writes vector expressions: a template for each operation, and how tightly it binds."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .expression import Equations, Polynomial, Term

SUM, PRODUCT, ATOM = 1, 2, 3
# how tightly an operation binds, and how tightly each of its parts has to
BINDING: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "add": (SUM, (SUM, SUM)),
    "subtract": (SUM, (SUM, PRODUCT)),
    "multiply": (PRODUCT, (PRODUCT, ATOM)),
    "apply": (PRODUCT, (PRODUCT, ATOM)),
    "scaled": (PRODUCT, (ATOM, ATOM)),
}


@dataclass(frozen=True)
class Dialect:
    """operations : template of each operation, `{0}`, `{1}` for its parts. helpers : source of the functions that
    operations of that name call. first : what the first row is numbered with. last : what is added to the number of
    the row after the last. comment : what a comment line starts with; none inside a Python string."""

    operations: Mapping[str, str]
    helpers: Mapping[str, str]
    first: int
    last: int
    comment: str

    def write(self, term: Term, binding: int = SUM) -> str:
        """The term as text, in brackets where it binds less than asked."""
        own, wanted = BINDING.get(term.operation, (ATOM, (SUM,) * len(term.parts)))
        if term.operation == "rows":
            source, start, stop = term.parts
            parts = [self.write(source), str(int(start) + self.first), str(int(stop) + self.last)]  # type: ignore[arg-type]
        else:
            parts = [
                self.write(part, level) if isinstance(part, Term) else _plain(part)
                for part, level in zip(term.parts, wanted, strict=True)
            ]
        text = self.operations[term.operation].format(*parts)
        return f"({text})" if own < binding else text

    def helpers_of(self, equations: Equations) -> str:
        """The functions that these equations call."""
        return "".join(text for operation, text in self.helpers.items() if equations.uses(operation))

    def comments(self, equations: Equations) -> str:
        """What the model is, as comment lines."""
        lines = [line for text in sentences(equations) for line in textwrap.wrap(text, 110, subsequent_indent="    ")]
        if self.comment:
            return "\n".join(f"{self.comment} {line}" for line in lines)
        return "\n".join(lines).replace("\\", "\\\\").replace('"', '\\"')  # names of columns may hold them


def _plain(part: str | int | float) -> str:
    return part if isinstance(part, str) else repr(part)


def sentences(equations: Equations) -> list[str]:
    """What the model is, for the head of a program."""
    found = [f"Reconstruction by dsr, family {equations.family}: {equations.formula}", *meaning(equations)]
    if equations.polynomial is not None and readable(equations.polynomial):
        found += [in_full(equations.polynomial), *readable_lines(equations.polynomial)]
    return found + list(equations.notes)


def meaning(equations: Equations) -> list[str]:
    """What the state, a step and the observations are."""
    found = [
        f"z, {equations.state_dim} numbers: {equations.state}.",
    ]
    if equations.time == "map":
        found.append(f"One step is dt = {equations.dt!r} in the time of the data.")
    else:
        found.append(
            f"The slope is dz/dt; rows of the data are dt = {equations.dt!r} apart, which the model integrates in "
            f"{equations.substeps} steps of the classical Runge-Kutta rule."
        )
    return [*found, f"Observations, in data units: {', '.join(equations.names)}."]


READABLE = 60  # terms that a person may want to read


def readable(polynomial: Polynomial) -> bool:
    return int(np.count_nonzero(polynomial.coefficients)) <= READABLE


def in_full(polynomial: Polynomial, symbol: Callable[[str], str] = str, text: Callable[[str], str] = str) -> str:
    """What the variables of the lines that follow are."""
    if not polynomial.standardised:
        return "In full, in data units:"
    symbols, names = map(symbol, polynomial.variables), map(text, polynomial.standardised)
    return (
        f"In full, with {', '.join(symbols)} for {', '.join(names)} in standardised units, "
        "(value - mean) / standard deviation:"
    )


def readable_lines(polynomial: Polynomial) -> list[str]:
    """ "dx/dt = -10.0*x + 10.0*y", with all digits."""
    texts = []
    for left, row in zip(polynomial.left, polynomial.coefficients, strict=True):
        terms = []
        for value, factors in zip(row.tolist(), polynomial.factors.tolist(), strict=True):
            if value:
                used = [polynomial.variables[f - 1] for f in factors if f]
                terms.append("*".join([repr(value), *used]))
        texts.append(f"{left} = " + (" + ".join(terms) or "0.0").replace("+ -", "- "))
    return texts


def rows_of_numbers(array: np.ndarray, between: str, row_start: str, row_end: str, rows: str) -> str:
    """Numbers of a vector or matrix with all their digits; rows of a matrix on lines of their own."""
    if array.ndim == 1:
        return row_start + between.join(repr(v) for v in array.tolist()) + row_end
    return rows.join(rows_of_numbers(row, between, row_start, row_end, rows) for row in array)
