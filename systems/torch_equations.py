"""The same equations on torch's tensors: their code is run again with torch's functions where it says np or math.

Nothing is written twice: `np.sin(x[0])` in a field becomes `torch.sin(x[0])` by handing the function's own code other
globals.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from dsr.errors import SpecError

RENAMED = {"mod": "remainder", "power": "pow", "fabs": "abs"}
# functions of torch that take no plain number beside a tensor
TENSORS_ONLY = ("arctan2", "atan2", "copysign", "fmax", "fmin", "heaviside", "hypot", "maximum", "minimum", "where")


def in_torch(function: Callable) -> Callable:
    """The function with numpy and math replaced by torch, in what it calls too; others are returned as they are."""
    return _rebound(function, {})


def _rebound(function: Any, done: dict[int, Any]) -> Any:
    if not isinstance(function, types.FunctionType):
        return function
    if id(function) in done:
        return done[id(function)]
    scope = dict(function.__globals__)
    other = types.FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, _cells(function, done)
    )
    other.__kwdefaults__ = function.__kwdefaults__
    done[id(function)] = other
    for name in _names(function.__code__):
        if name in scope:
            scope[name] = _replaced(scope[name], done)
    return other


def _cells(function: types.FunctionType, done: dict[int, Any]) -> tuple[types.CellType, ...] | None:
    if function.__closure__ is None:
        return None
    return tuple(types.CellType(_replaced(cell.cell_contents, done)) for cell in function.__closure__)


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*inner)


def _replaced(value: Any, done: dict[int, Any]) -> Any:
    if value is np or value is math:
        return TorchNames(value)
    return _rebound(value, done)


class TorchNames:
    """Stands where a module was: constants and functions of numbers are the module's, functions of tensors torch's."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self._module, name)
        if not callable(plain):
            return plain

        def call(*arguments: Any, **options: Any) -> Any:
            tensor = _a_tensor(arguments)
            if tensor is None:
                return plain(*arguments, **options)
            if name in ("array", "asarray", "stack"):
                return _stacked(arguments[0], tensor)
            if name in TENSORS_ONLY:
                arguments = tuple(_tensor_like(a, tensor) for a in arguments)
            return _torch_function(name)(*arguments, **options)

        return call


def _torch_function(name: str) -> Callable:
    import torch

    found = getattr(torch, RENAMED.get(name, name), None)
    if found is None:
        raise SpecError(
            f"equations with {name}(...) on a device of torch", "functions that torch has too", 'give device="cpu"'
        )
    return found


def _a_tensor(arguments: tuple[Any, ...]) -> Any:
    """The first tensor among the arguments, or within a list among them."""
    import torch

    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            return argument
        if isinstance(argument, list | tuple):
            found = _a_tensor(tuple(argument))
            if found is not None:
                return found
    return None


def _tensor_like(value: Any, tensor: Any) -> Any:
    import torch

    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=torch.float64).to(tensor.device)


def _stacked(values: Any, tensor: Any) -> Any:
    import torch

    return torch.stack(torch.broadcast_tensors(*(_tensor_like(v, tensor) for v in values)))
