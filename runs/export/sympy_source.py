"""Equations as sympy expressions of the state's symbols."""

from __future__ import annotations

import numpy as np

from dsr.errors import SpecError

from .dialect import Dialect, rows_of_numbers
from .expression import Equations
from .files import INLINE, Files, Reference, orbit_file, orbit_name


def literal(array: np.ndarray) -> str:
    """An array as sympy source; numbers keep all their bits."""
    if array.ndim == 1:
        return rows_of_numbers(array, ", ", "sp.Matrix([", "])", "")
    return "sp.Matrix([\n    " + rows_of_numbers(array, ", ", "[", "],", "\n    ") + "\n])"


SYMPY = Dialect(
    operations={
        "name": "{0}",
        "add": "{0} + {1}",
        "subtract": "{0} - {1}",
        "multiply": "sp.matrix_multiply_elementwise({0}, {1})",
        "apply": "{0} * {1}",
        "scaled": "{0} * {1}",
        "rows": "{0}[{1}:{2}, :]",
        "relu": "relu({0})",
        "tanh": "({0}).applyfunc(sp.tanh)",
        "joined": "({0}).col_join({1})",
        "centred": "centred({0})",
        "spline": "spline({0}, {1}, {2})",
        "monomials": "monomials({0}, {1})",
    },
    helpers={
        "relu": "\n\ndef relu(x):\n    return x.applyfunc(lambda e: sp.Max(e, 0))\n",
        "centred": "\n\ndef centred(x):\n    return x - sp.ones(x.rows, 1) * (sum(x) / x.rows)\n",
        "spline": "\n\ndef spline(x, thresholds, weights):\n"
        "    rows, count = thresholds.shape\n"
        "    return sp.Matrix([sum(weights[b] * sp.Max(x[i] - thresholds[i, b], 0) for b in range(count))\n"
        "                      for i in range(rows)])\n",
        "monomials": "\n\ndef monomials(u, factors):\n"
        "    padded = [sp.Integer(1), *u]\n"
        "    return sp.Matrix([sp.Mul(*[padded[f] for f in factors.row(j)]) for j in range(factors.rows)])\n",
    },
    first=0,
    last=0,
    comment="",
)

REST = '''
{right}_FUNCTION = sp.lambdify(list(STATE), list({right}), "math")
OBSERVATION_FUNCTION = sp.lambdify(list(STATE), list(OBSERVATION), "math")


def check(rows=20):
    """Largest error along the first rows of the reference orbit, over the largest number there."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "{orbit}")) as file:
        orbit = [[float(v) for v in line.split(",")] for line in file.readlines()[1 : rows + 2]]
    errors, largest = [], max(abs(v) for row in orbit for v in row)
    for now, after in zip(orbit, orbit[1:]):
        found = [*step(now[:{states}]), *OBSERVATION_FUNCTION(*now[:{states}])]
        errors += [abs(a - b) for a, b in zip(found, [*after[:{states}], *now[{states}:]])]
    return max(errors) / largest


if __name__ == "__main__":
    error = check()
    print("largest relative error against the reference orbit:", error)
    raise SystemExit(0 if error < 1e-9 else 1)
'''
STEP = '''

def step(z):
    """The state one step after the numbers z."""
    return list(NEXT_FUNCTION(*z))
'''
RUNGE_KUTTA = '''

def step(z):
    """The state DT after the numbers z, by the classical Runge-Kutta rule."""
    h = DT / SUBSTEPS
    for _ in range(SUBSTEPS):
        k1 = SLOPE_FUNCTION(*z)
        k2 = SLOPE_FUNCTION(*[a + 0.5 * h * k for a, k in zip(z, k1)])
        k3 = SLOPE_FUNCTION(*[a + 0.5 * h * k for a, k in zip(z, k2)])
        k4 = SLOPE_FUNCTION(*[a + h * k for a, k in zip(z, k3)])
        z = [a + h / 6 * (p + 2 * (q + r) + s) for a, p, q, r, s in zip(z, k1, k2, k3, k4)]
    return z
'''


def sympy_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """A module with STATE (symbols), NEXT (a map) or SLOPE (a flow) and OBSERVATION as matrices of expressions.

    Raises `SpecError` for more parameters than expressions can hold.
    """
    if equations.numbers > INLINE:
        raise SpecError(
            f"sympy expressions with {equations.numbers} parameters",
            f"at most {INLINE}, beyond which no computer algebra works with them",
            "use --to numpy, or reconstruct with a smaller model",
        )
    parameters = "".join(f"{key} = {literal(a)}\n" for key, a in equations.arrays.items())
    body = "".join(f"{key} = {SYMPY.write(term)}\n" for key, term in equations.assignments)
    right, step = ("NEXT", STEP) if equations.time == "map" else ("SLOPE", RUNGE_KUTTA)
    observed = f"MEAN + sp.matrix_multiply_elementwise(STD, {SYMPY.write(equations.observed)})"
    text = (
        f'"""{SYMPY.comments(equations)}\n\n{right} and OBSERVATION are expressions of the symbols STATE. '
        f'Check: python {stem}.py\n"""\n\nimport os\n\nimport sympy as sp\n'
        f"{SYMPY.helpers_of(equations)}\n"
        f"DT = {equations.dt!r}\nSUBSTEPS = {equations.substeps}\n"
        f"MEAN = {literal(equations.mean)}\nSTD = {literal(equations.std)}\n"
        f"INITIAL_STATE = {literal(reference.z[0])}\n{parameters}"
        f'STATE = sp.Matrix(sp.symbols("z1:{equations.state_dim + 1}"))\n\n'
        f"z = STATE\n{body}{right} = {equations.assignments[-1][0]}\nOBSERVATION = {observed}\n"
        f"{step}{REST.format(right=right, orbit=orbit_name(stem), states=equations.state_dim)}"
    )
    return {f"{stem}.py": text.encode(), orbit_name(stem): orbit_file(equations, reference)}
