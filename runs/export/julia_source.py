"""Equations as a Julia module, without packages beyond the standard library."""

from __future__ import annotations

import numpy as np

from .dialect import Dialect, rows_of_numbers
from .expression import Equations
from .files import Files, Reference, column_of_numbers, is_large, orbit_file, orbit_name
from .python_source import class_name


def literal(array: np.ndarray) -> str:
    """An array as Julia source."""
    if array.ndim == 1:
        return rows_of_numbers(array, ", ", "[", "]", "")
    if array.shape[1] == 1:  # [a; b] would be a vector
        return f"reshape({literal(array[:, 0])}, {array.shape[0]}, 1)"
    if array.shape[0] == 1:
        return rows_of_numbers(array, " ", "[", "]", "")
    return "[\n    " + rows_of_numbers(array, " ", "", "", "\n    ") + "\n]"


JULIA = Dialect(
    operations={
        "name": "{0}",
        "add": "{0} .+ {1}",
        "subtract": "{0} .- {1}",
        "multiply": "{0} .* {1}",
        "apply": "{0} * {1}",
        "scaled": "{0} .* {1}",
        "rows": "{0}[{1}:{2}]",
        "relu": "max.({0}, 0.0)",
        "tanh": "tanh.({0})",
        "joined": "vcat({0}, {1})",
        "centred": "centred({0})",
        "spline": "spline({0}, {1}, {2})",
        "monomials": "monomials({0}, {1})",
    },
    helpers={
        "centred": "\ncentred(x) = x .- sum(x) / length(x)\n",
        "spline": "\nspline(x, thresholds, weights) = max.(x .- thresholds, 0.0) * weights\n",
        "monomials": "\n# products: 0 is the factor 1, i the element number i\n"
        "monomials(u, factors) = vec(prod(vcat(1.0, u)[factors .+ 1], dims=2))\n",
    },
    first=1,
    last=0,
    comment="#",
)

RUNGE_KUTTA = """
"The state DT later."
function step(z)
    h = DT / SUBSTEPS
    for _ in 1:SUBSTEPS
        k1 = slope(z)
        k2 = slope(z .+ 0.5h .* k1)
        k3 = slope(z .+ 0.5h .* k2)
        k4 = slope(z .+ h .* k3)
        z = z .+ h / 6 .* (k1 .+ 2 .* (k2 .+ k3) .+ k4)
    end
    return z
end
"""

REST = """
"States (state, n) and observations (obs, n) in data units of n steps from z."
function free_run(z, n)
    states = Vector{{Float64}}[]
    for _ in 1:n
        z = step(z)
        push!(states, z)
    end
    return reduce(hcat, states), reduce(hcat, observe.(states))
end

"Largest error of one step and of an observation along the reference orbit, over the largest number there."
function check()
    orbit = readdlm(joinpath(@__DIR__, "{orbit}"), ',', Float64; skipstart=1)
    z, x = orbit[:, 1:{states}], orbit[:, {after}:end]
    steps = maximum(maximum(abs.(step(z[t, :]) .- z[t + 1, :])) for t in 1:size(z, 1) - 1) / maximum(abs.(z))
    seen = maximum(maximum(abs.(observe(z[t, :]) .- x[t, :])) for t in 1:size(z, 1)) / maximum(abs.(x))
    return max(steps, seen)
end

end

if abspath(PROGRAM_FILE) == @__FILE__
    error_found = {module}.check()
    println("largest relative error against the reference orbit: ", error_found)
    exit(error_found < 1e-9 ? 0 : 1)
end
"""


def julia_files(equations: Equations, reference: Reference, stem: str) -> Files:
    """A module with `step`, `observe`, `free_run`, `check` and INITIAL_STATE; `julia FILE` runs the check."""
    module = class_name(stem) + "Module"  # so that no parameter has that name
    states = equations.state_dim
    files = {orbit_name(stem): orbit_file(equations, reference)}
    if is_large(equations):
        files[f"{stem}_parameters.csv"] = column_of_numbers(equations)
        parameters = _from_file(equations, f"{stem}_parameters.csv")
    else:
        parameters = "".join(f"const {key} = {literal(a)}\n" for key, a in equations.arrays.items())
    body = "".join(f"    {key} = {JULIA.write(term)}\n" for key, term in equations.assignments)
    function, meaning = ("step", "The state one step later.") if equations.time == "map" else ("slope", "dz/dt.")
    text = (
        f"{JULIA.comments(equations)}\n# Check: julia {stem}.jl\nmodule {module}\n\nusing DelimitedFiles\n\n"
        f"const DT = {equations.dt!r}\nconst SUBSTEPS = {equations.substeps}\n"
        f"const MEAN = {literal(equations.mean)}\nconst STD = {literal(equations.std)}\n"
        f"const INITIAL_STATE = {literal(reference.z[0])}\n{parameters}"
        f"{JULIA.helpers_of(equations)}"
        f'\n"{meaning}"\nfunction {function}(z)\n{body}    return {equations.assignments[-1][0]}\nend\n'
        f"{RUNGE_KUTTA if equations.time == 'flow' else ''}"
        f'\n"Observation in data units."\nobserve(z) = MEAN .+ STD .* ({JULIA.write(equations.observed)})\n'
        f"{REST.format(orbit=orbit_name(stem), states=states, after=states + 1, module=module)}"
    )
    return {f"{stem}.jl": text.encode(), **files}


def _from_file(equations: Equations, file: str) -> str:
    """Parameters cut from one column of numbers."""
    lines, start = [f'const NUMBERS = vec(readdlm(joinpath(@__DIR__, "{file}"), Float64))'], 1
    for key, array in equations.arrays.items():
        stop = start + array.size - 1
        part = f"NUMBERS[{start}:{stop}]"
        if array.dtype.kind == "i":
            part = f"Int.({part})"
        lines.append(f"const {key} = reshape({part}, {', '.join(map(str, array.shape))})")
        start = stop + 1
    return "\n".join(lines) + "\n"
