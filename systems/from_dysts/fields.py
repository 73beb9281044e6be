"""Compiled forms of dysts's right-hand sides and maps, all of one type, so that loops over them are compiled once."""

from __future__ import annotations

import math
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from ..integration.compiled_steps import pointer
from ..integration.integrate import compiled
from .rewritten import REWRITTEN

DIFFERENCES = "central differences of the equations"
WIDTH = float(np.cbrt(np.finfo(float).eps))  # of central differences, in parts of a coordinate's size


@dataclass(frozen=True, eq=False)
class Pointers:
    """`field(x, out, p)` and `derivative(x, J, p)` as pointers to machine code, and `plain`, the field for calls from
    Python.

    p (parameters + dim,) : the parameters in alphabetical order, arrays flattened, then the size of each coordinate,
    which the central differences in `derivative` take their width from. Calling a pointer costs nanoseconds; compiling
    every loop anew for each of 150 systems would cost seconds each.
    """

    field: Any
    derivative: Any
    plain: Callable[[np.ndarray, np.ndarray, np.ndarray], None]


def at_each(function: Any, p: np.ndarray, states: np.ndarray, found: np.ndarray) -> None:
    """The field (n, dim) or its derivative (n, dim, dim) at states (n, dim), by pointer; written into `found`."""
    compiled(_at_each)(function, p, np.require(states, float, ["C", "W"]), found)


def _at_each(function, p, states, found):
    for i in range(states.shape[0]):
        function(states[i], found[i], p)


def packed(parameters: list[Any], size: np.ndarray) -> np.ndarray:
    """The array `p` that `Pointers` take."""
    return np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in [*parameters, size]])


def delay_pointers(system: Any) -> Pointers:
    """Compiled right-hand side of a scalar delay equation, a function of the pair (x(t), x(t - tau)).

    Raises `RuntimeError` where dysts has changed so that it does not compile.
    """
    found = _compile(type(system), tuple(sorted(system.params)), ((),) * len(system.params), 2, False)  # type: ignore[arg-type]
    if found is None:
        raise RuntimeError(f"{type(system).__name__} of this version of dysts does not compile")
    return found


def pointers(system: Any, dim: int, clock: bool, at: np.ndarray, expected: np.ndarray) -> Pointers | None:
    """Compiled equations of a dysts system with `dim` coordinates of its own, or None where numba cannot take them.

    clock : the equations depend on time, which is appended to x as a further coordinate that grows at the rate 1.
    at (points, dim + clock), expected : states, and what the plain equations give there; a compiled form that says
    otherwise (relative 1e-9) is not used.
    """
    shapes = tuple(np.shape(value) for value in system.param_list)
    names = tuple(sorted(system.params))
    found = _compile(type(system), names, shapes, dim, clock)  # type: ignore[arg-type]  # mypy: types do not hash
    if found is None:
        return None
    p, out = packed(system.param_list, np.ones(dim + clock)), np.empty(dim + clock)
    for x, wanted in zip(at, expected, strict=True):
        found.plain(x, out, p)
        if not np.allclose(out, wanted, rtol=1e-9, atol=1e-12 * max(1.0, float(np.abs(wanted).max()))):
            return None
    return found


@cache
def _compile(kind: type, names: tuple[str, ...], shapes: tuple, dim: int, clock: bool) -> Pointers | None:
    import numba
    from numba import types

    _teach_numba()
    signature = types.void(*[types.float64[::1]] * 3)
    for body, namespace in _forms(kind, names, shapes, dim, clock):
        # a text made below, of indices and our own names
        exec(f"def field(x, out, p):\n    {body}", namespace)
        try:
            field = numba.njit(signature, error_model="numpy", nogil=True)(namespace["field"])
            derivative = compiled(_differences(field, dim + clock, 1 if _delayed(kind) else dim + clock))
            return Pointers(pointer(field), pointer(derivative, matrix=True), field)
        except Exception:  # numba refuses what it cannot type, in many ways: try the next form
            continue
    return None


