"""Unique monomials of a vector, their derivatives, and compiled loops over maps and flows made of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, SpecError
from .orbits import LARGEST, UNIT

LARGEST_LIBRARY = 20_000  # terms
LARGEST_MATRIX = 500_000_000  # numbers in the matrix of terms by rows, 4 GB


def number_of_terms(variables: int, degree: int) -> int:
    """Unique monomials of degree 0 to `degree`."""
    return comb(variables + degree, degree)


def require_library(variables: int, degree: int) -> None:
    """Refuse a library that cannot be solved."""
    terms = number_of_terms(variables, degree)
    if terms > LARGEST_LIBRARY:
        raise SpecError(
            f"a library of {terms} monomials (degree {degree} of {variables} variables)",
            f"at most {LARGEST_LIBRARY}",
            "lower degree or lags, or bring fewer columns, such as the first principal components",
        )


def require_memory(rows: int, terms: int) -> None:
    """Refuse a matrix of terms that would not fit into memory."""
    if rows * terms > LARGEST_MATRIX:
        raise DataError(
            f"{rows} rows with {terms} terms each, {rows * terms * 8 / 2**30:.0f} GiB",
            f"{LARGEST_MATRIX * 8 / 2**30:.0f} GiB",
            "train on fewer rows, or lower degree or lags",
        )


def monomials(variables: int, degree: int) -> np.ndarray:
    """Factors of each monomial (terms, degree) int64, by degree and then in lexical order: 0 stands for the factor 1,
    i for the variable number i - 1. The first row is the constant, the next `variables` rows are linear."""
    rows = [
        factors + (0,) * (degree - total)
        for total in range(degree + 1)
        for factors in combinations_with_replacement(range(1, variables + 1), total)
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), degree)


def recursion(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(parent, variable), each (terms,): a monomial is its parent, which stands before it, times a variable. The
    constant is its own parent."""
    place = {tuple(row): j for j, row in enumerate(factors.tolist())}
    parent, variable = np.zeros(len(factors), dtype=np.int64), np.zeros(len(factors), dtype=np.int64)
    for j, row in enumerate(factors.tolist()):
        total = sum(f > 0 for f in row)
        if total:
            variable[j] = row[total - 1] - 1
            parent[j] = place[(*row[: total - 1], *[0] * (len(row) - total + 1))]
    return parent, variable


def evaluate(factors: Tensor, u: Tensor) -> Tensor:
    """Values of the monomials, (..., variables) -> (..., terms)."""
    padded = torch.cat([torch.ones_like(u[..., :1]), u], dim=-1)
    values = padded[..., factors[:, 0]]
    for i in range(1, factors.shape[1]):
        values = values * padded[..., factors[:, i]]
    return values


