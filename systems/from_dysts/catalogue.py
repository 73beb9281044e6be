"""What dysts ships, by name: flows, maps and delay equations.

Equations, parameters, initial conditions, periods and citations only. dysts's stored exponents and dimensions are not
passed on: they differ from careful values by a median of 20 % and by more than a factor of 2 for many flows. Its
`make_trajectory` is not used either: it reseeds numpy's global generator, ignores `dt`, and discards no transient.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dsr.errors import SpecError, unknown

from ..base import System

DYSTS_PREFIX = "dysts:"
KINDS = ("continuous_no_delay", "discrete", "delay")
# a map of the same name as a flow is told apart by this ending
MAP = "Map"


@cache
def dysts_names(kind: str = "continuous_no_delay") -> list[str]:
    """Names in dysts, sorted, without the prefix: the flows without delay ("continuous_no_delay"), the maps
    ("discrete") or the delay equations ("delay"). Importing dysts takes about 2 s.

    Raises `SpecError` for another kind, and where dysts is installed but cannot be imported.
    """
    if kind not in KINDS:
        raise unknown("kind of dysts system", kind, KINDS)
    try:
        from dysts.systems import get_attractor_list
    except ImportError as problem:
        raise SpecError(
            f"dysts cannot be imported ({problem})",
            "an installation in which `import dysts.systems` works",
            "repair it, for example with pip install --upgrade dysts numpy pyarrow",
        ) from problem

    names = get_attractor_list(kind)
    if kind == "discrete":
        flows = get_attractor_list("continuous")
        names = sorted(name + MAP if name in flows else name for name in names)
    return names


def load_dysts(name: str, parameters: Mapping[str, Any]) -> System:
    """The dysts system of that name, `parameters` replacing some or all of its defaults.

    Raises `SpecError` for an unknown system or parameter (nearest match named), or a parameter of another type or shape
    than the default.
    """
    if name in dysts_names():
        import dysts.flows

        from .flow import dysts_flow

        return dysts_flow(_built(getattr(dysts.flows, name), name, parameters), DYSTS_PREFIX + name)
    if name in dysts_names("discrete"):
        import dysts.maps

        from .map import dysts_map

        kind = getattr(dysts.maps, name, None) or getattr(dysts.maps, name.removesuffix(MAP))
        return dysts_map(_built(kind, name, parameters), DYSTS_PREFIX + name)
    if name in dysts_names("delay"):
        import dysts.flows

        from .delay import dysts_delay

        return dysts_delay(_built(getattr(dysts.flows, name), name, parameters), DYSTS_PREFIX + name)
    every = [known for kind in KINDS for known in dysts_names(kind)]
    raise unknown("dysts system", name, every, show="dsr systems")


def _built(kind: type, name: str, parameters: Mapping[str, Any]) -> Any:
    """The dysts object with these parameters, which dysts takes only whole; a partial dictionary breaks later."""
    defaults = kind().params
    values = dict(defaults)
    for key, value in parameters.items():
        if not defaults:
            raise SpecError(f"dysts:{name} got the parameter '{key}'", "no parameters at all", f"remove '{key}'")
        if key not in defaults:
            raise unknown(f"parameter of dysts:{name} named", key, defaults)
        values[key] = _like(defaults[key], value, f"dysts:{name}: {key}")
    return kind(parameters=values)


def _like(default: Any, value: Any, where: str) -> Any:
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        array = np.array("")
    shape = np.shape(default)
    if array.dtype.kind not in "iuf" or array.shape != shape or not np.isfinite(array).all():
        wanted = "a finite number" if shape == () else f"finite numbers in the shape {shape}"
        raise SpecError(f"{where} = {value!r}", wanted, f"the default is {np.asarray(default).tolist()}")
    return float(array) if shape == () else array.astype(float)