def _forms(
    kind: type, names: tuple[str, ...], shapes: tuple, dim: int, clock: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies of `field(x, out, p)`, with what their names mean: the equations are a static function `_rhs` of numbers,
    or a method `rhs` of a state, taken as a tuple or as an array.
    """
    arguments, used = [], 0
    for shape in shapes:
        size = math.prod(shape)
        arguments.append(f"p[{used}]" if shape == () else f"p[{used}:{used + size}].reshape({shape})")
        used += size
    components = ", ".join(f"x[{i}]" for i in range(dim))
    time = [] if hasattr(kind, "rhs_inv") else [f"x[{dim}]" if clock else "0.0"]  # maps do not take it
    targets = "out[0]" if dim == 1 or _delayed(kind) else "".join(f"out[{i}], " for i in range(dim))
    end = f"\n    out[{dim}] = 1.0" if clock else ""
    method = next((vars(base)["rhs"] for base in kind.__mro__ if "rhs" in vars(base)), None)
    written = REWRITTEN.get(kind.__name__)
    if written or method is None or not method.__module__.endswith("flows"):
        static = getattr(kind, "_rhs", None)
        given = ", ".join([components, *time, *arguments])
        yield f"{targets} = rhs({given}){end}", {"rhs": compiled(written or getattr(static, "py_func", static))}
        return
    given = ", ".join(arguments)
    namespace = {"rhs": compiled(_without_underscores(method)), "stand_in": _stand_in(kind, names)}
    yield f"{targets} = rhs(stand_in({given}), ({components}), {time[0]}){end}", namespace
    yield f"out[:{dim}] = rhs(stand_in({given}), x[:{dim}], {time[0]}){end}", namespace


def _delayed(kind: type) -> bool:
    return hasattr(kind, "delayed_rhs")


def _stand_in(kind: type, names: tuple[str, ...]) -> Any:
    """Makes what a method reads off its object, a named tuple of parameters and compiled static functions."""
    functions = {
        name.lstrip("_"): function.__func__
        for base in reversed(kind.__mro__)
        for name, function in vars(base).items()
        if isinstance(function, staticmethod) and hasattr(function.__func__, "py_func")
    }
    together = namedtuple("together", [*names, *functions])  # type: ignore[misc]
    compiled_functions = tuple(functions.values())

    @compiled
    def make(*parameters):
        return together(*parameters, *compiled_functions)

    return make


def _without_underscores(method: Callable) -> Callable:
    """The method with `self.f` for `self._f`: a named tuple has no field that starts with an underscore."""
    code = method.__code__
    return FunctionType(code.replace(co_names=tuple(n.lstrip("_") for n in code.co_names)), method.__globals__)


def _differences(field: Any, dim: int, components: int) -> Callable[..., None]:
    width = WIDTH

    def by_differences(x, J, p):
        y, ahead, behind = x.copy(), np.empty(components), np.empty(components)
        for j in range(dim):
            h = width * max(p[p.shape[0] - dim + j], 1e-3 * abs(x[j]))
            y[j] = x[j] + h
            field(y, ahead, p)
            y[j] = x[j] - h
            field(y, behind, p)
            for i in range(components):
                J[i, j] = (ahead[i] - behind[i]) / (2.0 * h)
            y[j] = x[j]

    return by_differences


@cache
def _teach_numba() -> None:
    """numba 0.68 does not know `np.heaviside`, which three flows use, and calls function pointers experimental."""
    from numba.core.errors import NumbaExperimentalFeatureWarning
    from numba.extending import overload

    warnings.filterwarnings("ignore", category=NumbaExperimentalFeatureWarning)

    @overload(np.heaviside)
    def heaviside(x, at_zero):
        return lambda x, at_zero: 1.0 if x > 0.0 else (0.0 if x < 0.0 else float(at_zero))
