"""Equations as a MATLAB function (Octave runs it too), with a script that checks it."""

from __future__ import annotations

import numpy as np

from .dialect import Dialect, rows_of_numbers
from .expression import Equations
from .files import Files, Reference, column_of_numbers, is_large, orbit_file, orbit_name


def literal(array: np.ndarray) -> str:
    """An array as MATLAB source; a vector is a column."""
    if array.ndim == 1:
        return rows_of_numbers(array, "; ", "[", "]", "")
    return "[ ...\n    " + rows_of_numbers(array, ", ", "", "; ...", "\n    ") + "\n    ]"


MATLAB = Dialect(
    operations={
        "name": "{0}",
        "add": "{0} + {1}",
        "subtract": "{0} - {1}",
        "multiply": "{0} .* {1}",
        "apply": "{0} * {1}",
        "scaled": "{0} * {1}",
        "rows": "{0}({1}:{2})",
        "relu": "max({0}, 0)",
        "tanh": "tanh({0})",
        "joined": "[{0}; {1}]",
        "centred": "centred({0})",
        "spline": "spline_of({0}, {1}, {2})",
        "monomials": "monomials({0}, {1})",
    },
    helpers={
        "centred": "\nfunction y = centred(x)\n    y = x - mean(x);\nend\n",
        "spline": "\nfunction y = spline_of(x, thresholds, weights)\n"
        "    y = max(bsxfun(@minus, x, thresholds), 0) * weights;\nend\n",
        "monomials": "\nfunction y = monomials(u, factors)  % 0 is the factor 1, i the element number i\n"
        "    padded = [1; u];\n    y = prod(reshape(padded(factors + 1), size(factors)), 2);\nend\n",
    },
    first=1,
    last=0,
    comment="%",
)

RUNGE_KUTTA = """
function z = rk4(z, p)
    h = p.DT / p.SUBSTEPS;
    for i = 1:p.SUBSTEPS
        k1 = slope_of(z, p);
        k2 = slope_of(z + 0.5 * h * k1, p);
        k3 = slope_of(z + 0.5 * h * k2, p);
        k4 = slope_of(z + h * k3, p);
        z = z + h / 6 * (k1 + 2 * (k2 + k3) + k4);
    end
end
"""

CHECK = """% Compares {stem}.m with the reference orbit: run it in this folder.
orbit = dlmread('{orbit}', ',', 1, 0);
z = orbit(:, 1:{states})';
x = orbit(:, {after}:end)';
found = 0;
for t = 1:size(z, 2) - 1
    [following, seen] = {stem}(z(:, t));
    found = max([found, max(abs(following - z(:, t + 1))) / max(abs(z(:))), max(abs(seen - x(:, t))) / max(abs(x(:)))]);
end
fprintf('largest relative error against the reference orbit: %g\\n', found);
assert(found < 1e-9);
"""


def matlab_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """STEM.m: `[following, observed] = STEM(z)`, and STEM() is an initial state; STEM_check.m compares."""
    files = {orbit_name(stem): orbit_file(equations, reference)}
    if is_large(equations):
        files[f"{stem}_parameters.csv"] = column_of_numbers(equations)
        parameters = _from_file(equations, f"{stem}_parameters.csv")
    else:
        parameters = "".join(f"    p.{key} = {literal(a)};\n" for key, a in equations.arrays.items())
    unpacked = "".join(f"    {key} = p.{key};\n" for key in equations.arrays)
    body = "".join(f"    {key} = {MATLAB.write(term)};\n" for key, term in equations.assignments)
    result = equations.assignments[-1][0]
    function, step = ("step_of", "step_of") if equations.time == "map" else ("slope_of", "rk4")
    text = (
        f"function [following, observed] = {stem}(z)\n{MATLAB.comments(equations)}\n"
        f"% following: the state one row later. observed: the observation of z. Without z: an initial state.\n"
        f"% Check: {stem}_check\n"
        f"    persistent p\n    if isempty(p)\n        p = parameters();\n    end\n"
        f"    if nargin == 0\n        following = p.INITIAL_STATE;\n        return\n    end\n"
        f"    following = {step}(z, p);\n    observed = observe(z, p);\nend\n"
        f"\nfunction {result} = {function}(z, p)\n{unpacked}{body}end\n"
        f"{RUNGE_KUTTA if equations.time == 'flow' else ''}"
        f"\nfunction x = observe(z, p)\n{unpacked}"
        f"    x = p.MEAN + p.STD .* ({MATLAB.write(equations.observed)});\nend\n"
        f"{MATLAB.helpers_of(equations)}"
        f"\nfunction p = parameters()\n    p.DT = {equations.dt!r};\n    p.SUBSTEPS = {equations.substeps};\n"
        f"    p.MEAN = {literal(equations.mean)};\n    p.STD = {literal(equations.std)};\n"
        f"    p.INITIAL_STATE = {literal(reference.z[0])};\n{parameters}end\n"
    )
    after = equations.state_dim + 1
    check = CHECK.format(stem=stem, orbit=orbit_name(stem), states=equations.state_dim, after=after)
    return {f"{stem}.m": text.encode(), f"{stem}_check.m": check.encode(), **files}


def _from_file(equations: Equations, file: str) -> str:
    """Parameters cut from one column of numbers."""
    lines = [f"    numbers = dlmread(fullfile(fileparts(mfilename('fullpath')), '{file}'));"]
    start = 1
    for key, array in equations.arrays.items():
        stop = start + array.size - 1
        shape = ", ".join(map(str, array.shape if array.ndim == 2 else (array.size, 1)))
        lines.append(f"    p.{key} = reshape(numbers({start}:{stop}), {shape});")
        start = stop + 1
    return "\n".join(lines) + "\n"
