"""Own systems from a TOML file with equations as text: read without evaluating anything, Jacobian by sympy.

```toml
[system]
name = "my-lorenz"
variables = ["x", "y", "z"]
initial = [1.0, 1.0, 25.0]      # 0.1 each if not given; dt, period and max_step are measured if not given
# perturbation = 0.1            # the seed's displacement of it, in standard deviations of each coordinate
[parameters]
sigma = 10.0
rho = 28.0
beta = 2.6666666666666665
[equations]                     # derivatives; with time = "map" under [system], next states
x = "sigma*(y - x)"
y = "x*(rho - z) - y"
z = "x*y - beta*z"
```

Equations that conserve something (an energy) need `perturbation = 1e-6` or so: at 0.1 each seed has an energy, hence a
system, of its own. A transient of many Lyapunov times then makes trajectories differ. With 0, without dissipation too,
they differ by the random wandering time only, at most ten periods: of a map they are then pieces of one orbit.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsr.errors import DsrError, SpecError, nearest
from dsr.reading import read_bytes
from dsr.registry import from_options, option

from ..equations import Equations
from .described import changed, describe

SUFFIX = ".toml"
TIME = "t"


@dataclass(frozen=True)
class Description:
    """The section [system] of a file with equations."""

    variables: tuple[str, ...] = option((), "names of the coordinates")
    name: str = option("", "name of the system; that of the file if not given")
    time: str = option("flow", "flow: the equations are derivatives; map: they are next states")
    initial: tuple[float, ...] | None = option(None, "a state in the basin of the attractor; 0.1 each if not given")
    dt: float | None = option(None, "sampling step; a hundredth of the period if not given")
    period: float | None = option(None, "time of a typical cycle; measured on a trial trajectory if not given")
    max_step: float | None = option(None, "largest step of the integration; chosen by halving if not given")
    integrator: str | None = option(None, "rk4, dopri5, lsoda or radau; chosen by a test of stiffness if not given")
    perturbation: float = option(0.1, "the seed's displacement of initial, in scales; 1e-6 if an energy is conserved")
    description: str = option("", "one line")
    citation: str = option("", "source")


@dataclass(frozen=True, eq=False, kw_only=True)
class TextSystem(Equations):
    """`Equations` whose origin tells the equations themselves. Equations with `t` have it as last coordinate, which
    `simulate` does not return: the driven system is autonomous in the state (variables, t), with one more exponent, 0.
    """

    equations: Mapping[str, str]

    def with_parameters(self, **changes: Any) -> TextSystem:
        values = changed(self.name, self.parameters, changes)
        return replace(self, parameters=values, numbers=tuple(values.values()))

    def _provenance(self) -> dict[str, Any]:
        return {"equations": dict(self.equations), **super()._provenance()}


def from_toml(path: str | Path, **parameters: float) -> TextSystem:
    """The system in a TOML file, with these parameters in place of the file's.

    Raises `SpecError` for a file that is none, an unknown key or name (nearest match named), a missing equation, or a
    formula with anything that is not allowed, and `DataError` where the trajectory leaves every bound.
    """
    try:
        tree = tomllib.loads(read_bytes(Path(path)).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SpecError(f"'{path}' is not TOML ({problem})", "a TOML file in UTF-8", "mend that line") from problem
    for section in tree:
        if section not in ("system", "parameters", "equations"):
            raise _unknown_section(section, path)
    about = tree.get("system", {})
    if not isinstance(about, Mapping):
        raise SpecError(f"'{path}': system = {about!r}", "a section [system]", "write [system] and its keys below it")
    return from_text(
        tree.get("equations", {}),
        tree.get("parameters", {}),
        {"name": Path(path).stem, **about},
        parameters,
    )


def from_text(
    equations: Mapping[str, str],
    parameters: Mapping[str, float] | None = None,
    about: Mapping[str, Any] | None = None,
    changes: Mapping[str, float] | None = None,
) -> TextSystem:
    """The system with these equations, one formula per variable; `dsr.systems.own.expression` tells what they may say.

    Parameters
    ----------
    equations : variable to formula of its derivative (flow) or next value (map).
    parameters : name to number. changes : other values for some of them.
    about : the keys of `Description`; variables are those of `equations`, in their order, if not given.
    """
    from .expression import parse, symbols_of
    from .expression_code import field_function, jacobian_function

    about = {"variables": list(equations), **(about or {})} if isinstance(equations, Mapping) else {}
    given = from_options(Description, about, where="section [system]")
    name = given.name or "own system"
    _require_matching(equations, given.variables, name)
    if not isinstance(parameters or {}, Mapping):
        raise SpecError(f"{name}: parameters {parameters!r}", "a section [parameters]", "write name = number below it")
    values = changed(name, dict.fromkeys(parameters or {}, 0.0), parameters or {})
    values = changed(name, values, changes or {})
    symbols = symbols_of([*given.variables, *values])
    clocked = symbols if TIME in symbols else {**symbols, **symbols_of([TIME])}
    formulas = [parse(equations[v], clocked, f"{name}: equation of {v}") for v in given.variables]
    state = [symbols[v] for v in given.variables]
    clock = TIME not in symbols and any(clocked[TIME] in f.free_symbols for f in formulas)
    if clock:
        # the clock goes forward by 1 per unit of time (flow) or per iteration (map)
        formulas.append(1 + (clocked[TIME] if given.time == "map" else 0) + 0 * clocked[TIME])
        state.append(clocked[TIME])
    constants = [symbols[p] for p in values]
    draft = TextSystem(
        name=name,
        time=given.time,
        dim=len(state),
        dt=1.0,
        period=1.0,
        parameters=values,
        default_state=None,  # type: ignore[arg-type]  # the trial below finds it
        names=given.variables,
        description=given.description,
        citation=given.citation,
        observed=len(given.variables) if clock else None,
        field=field_function(formulas, state, constants),
        derivative=jacobian_function(formulas, state, constants),
        numbers=tuple(values.values()),
        scale=(),
        equations=dict(equations),
    )
    measured, _ = describe(
        draft._evaluate, draft.jacobian, name=name, time=given.time, dim=len(state), clock=clock,
        initial=given.initial, dt=given.dt, period=given.period, max_step=given.max_step,
        integrator=given.integrator, perturbation=given.perturbation,
    )  # fmt: skip
    return replace(draft, **measured)


def _require_matching(equations: Any, variables: tuple[str, ...], name: str) -> None:
    if not isinstance(equations, Mapping) or not equations:
        raise SpecError(f"{name} without equations", "a section [equations]", 'write below it x = "y - x"')
    for variable in variables:
        if variable not in equations:
            close = nearest(variable, [e for e in equations if e not in variables])
            raise SpecError(
                f"{name} has no equation of {variable}",
                "one equation for each of " + ", ".join(variables),
                f"rename '{close}' to '{variable}'" if close else f'add {variable} = "..." to the equations',
            )
    for left in equations:
        if left not in variables:
            raise SpecError(
                f"{name} has an equation of '{left}'",
                "equations of the variables " + ", ".join(variables),
                f"add '{left}' to variables, or take its equation out",
            )


def _unknown_section(section: str, path: str | Path) -> DsrError:
    close = nearest(section, ("system", "parameters", "equations"))
    looks_like = "; a run's own spec is started with `dsr run`" if section in ("data", "model", "training") else ""
    return SpecError(
        f"'{path}' has the section [{section}]",
        "the sections [system], [parameters], [equations]" + looks_like,
        f"did you mean [{close}]?" if close else f"take [{section}] out",
    )
