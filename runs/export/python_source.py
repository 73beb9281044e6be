"""Equations as a module of plain numpy, or as a class in the manner of dysts."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from .dialect import Dialect, rows_of_numbers
from .expression import Equations
from .files import Files, Reference, is_large, orbit_file, orbit_name


def literal(array: np.ndarray) -> str:
    """An array as Python source."""
    if array.ndim == 1:
        return rows_of_numbers(array, ", ", "np.array([", "])", "")
    return "np.array([\n    " + rows_of_numbers(array, ", ", "[", "],", "\n    ") + "\n])"


NUMPY = Dialect(
    operations={
        "name": "{0}",
        "add": "{0} + {1}",
        "subtract": "{0} - {1}",
        "multiply": "{0} * {1}",
        "apply": "{0} @ {1}",
        "scaled": "{0} * {1}",
        "rows": "{0}[{1}:{2}]",
        "relu": "np.maximum({0}, 0.0)",
        "tanh": "np.tanh({0})",
        "joined": "np.concatenate([{0}, {1}])",
        "centred": "centred({0})",
        "spline": "spline({0}, {1}, {2})",
        "monomials": "monomials({0}, {1})",
    },
    helpers={
        "centred": "\n\ndef centred(x):\n    return x - x.mean()\n",
        "spline": "\n\ndef spline(x, thresholds, weights):\n"
        "    return np.maximum(x[:, None] - thresholds, 0.0) @ weights\n",
        "monomials": '\n\ndef monomials(u, factors):\n    """Products: 0 is the factor 1, i the element number i."""\n'
        "    return np.prod(np.concatenate([[1.0], u])[factors], axis=1)\n",
    },
    first=0,
    last=0,
    comment="",
)

RUNGE_KUTTA = '''

def step(z):
    """The state dt later."""
    h = DT / SUBSTEPS
    for _ in range(SUBSTEPS):
        k1 = slope(z)
        k2 = slope(z + 0.5 * h * k1)
        k3 = slope(z + 0.5 * h * k2)
        k4 = slope(z + h * k3)
        z = z + h / 6 * (k1 + 2 * (k2 + k3) + k4)
    return z
'''

REST = '''

def free_run(z, n):
    """n steps from z: states (n, state) and observations (n, obs) in data units."""
    states = []
    for _ in range(n):
        z = step(z)
        states.append(z)
    return np.array(states), np.array([observe(z) for z in states])


def check():
    """Largest error of one step and of an observation along the reference orbit, over the largest number there."""
    orbit = np.loadtxt(os.path.join(HERE, "{orbit}"), delimiter=",", skiprows=1, ndmin=2)
    z, x = orbit[:, :{states}], orbit[:, {states}:]
    steps = max(np.abs(step(a) - b).max() for a, b in zip(z[:-1], z[1:])) / np.abs(z).max()
    seen = max(np.abs(observe(a) - b).max() for a, b in zip(z, x)) / np.abs(x).max()
    return max(steps, seen)
'''

MAIN = """

if __name__ == "__main__":
    error = check()
    print("largest relative error against the reference orbit:", error)
    raise SystemExit(0 if error < 1e-9 else 1)
"""


def numpy_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """A module with `step`, `observe`, `free_run`, `check` and INITIAL_STATE that needs numpy alone."""
    return _files(equations, reference, stem, "import numpy as np\n", "")


def dysts_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """The same module with a class that dysts's code takes: `DynMap` for maps, `DynSys` for flows."""
    base = "DynMap" if equations.time == "map" else "DynSys"
    name = class_name(stem) + "System"  # so that no parameter has that name
    head = f"import numpy as np\nfrom dysts.base import {base}\n"
    times, function = ("", "step") if equations.time == "map" else (", t", "slope")
    more = f"dt=DT, period={100 * equations.dt!r}, " if equations.time == "flow" else ""
    text = f'''

class {name}({base}):
    """The reconstruction as a system of dysts, in the state z; `observe` gives the data."""

    def __init__(self, **options):
        super().__init__(
            metadata_path=None, parameters={{}}, {more}dimension={equations.state_dim},
            initial_conditions=INITIAL_STATE, **options,
        )

    @staticmethod
    def _rhs(*arguments):
        z = np.array(arguments{"" if equations.time == "map" else "[:-1]"}, dtype=float)
        if z.ndim == 1:
            return {function}(z)
        return np.stack([{function}(column) for column in z.T], axis=1)

    @staticmethod
    def observe(states):
        """Observations (time, obs) in data units of states (time, state)."""
        return np.array([observe(z) for z in np.atleast_2d(states)])

    def rhs(self, X{times}):
        found = self._rhs(*np.asarray(X).T{times})
        return found.T
'''
    return _files(equations, reference, stem, head, text)


def class_name(stem: str) -> str:
    """lorenz63_alrnn: Lorenz63Alrnn."""
    return "".join(word.capitalize() for word in stem.split("_") if word)


def _files(equations: Equations, reference: Reference, stem: str, imports: str, more: str) -> Files:
    files = {orbit_name(stem): orbit_file(equations, reference)}
    if is_large(equations):
        buffer = io.BytesIO()
        arrays: dict[str, Any] = dict(equations.arrays)
        np.savez_compressed(buffer, **arrays)
        files[f"{stem}_parameters.npz"] = buffer.getvalue()
        load = f'with np.load(os.path.join(HERE, "{stem}_parameters.npz"), allow_pickle=False) as _file:\n'
        parameters = load + "".join(f'    {key} = _file["{key}"]\n' for key in equations.arrays)
    else:
        parameters = "".join(f"{key} = {literal(a)}\n" for key, a in equations.arrays.items())
    result = equations.assignments[-1][0]
    body = "".join(f"    {key} = {NUMPY.write(term)}\n" for key, term in equations.assignments)
    meaning = "The state one step later." if equations.time == "map" else "dz/dt."
    function = "step" if equations.time == "map" else "slope"
    text = (
        f'"""{NUMPY.comments(equations)}\n\nCheck: python {stem}.py\n"""\n\nimport os\n\n{imports}\n'
        f"HERE = os.path.dirname(os.path.abspath(__file__))\n"
        f"DT = {equations.dt!r}\nSUBSTEPS = {equations.substeps}\n"
        f"MEAN = {literal(equations.mean)}\nSTD = {literal(equations.std)}\n"
        f"INITIAL_STATE = {literal(reference.z[0])}\n{parameters}"
        f"{NUMPY.helpers_of(equations)}"
        f'\n\ndef {function}(z):\n    """{meaning}"""\n{body}    return {result}\n'
        f"{RUNGE_KUTTA if equations.time == 'flow' else ''}"
        f'\n\ndef observe(z):\n    """Observation in data units."""\n'
        f"    return MEAN + STD * ({NUMPY.write(equations.observed)})\n"
        f"{REST.format(orbit=orbit_name(stem), states=equations.state_dim)}{more}{MAIN}"
    )
    return {f"{stem}.py": text.encode(), **files}
