"""Equations of a model as a short list of vector assignments, from which every language is printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Term:
    """A vector expression: an operation (a key of a dialect's `operations`) on terms, names and whole numbers."""

    operation: str
    parts: tuple[Term | str | int | float, ...]

    def __add__(self, other: Term) -> Term:
        return Term("add", (self, other))

    def __sub__(self, other: Term) -> Term:
        return Term("subtract", (self, other))

    def __mul__(self, other: Term) -> Term:
        """Element by element."""
        return Term("multiply", (self, other))

    def __matmul__(self, other: Term) -> Term:
        return Term("apply", (self, other))

    def __getitem__(self, rows: slice) -> Term:
        """Rows first to last of a name, counted from zero, the last excluded."""
        return Term("rows", (self, rows.start, rows.stop))

    def walk(self) -> Iterator[Term]:
        yield self
        for part in self.parts:
            if isinstance(part, Term):
                yield from part.walk()


def name(text: str) -> Term:
    return Term("name", (text,))


def relu(x: Term) -> Term:
    return Term("relu", (x,))


def tanh(x: Term) -> Term:
    return Term("tanh", (x,))


def centred(x: Term) -> Term:
    """x less the mean of its elements."""
    return Term("centred", (x,))


def joined(a: Term, b: Term) -> Term:
    """The elements of a, then those of b."""
    return Term("joined", (a, b))


def scaled(factor: float, x: Term) -> Term:
    return Term("scaled", (factor, x))


def spline(x: Term, thresholds: Term, weights: Term) -> Term:
    """sum_b weights_b relu(x - thresholds_b): x (M,), thresholds (M, bases), weights (bases,)."""
    return Term("spline", (x, thresholds, weights))


def monomials(u: Term, factors: Term) -> Term:
    """Products of elements of u, one per row of `factors`: 0 stands for the factor 1, i for the element number i."""
    return Term("monomials", (u, factors))


@dataclass(frozen=True, eq=False)
class Polynomial:
    """Coefficients (rows, terms) of monomials, `factors` (terms, degree) as in `monomials`; `left` and `variables` are
    names for reading: "dx/dt" and "x" in data units, or "next z1" and "z1", elements of the state, where
    `standardised` names the column that each variable stands for."""

    coefficients: np.ndarray
    factors: np.ndarray
    left: tuple[str, ...]
    variables: tuple[str, ...]
    standardised: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Equations:
    """What a printer needs to know of a model.

    family, formula : name and equation as text. time : "map", the last assignment is the state one step of `dt` later;
    or "flow", it is the derivative, integrated in `substeps` Runge-Kutta steps per dt. arrays : parameters by name.
    assignments : (name, term) in order; `z` is the state (state_dim,). observed : standardised observation as a term
    in z; data units are mean + std * observed. state : what z is, in words. offset, scale : z is offset + scale times
    the model's own state. polynomial : the right-hand sides where they are one, for reading.
    """

    family: str
    formula: str
    time: str
    dt: float
    state_dim: int
    arrays: Mapping[str, np.ndarray]
    assignments: tuple[tuple[str, Term], ...]
    observed: Term
    mean: np.ndarray
    std: np.ndarray
    state: str
    names: tuple[str, ...]
    substeps: int = 1
    offset: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0
    polynomial: Polynomial | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def numbers(self) -> int:
        """How many numbers the parameters are."""
        return sum(a.size for a in self.arrays.values())

    def uses(self, operation: str) -> bool:
        terms = [term for _, term in self.assignments] + [self.observed]
        return any(t.operation == operation for term in terms for t in term.walk())