def evaluate_jvp(factors: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Derivatives of the monomials along tangent vectors, (..., variables), (..., variables, k) -> (..., terms, k)."""
    padded = torch.cat([torch.ones_like(u[..., :1]), u], dim=-1)
    moved = torch.cat([torch.zeros_like(v[..., :1, :]), v], dim=-2)
    values, tangent = padded[..., factors[:, 0]], moved[..., factors[:, 0], :]
    for i in range(1, factors.shape[1]):
        factor = padded[..., factors[:, i]]
        tangent = tangent * factor[..., None] + values[..., None] * moved[..., factors[:, i], :]
        values = values * factor
    return tangent


def term_names(factors: np.ndarray, names: Sequence[str]) -> list[str]:
    """Each monomial as text: "1", "x", "x y", "x^2"."""
    texts = []
    for row in factors.tolist():
        used = [f - 1 for f in row if f]
        powers = [(names[i], used.count(i)) for i in dict.fromkeys(used)]
        texts.append(" ".join(n if p == 1 else f"{n}^{p}" for n, p in powers) or "1")
    return texts


def map_loop(
    parent: Any, variable: Any, W: Any, columns: Any, keep: Any, start: Any, tangent: Any, n: Any, unit: Any
) -> Any:
    """x' = keep x + W phi(u) in front of the state's older rows; u = z[columns]. W (terms, obs)."""
    batch, dim = start.shape
    terms, obs = W.shape
    states, growth = np.empty((batch, n, dim)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    phi, dphi, new, dnew, z = np.ones(terms), np.zeros(terms), np.empty(obs), np.empty(obs), np.empty(dim)
    for b in range(batch):
        for i in range(dim):
            z[i] = start[b, i]
        for t in range(n):
            for i in range(obs):
                new[i] = keep * z[i]
            for j in range(terms):
                if j > 0:
                    phi[j] = phi[parent[j]] * z[columns[variable[j]]]
                for i in range(obs):
                    new[i] += W[j, i] * phi[j]
            if follow:
                v = tangent[b]
                for i in range(obs):
                    dnew[i] = keep * v[i]
                for j in range(1, terms):
                    c = columns[variable[j]]
                    dphi[j] = dphi[parent[j]] * z[c] + phi[parent[j]] * v[c]
                    for i in range(obs):
                        dnew[i] += W[j, i] * dphi[j]
                for i in range(dim - 1, obs - 1, -1):
                    v[i] = v[i - obs]
                for i in range(obs):
                    v[i] = dnew[i]
            finite = True
            for i in range(dim - 1, obs - 1, -1):
                z[i] = z[i - obs]
            for i in range(obs):
                z[i] = new[i]
                finite = finite and abs(z[i]) <= LARGEST
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(dim):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += unit(tangent[b])
    return states, tangent, growth


def flow_loop(
    parent: Any,
    variable: Any,
    W: Any,
    mean: Any,
    sd: Any,
    h: Any,
    substeps: Any,
    start: Any,
    tangent: Any,
    n: Any,
    unit: Any,
) -> Any:
    """dx/dt = W phi(x), x = mean + sd z, by `substeps` steps of the classical Runge-Kutta rule of length h each.
    W (terms, dim); mean, sd (dim,)."""
    batch, dim = start.shape
    terms = W.shape[0]
    states, growth = np.empty((batch, n, dim)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    phi, dphi = np.ones(terms), np.zeros(terms)
    z, at, v, along = np.empty(dim), np.empty(dim), np.zeros(dim), np.zeros(dim)
    slope, dslope, total, dtotal = np.empty(dim), np.zeros(dim), np.empty(dim), np.zeros(dim)
    for b in range(batch):
        for i in range(dim):
            z[i] = start[b, i]
            v[i] = tangent[b, i] if follow else 0.0
        for t in range(n):
            for _ in range(substeps):
                total[:] = 0.0
                dtotal[:] = 0.0
                for stage in range(4):
                    reach = 0.0 if stage == 0 else (h if stage == 3 else 0.5 * h)
                    weight = 1.0 if stage in (0, 3) else 2.0
                    for i in range(dim):
                        at[i] = mean[i] + sd[i] * (z[i] if stage == 0 else z[i] + reach * slope[i])
                        along[i] = sd[i] * (v[i] if stage == 0 else v[i] + reach * dslope[i])
                    slope[:] = 0.0
                    dslope[:] = 0.0
                    for j in range(terms):
                        if j > 0:
                            c = variable[j]
                            phi[j] = phi[parent[j]] * at[c]
                            if follow:
                                dphi[j] = dphi[parent[j]] * at[c] + phi[parent[j]] * along[c]
                        for i in range(dim):
                            slope[i] += W[j, i] * phi[j]
                            dslope[i] += W[j, i] * dphi[j]
                    for i in range(dim):
                        slope[i] /= sd[i]
                        dslope[i] /= sd[i]
                        total[i] += weight * slope[i]
                        dtotal[i] += weight * dslope[i]
                for i in range(dim):
                    z[i] += h / 6.0 * total[i]
                    v[i] += h / 6.0 * dtotal[i]
            finite = True
            for i in range(dim):
                finite = finite and abs(z[i]) <= LARGEST
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(dim):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += unit(v)
        if follow:
            for i in range(dim):
                tangent[b, i] = v[i]
    return states, tangent, growth
