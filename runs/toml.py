"""Writing TOML: the standard library only reads it. Sections one level deep, plain values, inline tables within."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(tree: Mapping[str, Any]) -> str:
    """TOML text of a spec: scalar keys first, then one section for each mapping."""
    scalars = [_pair(k, v) for k, v in tree.items() if not isinstance(v, Mapping)]
    parts = ["\n".join(scalars)] if scalars else []
    for name, table in tree.items():
        if isinstance(table, Mapping):
            parts.append("\n".join([f"[{_key(name)}]", *(_pair(k, v) for k, v in table.items())]))
    return "\n\n".join(parts) + "\n"


def _pair(key: str, value: Any) -> str:
    return f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # which JSON leaves as it is


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_pair(k, v) for k, v in value.items()) + " }"
    raise TypeError(f"a spec cannot hold {type(value).__name__}")
