"""Registries: a new model, system or forcing is a frozen config dataclass registered under a name."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from .errors import SpecError, unknown

T = TypeVar("T")


def option(default: Any, help: str) -> Any:
    """A dataclass field with a default and the one-line help shown by the command line and the docs."""
    return dataclasses.field(default=default, metadata={"help": help})


class Registry(Generic[T]):
    """Names mapped to config classes. `kind` is the word used in messages ("model")."""

    def __init__(self, kind: str, *, show: str | None = None) -> None:
        self.kind, self.show = kind, show
        self._entries: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        def add(cls: type[T]) -> type[T]:
            known = self._entries.get(name, cls)
            # the same class once more is a cell of a notebook that was run again
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._entries[name] = cls
            return cls

        return add

    def __iter__(self):
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> type[T]:
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries, show=self.show)
        return self._entries[name]

    def build(self, name: str, options: Mapping[str, Any]) -> T:
        """The config of that name with these options; unknown keys and wrong types raise `SpecError`."""
        return from_options(self[name], options, where=f"{self.kind} '{name}'")


def options_of(cls: type) -> list[tuple[str, str, Any, str]]:
    """(key, type, default, help) of each field of a config dataclass."""
    hints = typing.get_type_hints(cls)
    return [
        (f.name, _type_name(hints[f.name]), f.default, f.metadata.get("help", ""))
        for f in dataclasses.fields(cls)
        if f.init
    ]


def from_options(cls: type[T], options: Mapping[str, Any], *, where: str) -> T:
    """A config dataclass from a mapping, checked: the one place where keys and types of a spec are judged.

    Raises `SpecError` for an unknown key (nearest match named), a missing one without default, or a value of
    the wrong type.
    """
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls) if f.init]  # type: ignore[arg-type]
    values = {}
    for key, value in options.items():
        if key not in known:
            if not known:
                raise SpecError(f"{where} got the key '{key}'", "no keys at all", f"remove '{key}'")
            raise unknown(f"key in {where} named", key, known)
        values[key] = _checked(value, hints[key], f"{where}: {key}")
    required = [
        f.name
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        if f.init and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    for key in required:
        if key not in values:
            raise SpecError(f"{where} without the key '{key}'", "a value for it", f"add {key} = ...")
    return cls(**values)


def _type_name(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(_type_name(h) for h in hint.__args__)
    if typing.get_args(hint):
        return str(hint)
    return "none" if hint is type(None) else getattr(hint, "__name__", str(hint))


def _checked_tuple(value: Sequence[Any], hints: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not hints:
        return tuple(value)
    each = hints[:1] * len(value) if hints[-1] is ... else hints
    if len(each) != len(value):
        raise SpecError(f"{where} = {list(value)!r}", f"a list of {len(each)} values", "give that many values")
    return tuple(_checked(v, h, f"{where}[{i}]") for i, (v, h) in enumerate(zip(value, each, strict=True)))


def _checked(value: Any, hint: Any, where: str) -> Any:
    allowed = hint.__args__ if isinstance(hint, types.UnionType) else (hint,)
    for kind in allowed:
        base = typing.get_origin(kind) or kind
        if base is type(None) and value is None:
            return None
        if base is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) + 0.0  # -0.0 is 0.0
        if base is tuple and isinstance(value, list | tuple):
            return _checked_tuple(value, typing.get_args(kind), where)
        if base in (int, bool, str, dict) and type(value) is base:
            return value
    raise SpecError(f"{where} = {value!r} ({type(value).__name__})", _type_name(hint), "give a value of that type")
