"""What a printer returns, and what all of them share: the reference orbit and parameters too many to write down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .expression import Equations

INLINE = 2000  # numbers that a source file may hold; with more they lie beside it


@dataclass(frozen=True, eq=False)
class Reference:
    """An orbit of the model: z (rows, state) in the coordinates of the equations, x (rows, obs) in data units."""

    z: np.ndarray
    x: np.ndarray


Files = Mapping[str, bytes]


def orbit_name(stem: str) -> str:
    return f"{stem}_orbit.csv"


def orbit_file(equations: Equations, reference: Reference) -> bytes:
    """The reference orbit: states z1, z2, ..., then the observations, one row per step, with all digits."""
    head = [f"z{i + 1}" for i in range(reference.z.shape[1])] + [f"observed_{n}" for n in equations.names]
    return csv(head, np.concatenate([reference.z, reference.x], axis=1))


def csv(head: list[str], rows: np.ndarray) -> bytes:
    lines = [",".join(head)] + [",".join(repr(v) for v in row) for row in rows.tolist()]
    return ("\n".join(lines) + "\n").encode()


def is_large(equations: Equations) -> bool:
    """Whether the parameters lie beside the source."""
    return equations.numbers > INLINE


def column_of_numbers(equations: Equations) -> bytes:
    """All parameters one after the other, column by column, one number per line, for languages that read no .npz."""
    values = np.concatenate([a.flatten(order="F").astype(float) for a in equations.arrays.values()])
    return ("\n".join("0" if v == 0 else repr(v) for v in values.tolist()) + "\n").encode()
